from __future__ import annotations

import re
import time
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.rules.bench import DYNAMIC, NAMES, TABLES, by_stage, compiled
from vsmtp.rules.analyse.analysis import analyse
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.compile import Ruleset, compile_rules

ENDS = re.compile("^(reject|accept|defer|return|jump|do|trust|quarantine|discard)\\b", re.MULTILINE)
REJECT = 'reject = "550 5.7.1 No"'


def found(text: str, *chains: str) -> list[Finding]:
    result = compiled(text)
    assert [fault for fault in result.faults if fault.severity == "error"] == []
    return list(analyse(result.graph, chains))


def codes(text: str) -> list[str]:
    return [each.code for each in found(text)]


def rules(stage: str, *bodies: str) -> str:
    """Rules `r0`, `r1` and so on of one stage; a body without a verdict is a rejection."""
    return "\n".join(
        f'[[rules.{stage}]]\nname = "r{n}"\n{body}\n' + ("" if ENDS.search(body) else REJECT)
        for n, body in enumerate(bodies)
    )


def shadowed(*bodies: str, stage: str = "prequeue") -> dict[str, list[str]]:
    """Rules that never have their turn, and which take what they could match."""
    return {
        each.rule.info.name: [other.name for other in each.others]
        for each in found(rules(stage, *bodies))
        if each.code == "unreachable-rule" and each.rule is not None
    }


@pytest.mark.parametrize(
    "condition",
    [
        'when.sender.domain = { is = "a.example", under = "b.example" }',
        'when.sender.domain = { is = "a.example", not_in = ["A.example", "b.example"] }',
        'when.sender.address = "x@a.example"\nwhen.sender.domain.not = "a.example"',
        'when.sender.address.under = "a.example"\nwhen.sender.domain = "b.example"',
        "when.message.size = { gt = 10, lt = 5 }",
        "when.message.size.lt = 0",
        "when.time.hour = { gt = 5, lt = 6 }",
        'when.client.ip = { in = "10.0.0.0/8", not_in = "10.0.0.0/7" }',
        "when.client.trusted = true\nwhen.client.stranger = true",
        'when.sender.null = true\nwhen.sender.address = "x@a.example"',
        "when.client.trusted.exists = false",
        'when.helo.name = { exists = false, matches = "^x" }',
        'when.listener.kind.in = ["relay", "lmtp"]\nunless.listener.kind.not = "submission"',
        'when.spf.result = "pass"\nunless.spf.result = ["pass", "fail"]',
        'when.rcpts.domain = { any = { is = "a.example" }, none = { is = "a.example" } }',
        'when.rcpts.domain = { exists = false, any = { not = "a.example" } }',
        "when.sender.domain = []",
        "any = []",
        'when.sender.tag = "x"\nany = [{ sender.tag = "y" }, { sender.tag.exists = false }]',
        'when.sender.domain = "{helo.name}"\nunless.sender.domain = "{helo.name}"',
        'when.sender.domain = "@vips"\nunless.sender.domain = "@vips"',
    ],
)  # fmt: skip
def test_what_cannot_hold_is_found(condition: str) -> None:
    assert set(codes(rules("prequeue", condition))) == {"never-true"}


@pytest.mark.parametrize(
    "condition",
    [
        'when.sender.domain = { is = "b.example", under = "b.example" }',
        'when.sender.domain = { under = "b.example", not = "b.example" }',
        "when.message.size = { gt = 4, lt = 6 }",
        "when.var.score = { gt = 5, lt = 6 }",
        'when.client.ip = { in = "10.0.0.0/8", not_in = "10.0.0.0/9" }',
        'when.rcpts.domain = { any = { is = "a.example" }, none = { is = "b.example" } }',
        "when.sender.domain.exists = false",
        'when.sender.domain = "@empty"',
        'when.sender.domain = { starts_with = "a", not = "ab" }',
        'when.spf.result = { is = "fail", unavailable = false }',
        'when.sender.domain = "{helo.name}"\nunless.helo.name = "{sender.domain}"',
    ],
)
def test_what_can_hold_is_left_alone(condition: str) -> None:
    assert codes(rules("prequeue", "do = [{ add = { score = 1 } }]", condition)) == []


def test_a_contradiction_names_both_conditions() -> None:
    (finding,) = found(
        rules(
            "rcpt",
            'when.sender.domain = "a.example"\nwhen.rcpt.tag = "x"\nany = [{ sender.domain = "b.example" }]',
        )
    )
    assert finding.message == (
        "`sender.domain is b.example` never holds together with `sender.domain is a.example`"
    )
    assert finding.path == ("rules", "rcpt", 0, "any", 0, "sender", "domain")


