from __future__ import annotations

import pytest
import tomli

from tests.rules.bench import by_stage, compiled, faults
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.stages import Stage

DROP = "discard = true"


def rcpt(body: str) -> str:
    return f'[[rules.rcpt]]\nname = "r"\n{body}\n'


HERE = ("rules", "rcpt", 0)
WHEN = (*HERE, "when")
FAULTS: list[tuple[str, str, KeyPath, str, str]] = [
    (
        rcpt("when.rcpt.domian = 'x'\ndiscard=true"),
        "unknown-fact",
        (*WHEN, "rcpt", "domian"),
        "key",
        "rcpt.domain",
    ),
    (rcpt("when.match.x = 'x'"), "unknown-fact", (*WHEN, "match"), "key", "effects and replies"),
    (rcpt("when.message.subject = 'x'"), "fact-too-early", (*WHEN, "message", "subject"), "key", "prequeue"),
    (rcpt("when.sender.domain = '{queue.id}'"), "fact-too-early", (*WHEN, "sender", "domain"), "value", ""),
    (rcpt("when.client.ip = 'nonsense'"), "wrong-type", (*WHEN, "client", "ip"), "value", ""),
    (
        rcpt("when.client.ip = ['10.0.0.0/8', '10.0.0.1/8']"),
        "wrong-type",
        (*WHEN, "client", "ip", 1),
        "value",
        "",
    ),
    (rcpt("when.rcpt.domain = 'a@b'"), "wrong-type", (*WHEN, "rcpt", "domain"), "value", ""),
    (rcpt("when.rcpt.known = 'yes'"), "wrong-type", (*WHEN, "rcpt", "known"), "value", ""),
    (rcpt("when.rcpt.known.exists = 1"), "wrong-type", (*WHEN, "rcpt", "known", "exists"), "value", ""),
    (rcpt("when.time.weekday = 'mon'"), "impossible-value", (*WHEN, "time", "weekday"), "value", "monday"),
    (
        rcpt("when.sender.size.between = [5, 1]"),
        "wrong-type",
        (*WHEN, "sender", "size", "between"),
        "value",
        "",
    ),
    (rcpt("when.rcpt.domain = '@trusted'"), "wrong-type", (*WHEN, "rcpt", "domain"), "value", ""),
    (rcpt("when.client.ip = '{rcpt.domain}'"), "wrong-type", (*WHEN, "client", "ip"), "value", ""),
    (
        rcpt("when.rcpt.domain = '@lcal_domains'"),
        "unknown-table",
        (*WHEN, "rcpt", "domain"),
        "value",
        "@local_domains",
    ),
    (rcpt("when.client.ip.glob = '1*'"), "bad-test", (*WHEN, "client", "ip", "glob"), "key", "it has"),
    (rcpt("when.rcpt.domain.undr = 'x'"), "bad-test", (*WHEN, "rcpt", "domain", "undr"), "key", "under"),
    (
        rcpt("when.rcpt.domain.older_than = '5d'"),
        "bad-test",
        (*WHEN, "rcpt", "domain", "older_than"),
        "key",
        "",
    ),
    (
        "[[rules.prequeue]]\nname = 'r'\nwhen.message.date.older_than = '{queue.age}'",
        "fact-too-early",
        ("rules", "prequeue", 0, "when", "message", "date", "older_than"),
        "value",
        "",
    ),
    (
        "[[rules.delivery]]\nname = 'r'\nwhen.message.date.older_than = '{queue.age}'",
        "wrong-type",
        ("rules", "delivery", 0, "when", "message", "date", "older_than"),
        "value",
        "",
    ),
    (rcpt("when.sendr.domain = 'x'"), "unknown-fact", (*WHEN, "sendr"), "key", "`sender.domain`"),
    (rcpt("quarantine = 'viruss'"), "unknown-quarantine", (*HERE, "quarantine"), "value", "`virus`"),
    (rcpt("allow = ['never-ture']"), "bad-choice", (*HERE, "allow", 0), "value", "`never-true`"),
    (rcpt("allow = ['xyz']"), "bad-choice", (*HERE, "allow", 0), "value", "known are `always-true`"),
    (rcpt("when.rcpt.domain.any = {is='x'}"), "bad-test", (*WHEN, "rcpt", "domain", "any"), "key", ""),
    (
        rcpt("when.rcpts.domain.any = {exists=true}"),
        "bad-test",
        (*WHEN, "rcpts", "domain", "any", "exists"),
        "key",
        "",
    ),
    (rcpt("when.rcpts.domain.not = 'x'"), "bare-negative", (*WHEN, "rcpts", "domain", "not"), "key", "none"),
    (rcpt("when.rcpt.local.matches = '(a'"), "bad-regex", (*WHEN, "rcpt", "local", "matches"), "value", ""),
    (rcpt("jump = 'nowhere'"), "unknown-chain", (*HERE, "jump"), "value", ""),
    (rcpt("accept = true\ndiscard = true"), "two-verdicts", (*HERE, "discard"), "key", ""),
    (rcpt("accept = false"), "wrong-type", (*HERE, "accept"), "value", ""),
    (rcpt("reject = '450 4.7.1 x'"), "bad-reply", (*HERE, "reject"), "value", ""),
    (rcpt("reject = '554 4.7.1 x'"), "bad-reply", (*HERE, "reject"), "value", ""),
    (rcpt("reject = 'no'"), "bad-reply", (*HERE, "reject"), "value", ""),
    (rcpt("reject = { code = '554' }"), "bad-reply", (*HERE, "reject"), "value", ""),
    (rcpt("reject = { code = 554, txt = 'x' }"), "unknown-key", (*HERE, "reject", "txt"), "key", "text"),
    (rcpt("reject = '554 5.7.1 {open'"), "bad-template", (*HERE, "reject"), "value", ""),
    (rcpt("reject = '554 5.7.1 {match.x}'"), "unknown-fact", (*HERE, "reject"), "value", "(?P<name>"),
    (
        rcpt("defer = { code = 450, retry_in = '5m' }"),
        "verdict-not-allowed",
        (*HERE, "defer", "retry_in"),
        "key",
        "",
    ),
    (rcpt("accept = true\nclose = true"), "verdict-not-allowed", (*HERE, "close"), "key", ""),
    (
        rcpt("do = [ { log = '{rcpt.domian}' } ]"),
        "unknown-fact",
        (*HERE, "do", 0, "log"),
        "value",
        "rcpt.domain",
    ),
    (rcpt("do = [ { lgo = 'x' } ]"), "unknown-key", (*HERE, "do", 0, "lgo"), "key", "log"),
    (rcpt("do = [ { pipe = 'x' } ]"), "not-yet", (*HERE, "do", 0, "pipe"), "key", ""),
    (
        rcpt("do = [ { log = {level='x', text='y'} } ]"),
        "wrong-type",
        (*HERE, "do", 0, "log", "level"),
        "value",
        "",
    ),
    (rcpt("do = [ { add_header = {name='X'} } ]"), "missing-key", (*HERE, "do", 0, "add_header"), "key", ""),
    (
        rcpt("do = [ { remove_header = 'a b' } ]"),
        "wrong-type",
        (*HERE, "do", 0, "remove_header"),
        "value",
        "",
    ),
    (rcpt("do = { log = 'x' }"), "wrong-type", (*HERE, "do"), "value", ""),
    (rcpt("do = ['x']"), "wrong-type", (*HERE, "do", 0), "value", ""),
    (rcpt("rejct = '554 x'"), "unknown-key", (*HERE, "rejct"), "key", "reject"),
    (rcpt("delegate = 'x'"), "verdict-not-allowed", (*HERE, "delegate"), "key", ""),
    (
        "[[rules.delivery]]\nname = 'r'\ndelegate = 'x'",
        "not-yet",
        ("rules", "delivery", 0, "delegate"),
        "key",
        "",
    ),
    (rcpt("stage = 'rcpt'"), "bad-stage", (*HERE, "stage"), "key", "leave"),
    (rcpt("unavailable = 'maybe'"), "wrong-type", (*HERE, "unavailable"), "value", ""),
    (rcpt("dry_run = 1"), "wrong-type", (*HERE, "dry_run"), "value", ""),
    (rcpt("allow = 'x'"), "wrong-type", (*HERE, "allow"), "value", ""),
    (rcpt("any = {}"), "wrong-type", (*HERE, "any"), "value", ""),
    (rcpt("when = 1"), "wrong-type", WHEN, "value", ""),
    ("[[rules.rcpt]]\ndiscard = true", "missing-key", HERE, "key", "name"),
    ("[[rules.rcpt]]\nname = ''", "wrong-type", (*HERE, "name"), "value", ""),
    (rcpt("") + rcpt(""), "duplicate-name", ("rules", "rcpt", 1, "name"), "value", ""),
    ("[[chains.shipped]]\nname = 'r'", "reserved-name", ("chains", "shipped"), "key", "another"),
    (
        "[[rules.prequeue]]\nname = 'r'\ntrust = true",
        "verdict-not-allowed",
        ("rules", "prequeue", 0, "trust"),
        "key",
        "accept",
    ),
    (
        "[[rules.prequeue]]\nname = 'r'\nwhen.rcpt.local = 'x'",
        "fact-too-early",
        ("rules", "prequeue", 0, "when", "rcpt", "local"),
        "key",
        "rcpts",
    ),
    (
        "disable = ['rcpt/no-relayin']\n[[shipped.rcpt]]\nname = 'no-relaying'",
        "unknown-rule",
        ("rules", "disable", 0),
        "value",
        "no-relaying",
    ),
    (
        "[[chains.c]]\nname = 'r'\nwhen.rcpt.x = 'x'",
        "unknown-fact",
        ("chains", "c", 0, "when", "rcpt", "x"),
        "key",
        "",
    ),
    ("[[chains.c]]\nname = 'r'\njump = 'c'", "chain-cycle", ("chains", "c", 0, "jump"), "value", ""),
]


