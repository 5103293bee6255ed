from __future__ import annotations

import pytest

from tests.rules.bench import LiteralFacts, decide, pipeline, run
from vsmtp.rules.evaluate import Asks, Ended, Fired, Walk
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.template import render_text
from vsmtp.rules.verdicts import Accept, Defer, Discard, Quarantine, Refuse, Trust, Verdict
from vsmtp.values.answer import MISSING, OverLimit, Unavailable
from vsmtp.values.diagnostic import KeyPath
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage

DOWN = Unavailable("down")
CONFLICT = """
[[rules.rcpt]]
name = "first"
when.rcpt.known = false
{policy}
reject = "550 5.1.1 No such user here"
"""


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ("accept = true", Accept()),
        ("trust = true", Trust()),
        ("discard = true", Discard()),
        ('quarantine = "virus"', Quarantine("virus")),
        ('reject = "554 5.7.1 No"', Refuse(Reply(554, "5.7.1", "No"))),
        ('reject = "554 No"\nclose = true', Refuse(Reply(554, "5.7.1", "No"), close=True)),
        ('defer = { code = 450, text = "Later" }', Defer(Reply(450, "4.7.1", "Later"))),
        ('reject = "554 5.7.1 Not {sender.domain|anyone}"', Refuse(Reply(554, "5.7.1", "Not b.example"))),
    ],
)
def test_a_verdict_ends_the_stage(written: str, verdict: Verdict) -> None:
    ended = decide(f'[[rules.rcpt]]\nname = "r"\n{written}', {"sender.domain": "b.example"}, Stage.RCPT)
    assert ended == Ended(verdict, RuleInfo("r", Stage.RCPT, ("rules", "rcpt", 0)))


def test_at_connect_a_refusal_is_554_and_a_deferral_421() -> None:
    reject = '[[rules.connect]]\nname = "r"\nreject = "550 5.7.1 No"'
    defer = '[[rules.connect]]\nname = "r"\ndefer = "450 4.7.1 Later"'
    assert decide(reject, {}, Stage.CONNECT).verdict == Refuse(Reply(554, "5.7.1", "No"))
    assert decide(defer, {}, Stage.CONNECT).verdict == Defer(Reply(421, "4.7.1", "Later"))


def test_return_in_the_root_table_goes_on_with_the_shipped_rules() -> None:
    text = """
    [[rules.rcpt]]
    name = "exempt"
    return = true
    [[rules.rcpt]]
    name = "never reached"
    discard = true
    [[shipped.rcpt]]
    name = "shipped"
    reject = "554 5.7.1 No"
    """
    assert decide(text, {}, Stage.RCPT).rule == RuleInfo("shipped", Stage.RCPT, ("shipped", "rcpt", 0))


def test_return_in_a_chain_goes_on_after_the_jump() -> None:
    text = """
    [[rules.rcpt]]
    name = "jump"
    jump = "c"
    [[rules.rcpt]]
    name = "after"
    discard = true
    [[chains.c]]
    name = "back"
    return = true
    [[chains.c]]
    name = "never reached"
    accept = true
    """
    ended = decide(text, {}, Stage.RCPT)
    assert ended.rule is not None
    assert ended.rule.name == "after"


@pytest.mark.parametrize(
    ("policy", "verdict", "skipped"),
    [
        ("", Defer(Reply(451, "4.3.0", "Temporary failure, try again later")), 0),
        ('unavailable = "skip"', None, 1),
        ('unavailable = "match"', Refuse(Reply(550, "5.1.1", "No such user here")), 0),
    ],
)
def test_a_rule_left_undecided_does_what_its_policy_says(
    policy: str, verdict: Verdict | None, skipped: int
) -> None:
    facts = LiteralFacts({"rcpt.known": DOWN})
    walk = Walk(pipeline(CONFLICT.format(policy=policy), Stage.RCPT), facts)
    assert run(walk, facts)[1].verdict == verdict
    assert len(walk.skipped) == skipped


def test_a_limit_of_ours_is_permanent() -> None:
    text = '[[rules.prequeue]]\nname = "r"\nwhen.message.subject = "x"\ndiscard = true'
    ended = decide(text, {"message.subject": OverLimit("too long")})
    assert isinstance(ended.verdict, Refuse)
    assert (ended.verdict.reply.code, ended.verdict.reply.enhanced) == (554, "5.6.0")
    assert ended.unavailable == ("message.subject",)