@pytest.mark.parametrize(
    "condition",
    [
        "when.time.hour.ge = 0",
        "when.message.size.ge = 0",
        "when.client.trusted = [true, false]",
        "when.client.trusted.exists = true",
        "when.sender.domain.not_in = []",
        'unless.spf.result.in = ["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]',
    ],
)
def test_what_always_holds_is_found(condition: str) -> None:
    assert "always-true" in codes(rules("prequeue", condition))


@pytest.mark.parametrize(
    "condition",
    [
        'when.sender.domain.not_in = "@empty"',
        "when.sender.domain.exists = true",
        "when.rcpts.count.unavailable = false",
        'when.client.ip = ["0.0.0.0/0", "::/0"]',
    ],
)
def test_what_may_not_hold_is_left_alone(condition: str) -> None:
    assert codes(rules("prequeue", condition)) == []


NAMED = 'when.sender.domain = ["a.example", "b.example"]\nunless.client.trusted = true'
TEXT = 'when.message.text.contains = "x"'
NULL = "when.sender.null = true"
SKIP = 'unavailable = "skip"'
BEGINS = 'when.message.subject.matches = "^x"'


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (["", 'when.sender.domain = "x.example"'], {"r1": ["r0"]}),
        (['when.sender.domain.under = "a.example"', 'when.sender.address = "x@b.a.example"'], {"r1": ["r0"]}),
        (
            ["when.client.trusted = true", "when.client.trusted = false", ""],
            {"r2": ["r0", "r1"]},
        ),
        (['when.sender.tag = "a"', 'when.sender.tag.not = "a"', "accept = true"], {"r2": ["r0", "r1"]}),
        (["when.message.size.lt = 10", "when.message.size.gt = 5", "accept = true"], {"r2": ["r0", "r1"]}),
        ([BEGINS, f"{BEGINS}\n{NULL}"], {"r1": ["r0"]}),
        ([BEGINS, 'when.message.subject.matches = "^xy"'], {}),
        ([NAMED, 'when.sender.domain = "a.example"'], {}),
        ([NAMED, 'when.sender.domain = "a.example"\nwhen.client.trusted = false'], {"r1": ["r0"]}),
        (["return = true", "accept = true"], {"r1": ["r0"]}),
        (['quarantine = "q"', "accept = true"], {}),
        (["do = [{ log = 'x' }]", "accept = true"], {}),
        (["dry_run = true\nreject = '550 5.7.1 No'", "accept = true"], {}),
        ([f"{TEXT}\n{SKIP}", f"{TEXT}\n{NULL}"], {}),
        ([f"{TEXT}\n{SKIP}", f"{TEXT}\n{NULL}\n{SKIP}"], {"r1": ["r0"]}),
    ],
)
def test_rules_that_others_leave_nothing_are_found(bodies: list[str], expected: dict[str, list[str]]) -> None:
    assert {name: sorted(others) for name, others in shadowed(*bodies).items()} == expected


def test_an_effect_in_between_makes_another_fact_of_it() -> None:
    text = ['when.message.subject = "x"', 'do = [{ set_header = { name = "Subject", value = "x" } }]']
    assert shadowed(*text, 'when.message.subject = "x"\naccept = true') == {}
    assert shadowed(*text, 'when.message.id = "x"\nwhen.message.subject = "x"\naccept = true') == {}


def test_after_queueing_time_passes_between_rules() -> None:
    old = "when.queue.age.gt = 3600"
    assert shadowed(old, f"{old}\nwhen.sender.null = true\ndiscard = true", stage="postqueue") == {}
    known = 'when.sender.domain = "a.example"\ndiscard = true'
    assert shadowed(known, known, stage="postqueue") == {"r1": ["r0"]}


def test_a_chain_takes_what_it_ends() -> None:
    chain = '[[chains.c]]\nname = "{}"\n{}\n'
    ends = chain.format("x", 'when.sender.domain = "a.example"\ndiscard = true')
    jump = rules(
        "prequeue",
        'when.client.trusted = true\njump = "c"',
        'when.client.trusted = true\nwhen.sender.domain = "a.example"',
    )
    assert [each.others[0].name for each in found(ends + jump)] == ["r0"]
    back = chain.format("back", "when.message.size.gt = 5\nreturn = true")
    assert found(back + ends + jump) == []


