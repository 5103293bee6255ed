"""Walks that begin where another one ended."""

from __future__ import annotations

import pytest

from tests.rules.bench import LiteralFacts, pipeline
from vsmtp.rules.evaluate import WHOLE, Ended, Part, Position, Walk
from vsmtp.rules.graph import Pipeline
from vsmtp.vocabulary.stages import Stage

TABLES = """
[[rules.rcpt]]
name = "a"
do = [{ add_header = { name = "X", value = "a" } }]
[[rules.rcpt]]
name = "b"
jump = "deep"
[[rules.rcpt]]
name = "c"
do = [{ add_header = { name = "X", value = "c" } }]
[[chains.deep]]
name = "d"
defer = "450 4.7.1 not now"
[[chains.deep]]
name = "e"
do = [{ add_header = { name = "X", value = "e" } }]
"""
DEEP: Position = (("", "b"), ("deep", "d"))


def rules(walk: Walk) -> list[str]:
    while not isinstance(walk.advance(), Ended):
        continue
    return [info.name for info in walk.matched]


@pytest.fixture
def table() -> Pipeline:
    return pipeline(TABLES, Stage.RCPT)


def test_a_walk_knows_where_it_ended_and_which_rules_matched(table: Pipeline) -> None:
    walk = Walk(table, LiteralFacts({}))
    assert rules(walk) == ["a", "b", "d"]
    assert walk.position == DEEP


@pytest.mark.parametrize(("after", "expected"), [(False, ["d"]), (True, ["e", "c"])])
def test_a_walk_goes_on_at_a_rule_or_after_it(table: Pipeline, *, after: bool, expected: list[str]) -> None:
    walk = Walk(table, LiteralFacts({}))
    assert walk.resume(DEEP, after=after)
    assert rules(walk) == expected


@pytest.mark.parametrize(
    ("position", "part"),
    [
        ((), WHOLE),
        ((("", "gone"),), WHOLE),
        ((("gone", "d"),), WHOLE),
        ((("", "b"), ("deep", "gone")), WHOLE),
        (DEEP, Part(root=False, chains=("deep",), shipped=True)),
    ],
)
def test_where_the_rules_are_others_now_a_walk_begins_at_its_beginning(
    table: Pipeline, position: Position, part: Part
) -> None:
    walk = Walk(table, LiteralFacts({}), part=part)
    assert not walk.resume(position, after=True)
    assert rules(walk)[-1] == "d"


def test_domain_chains_that_were_gone_through_are_not_again(table: Pipeline) -> None:
    walk = Walk(table, LiteralFacts({}), part=Part(root=True, chains=("deep",), shipped=True))
    assert walk.resume((("deep", "d"),), after=True)
    assert rules(walk) == ["e"]
