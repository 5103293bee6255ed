from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vsmtp.inspect.account import Deed, RuleSeen, StageSeen
from vsmtp.inspect.judgement import deciding_stage, judge
from vsmtp.inspect.policies import Expectation
from vsmtp.inspect.rehearsed import Copy, Exchange, Rehearsed
from vsmtp.rules.evaluate import NO_VERDICT, Ended
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.verdicts import Refuse
from vsmtp.values.address import Address
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.stages import Stage

REFUSAL = Reply(550, "5.7.1", "No such thing")
QUEUED = Reply(250, "2.0.0", "queued as X")
ANN, BOB = Address("ann", "example.org"), Address("bob", "example.org")


def rule(name: str, stage: Stage) -> RuleInfo:
    return RuleInfo(name, stage, ("rules", stage.label, 0))


FIRST, SECOND = rule("first", Stage.RCPT), rule("second", Stage.PREQUEUE)
REFUSING = rule("refusing", Stage.RCPT)
PLAYED = Rehearsed(
    "accepted",
    QUEUED,
    (Exchange("RCPT TO:<ann@example.org>", QUEUED), Exchange("RCPT TO:<Bob@example.org>", REFUSAL)),
    (
        StageSeen(Stage.RCPT, ANN, (RuleSeen(FIRST, "matched"),), {}, (), NO_VERDICT),
        StageSeen(
            Stage.RCPT, BOB, (RuleSeen(REFUSING, "matched"),), {}, (), Ended(Refuse(REFUSAL), REFUSING)
        ),
        StageSeen(
            Stage.PREQUEUE,
            None,
            (RuleSeen(SECOND, "matched"), RuleSeen(rule("third", Stage.PREQUEUE), "refuted", ("when", "x"))),
            {},
            (Deed(SECOND, "add_header X-A a b"),),
            NO_VERDICT,
        ),
    ),
    (Copy(ANN, "accepted", "local", message=b"X-A: a\r\n b\r\nX-B: 1\r\nX-B: 2\r\n\r\nX-C: body\r\n"),),
)


def missed(expected: dict[str, Any], rehearsed: Rehearsed = PLAYED) -> list[str]:
    return [miss.what for miss in judge(Expectation(**expected), rehearsed)]


def test_nothing_expected_is_nothing_missed() -> None:
    assert missed({}) == []


@pytest.mark.parametrize(
    "expected",
    [
        {"outcome": "accepted"},
        {"reply": "250"},
        {"reply": "250 2.0.0 queued"},
        {"reply": "queued as"},
        {"rules": ("first", "second")},
        {"rules": ("first", "refusing", "second")},
        {"rules": ("second",)},
        {"not_rules": ("third",)},
        {"effects": ("add_header X-A",)},
        {"headers": {"x-a": ("a b",), "X-B": ("2", "1"), "X-C": False, "X-B ": False}},
        {"headers": {"X-B": True}},
        {"transports": ("local",)},
        {"recipients": {"bob@example.org": "550", "ann@example.org": "250 2.0.0"}},
    ],
)
def test_what_came_as_expected_is_not_missed(expected: dict[str, Any]) -> None:
    assert missed(expected) == []


@pytest.mark.parametrize(
    ("expected", "what"),
    [
        ({"outcome": "rejected"}, "outcome"),
        ({"reply": "550"}, "reply"),
        ({"reply": "as X"}, "reply"),
        ({"rules": ("second", "first")}, "rules"),
        ({"rules": ("third",)}, "rules"),
        ({"not_rules": ("first",)}, "not_rules"),
        ({"effects": ("remove_header",)}, "effects"),
        ({"headers": {"X-A": ("a",)}}, "headers.X-A"),
        ({"headers": {"X-A": False}}, "headers.X-A"),
        ({"headers": {"X-C": True}}, "headers.X-C"),
        ({"headers": {"X-B": ("1",)}}, "headers.X-B"),
        ({"transports": ("local", "other")}, "transport"),
        ({"quarantine": "spam"}, "quarantine"),
        ({"recipients": {"bob@example.org": "250"}}, "recipients.bob@example.org"),
        ({"recipients": {"carl@example.org": "250"}}, "recipients.carl@example.org"),
    ],
)
def test_what_did_not_come_is_missed_by_its_key(expected: dict[str, Any], what: str) -> None:
    assert missed(expected) == [what]


def test_headers_of_a_message_that_nobody_took_are_missed() -> None:
    assert missed({"headers": {"X-A": False}}, replace(PLAYED, copies=())) == ["headers"]


def test_everything_missed_is_told_at_once() -> None:
    assert missed({"outcome": "rejected", "reply": "5", "quarantine": "q"}) == [
        "outcome",
        "reply",
        "quarantine",
    ]


def test_the_last_stage_with_a_verdict_decides() -> None:
    assert deciding_stage(PLAYED) is PLAYED.stages[1]
    assert deciding_stage(replace(PLAYED, stages=PLAYED.stages[2:])) is PLAYED.stages[2]
    assert deciding_stage(replace(PLAYED, stages=())) is None