def test_a_rule_of_a_chain_must_be_out_of_reach_at_every_stage() -> None:
    text = """
    [[chains.c]]
    name = "a"
    when.sender.null = false
    return = true
    [[chains.c]]
    name = "b"
    when.sender.null = false
    discard = true
    """
    jumps = '[[rules.{}]]\nname = "j"\njump = "c"\n'
    assert [each.path for each in found(text + jumps.format("mail") + jumps.format("rcpt"))] == [
        ("chains", "c", 1)
    ]


def test_what_a_rule_allows_is_not_said() -> None:
    assert found(rules("mail", REJECT, f'allow = ["unreachable-rule"]\n{REJECT}')) == []


@pytest.mark.parametrize(
    ("first", "codes_of"),
    [
        ("trust = true", ["unreachable-stage"]),
        (REJECT, ["unreachable-stage"]),
        ("when.sender.null = true\n" + REJECT, []),
        ("accept = true", []),
        ("discard = true", []),
    ],
)  # fmt: skip
def test_a_stage_that_nothing_comes_to_is_found(first: str, codes_of: list[str]) -> None:
    later = '[[rules.prequeue]]\nname = "later"\nwhen.message.size.gt = 5\n' + REJECT
    assert codes(f"{rules('mail', first)}\n{later}") == codes_of


def test_several_rules_may_end_all_mail() -> None:
    later = '[[rules.rcpt]]\nname = "later"\nwhen.rcpt.tag = "x"\n' + REJECT
    both = rules("mail", "when.sender.null = true\ntrust = true", "when.sender.null = false")
    (finding,) = found(f"{both}\n{later}")
    # Where it cannot be known whether the sender is null, the rules defer.
    assert finding.message == "no mail comes to the rules of `rcpt`: this rule ends all of it before"


def test_a_chain_that_nothing_leads_to_is_found() -> None:
    text = '[[chains.c]]\nname = "x"\ndiscard = true\n' + rules("mail", 'when.sender.null = true\njump = "c"')
    assert [each.path for each in found(text, "c", "lost")] == [("chains", "lost")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ["backscatter"]),
        ("when.client.stranger = false", []),
        ("when.client.trusted = true", []),
        ("when.sender.null = true", []),
        ("when.auth.user.exists = true", []),
        ('when.rcpts.domain = "a.example"', ["backscatter"]),
        ("dry_run = true\nreject = '550 5.7.1 No'", []),
    ],
)
def test_a_late_rejection_of_a_stranger_is_found(body: str, expected: list[str]) -> None:
    assert codes(rules("postqueue", body)) == expected
    assert codes(rules("prequeue", body)) == []


def test_what_an_earlier_rule_keeps_from_a_late_rejection_is_none() -> None:
    assert codes(rules("postqueue", "when.client.stranger = true\naccept = true", "")) == []


def mixed(count: int, *, planted: bool) -> list[dict[str, Any]]:
    """Rules over mixed facts; `planted`: every second one is shadowed by the one before."""
    made: list[dict[str, Any]] = []
    for n in range(count):
        own = [
            {"sender": {"domain": f"d{n}.example"}},
            {"client": {"ip": f"10.{n // 256 % 256}.{n % 256}.0/24"}},
            {"sender": {"domain": {"under": f"u{n}.example"}}, "client": {"trusted": False}},
            {"rcpt": {"domain": {"not_in": [f"n{n}.example"]}}, "sender": {"local": f"l{n}"}},
            {"sender": {"local": {"matches": f"^x{n}"}}},
            {"rcpt": {"address": f"r{n}@q.example"}, "rcpts": {"count": {"gt": n}}},
        ][Random(n).randrange(6)]
        when = {**made[-1]["when"], "time": {"hour": {"ge": 8}}} if planted and n % 2 else own
        made.append({"name": f"r{n}", "when": when, "reject": "550 5.7.1 No"})
    return made


@pytest.mark.parametrize("planted", [False, True])
@pytest.mark.parametrize(
    ("count", "limit"), [(1_000, 2.0), pytest.param(10_000, 20.0, marks=pytest.mark.slow)]
)
def test_many_rules_are_judged_soon(count: int, limit: float, planted: bool) -> None:  # noqa: FBT001 parametrized
    ruleset = Ruleset(by_stage("rules", {"rcpt": mixed(count, planted=planted)}), {}, {}, names=NAMES)
    graph = compile_rules(ruleset, TABLES, DYNAMIC).graph
    started = time.perf_counter()
    findings = analyse(graph, ())
    assert time.perf_counter() - started < limit
    assert Counter(each.code for each in findings) == ({"unreachable-rule": count // 2} if planted else {})
