"""What a node asks first, and what it need not look at."""

from __future__ import annotations

from typing import Any

from tests.rules.bench import LiteralFacts, by_stage
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.evaluate import NO_VERDICT, Walk
from vsmtp.rules.graph import FactColumn
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage


def asked(when: dict[str, Any], answers: dict[str, Answer]) -> list[str]:
    """The facts asked for by a rule that does not match."""
    rules = {"prequeue": [{"when": when, "reject": "554 no"}]}
    graph = compile_rules(Ruleset(by_stage("rules", rules), {}, {}), {}).graph
    pipeline = graph.stage(Stage.PREQUEUE)
    assert pipeline is not None
    facts = LiteralFacts(answers)
    assert Walk(pipeline, facts).advance() == NO_VERDICT
    return facts.asked


def test_the_header_is_read_after_the_envelope() -> None:
    when = {"message": {"subject": "x"}, "sender": {"local": "a"}}
    assert asked(when, {"sender.local": "b", "message.subject": "x"}) == ["sender.local"]


def test_patterns_are_tried_after_what_a_look_up_answers() -> None:
    when = {"helo": {"name": {"matches": "^x"}}, "sender": {"local": "a"}}
    assert asked(when, {"sender.local": "b", "helo.name": "x"}) == ["sender.local"]


def test_among_equals_what_was_written_first_is_asked_first() -> None:
    when = {"sender": {"local": "a"}, "helo": {"name": "b"}}
    assert asked(when, {"sender.local": "a", "helo.name": "c"}) == ["sender.local", "helo.name"]


def test_patterns_are_passed_over_where_none_of_their_rows_is_left() -> None:
    rules = {"rcpt": [
        {"when": {"sender": {"local": "a"}, "helo": {"name": {"matches": "^x"}}}, "reject": "554 no"},
        {"when": {"helo": {"name": "y"}}, "reject": "554 no"},
    ]}  # fmt: skip
    pipeline = compile_rules(Ruleset(by_stage("rules", rules), {}, {}), {}).graph.stage(Stage.RCPT)
    assert pipeline is not None
    column = next(c for c in pipeline.root[0].columns if c.fact.name == "helo.name")
    assert isinstance(column, FactColumn)
    (_, _, always), (_, _, rows) = column.lanes
    assert (always, rows) == (0, 0b01)
    assert column.may("z", 0b11) == 0
    assert column.may("xy", 0b10) == 0
    assert column.may("xy", 0b01) == 0b01