def test_what_needs_io_is_asked_for_and_then_remembered() -> None:
    facts = LiteralFacts({"rcpt.known": False}, frozenset({"rcpt.known"}))
    walk = Walk(pipeline(CONFLICT.format(policy=""), Stage.RCPT), facts)
    assert walk.advance() == Asks(frozenset({"rcpt.known"}))
    assert walk.advance() == Asks(frozenset({"rcpt.known"}))
    facts.fetch(frozenset({"rcpt.known"}))
    assert isinstance(walk.advance(), Ended)
    assert walk.advance() is walk.advance()


def test_a_costly_fact_that_cannot_matter_is_not_asked() -> None:
    text = """
    [[rules.rcpt]]
    name = "r"
    when.rcpt.known = false
    when.rcpt.domain = "example.org"
    discard = true
    """
    facts = LiteralFacts({"rcpt.domain": "else.example"}, frozenset({"rcpt.known"}))
    _, ended = run(Walk(pipeline(text, Stage.RCPT), facts), facts)
    assert ended.verdict is None
    assert facts.fetched == []


def test_named_groups_reach_the_effects_and_the_reply() -> None:
    text = """
    [[rules.mail]]
    name = "r"
    when.sender.local.matches = "^bounce-(?P<id>[0-9]+)$"
    do = [ { log = "bounce {match.id}" } ]
    reject = "554 5.7.1 Not {match.id}"
    """
    facts = LiteralFacts({"sender.local": "bounce-42"})
    walk = Walk(pipeline(text, Stage.MAIL), facts)
    fired = walk.advance()
    assert isinstance(fired, Fired)
    assert [render_text(e.text, fired.facts) for e in fired.effects if hasattr(e, "text")] == ["bounce 42"]
    assert run(walk, facts)[1].verdict == Refuse(Reply(554, "5.7.1", "Not 42"))


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    text = '[[rules.mail]]\nname = "r"\ndry_run = true\nreject = "554 5.7.1 No"'
    facts = LiteralFacts({})
    fired, ended = run(Walk(pipeline(text, Stage.MAIL), facts), facts)
    assert ended.verdict is None
    assert ["dry run" in str(effect) and "554 5.7.1 No" in str(effect) for effect in fired[0].effects] == [
        True
    ]


def test_an_observer_hears_what_refuted_a_rule() -> None:
    class Watcher:
        def __init__(self) -> None:
            self.heard: list[object] = []

        def asked(self, fact: str, answer: Answer) -> None:
            self.heard.append((fact, answer))

        def refuted(self, rule: RuleInfo, condition: KeyPath, fact: str) -> None:
            self.heard.append((rule.name, condition[2:], fact))

        def exempted(self, rule: RuleInfo, exemption: KeyPath) -> None:
            self.heard.append(("exempted", rule.name, exemption[2:]))

        def undecided(self, rule: RuleInfo, unavailable: tuple[str, ...]) -> None:
            self.heard.append(("undecided", rule.name, unavailable))

        def fired(self, rule: RuleInfo) -> None:
            self.heard.append(("fired", rule.name))

    text = """
    [[rules.rcpt]]
    name = "no"
    when.rcpt.domain = "example.org"
    discard = true
    [[rules.rcpt]]
    name = "exempted"
    unless.rcpt.local = "a"
    discard = true
    [[rules.rcpt]]
    name = "stuck"
    when.rcpt.known = true
    unavailable = "skip"
    discard = true
    [[rules.rcpt]]
    name = "yes"
    accept = true
    """
    facts = LiteralFacts({"rcpt.domain": "b.example", "rcpt.local": "a", "rcpt.known": DOWN})
    watcher = Watcher()
    run(Walk(pipeline(text, Stage.RCPT), facts, watcher), facts)
    assert watcher.heard == [
        ("rcpt.domain", "b.example"),
        ("no", (0, "when", "rcpt", "domain"), "rcpt.domain"),
        ("rcpt.local", "a"),
        ("exempted", "exempted", (1, "unless", "rcpt", "local")),
        ("rcpt.known", DOWN),
        ("undecided", "stuck", ("rcpt.known",)),
        ("fired", "yes"),
    ]


def test_a_rule_after_an_edit_of_the_header_looks_again() -> None:
    text = """
    [[rules.prequeue]]
    name = "mark"
    when.message.headers.x-mark.exists = false
    do = [ { add_header = { name = "X-Mark", value = "1" } } ]
    [[rules.prequeue]]
    name = "see"
    when.message.headers.x-mark = "1"
    discard = true
    """
    facts = LiteralFacts({"message.headers.x-mark": MISSING})
    walk = Walk(pipeline(text, Stage.PREQUEUE), facts)
    assert isinstance(walk.advance(), Fired)
    facts.answers = {"message.headers.x-mark": ("1",)}
    ended = walk.advance()
    assert isinstance(ended, Ended)
    assert ended.verdict == Discard()