@pytest.mark.parametrize(("text", "code", "path", "at", "remedy"), FAULTS)
def test_a_fault_has_its_code_and_its_place(
    text: str, code: str, path: KeyPath, at: str, remedy: str
) -> None:
    found = faults(text)
    assert [(fault.code, fault.path, fault.at) for fault in found] == [(code, path, at)]
    assert remedy in found[0].help
    assert found[0].message[0] == "`" or found[0].message[0].islower() or found[0].message.startswith("RE2")


def test_an_unanchored_pattern_on_an_address_is_warned_of() -> None:
    found = faults(rcpt("when.rcpt.address.matches = '@example'\ndiscard = true"))
    assert [(fault.code, fault.severity) for fault in found] == [("unanchored-regex", "warning")]
    assert faults(rcpt("when.rcpt.address.matches = '@example[.]org$'\ndiscard = true")) == []


def test_a_chain_that_two_stages_reach_tells_its_faults_once() -> None:
    text = """
    [[rules.mail]]
    name = "a"
    jump = "c"
    [[rules.rcpt]]
    name = "a"
    jump = "c"
    [[chains.c]]
    name = "b"
    when.sender.nul = true
    """
    assert [fault.code for fault in faults(text)] == ["unknown-fact"]


def test_chains_in_a_wider_circle_are_a_fault() -> None:
    text = "[[chains.a]]\nname='x'\njump='b'\n[[chains.b]]\nname='x'\njump='a'\n"
    text += "[[rules.rcpt]]\nname='x'\njump='a'"
    assert "chain-cycle" in {fault.code for fault in faults(text)}


def test_a_stage_without_rules_has_no_pipeline() -> None:
    graph = compiled(rcpt(DROP)).graph
    assert graph.stage(Stage.MAIL) is None
    assert graph.stage(Stage.RCPT) is not None


def test_a_disabled_shipped_rule_is_gone() -> None:
    shipped = tomli.loads("[[rcpt]]\nname = 'no-relaying'\nreject = '554 x'")
    ruleset = Ruleset({}, {}, by_stage("shipped", shipped), ("rcpt/no-relaying",))
    result = compile_rules(ruleset, {})
    assert result.faults == ()
    assert result.graph.stage(Stage.RCPT) is None


def test_many_chains_that_jump_twice_each_are_read_quickly_and_refused() -> None:
    text = "[[rules.prequeue]]\nname='r'\njump='c0'\n"
    for n in range(400):
        for twice in "ab":
            text += f"[[chains.c{n}]]\nname='{twice}'\njump='c{n + 1}'\n"
    text += "[[chains.c400]]\nname='end'\ndo=[{log='x'}]"
    assert [fault.code for fault in faults(text)] == ["deep-chains"]


def test_a_circle_of_chains_is_one_fault() -> None:
    text = '[[rules.mail]]\nname = "a"\njump = "x"\n'
    text += "".join(f'[[chains.{a}]]\nname = "{a}"\njump = "{b}"\n' for a, b in ("xy", "yz", "zx"))
    assert [(fault.code, fault.path) for fault in faults(text)] == [
        ("chain-cycle", ("chains", "z", 0, "jump"))
    ]


def test_chains_may_lie_deep_in_one_another() -> None:
    text = '[[rules.mail]]\nname = "a"\njump = "c0"\n'
    text += "".join(f'[[chains.c{n}]]\nname = "c{n}"\njump = "c{n + 1}"\n' for n in range(2000))
    text += '[[chains.c2000]]\nname = "last"\nwhen.sender.null = true\ndiscard = true\n'
    assert {fault.code for fault in faults(text)} <= {"deep-chains"}


def test_of_a_lookup_that_is_at_fault_no_more_is_said() -> None:
    text = '[[rules.rcpt]]\nname = "a"\nlookup.u = { table = "nowhere", key = "{rcpt.address}" }\n'
    text += 'when.u.found = true\nreject = "550 5.7.1 {u.home}"\n'
    assert [fault.code for fault in faults(text)] == ["unknown-table"]
    lookups = '[lookups.u]\ntable = "nowhere"\nkey = "x"\n'
    text = lookups + '[[rules.rcpt]]\nname = "a"\nwhen.u.found = true\ndiscard = true\n'
    assert [fault.code for fault in faults(text)] == ["unknown-table"]
