"""The parts of a stage: what a walk of some of them reads, in which order, and what runs once."""

from __future__ import annotations

import pytest

from tests.rules.bench import LiteralFacts, pipeline, run
from vsmtp.rules.evaluate import Part, Walk
from vsmtp.vocabulary.stages import Stage

LOGS = '[[{table}]]\nname = "{name}"\n{more}\ndo = [ {{ log = "x" }} ]\n'


def logs(table: str, name: str, more: str = "") -> str:
    return LOGS.format(table=table, name=name, more=more)


SHIPPED = logs("shipped.rcpt", "shipped")
TEXT = logs("rules.rcpt", "root") + logs("chains.c", "chain") + SHIPPED


def read(text: str, part: Part, *, jumps: str = "") -> tuple[list[str], Walk]:
    """The names of the rules that fired; a root rule that never fires keeps the chain in reach."""
    reach = f'[[rules.rcpt]]\nname = "reach"\nany = []\njump = "{jumps}"\n' if jumps else ""
    facts = LiteralFacts({})
    walk = Walk(pipeline(text + reach, Stage.RCPT), facts, None, part)
    return [event.rule.name for event in run(walk, facts)[0]], walk


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Part(root=True, chains=("c",), shipped=True), ["root", "chain", "shipped"]),
        (Part(root=True, chains=(), shipped=False), ["root"]),
        (Part(root=False, chains=("c",), shipped=True), ["chain", "shipped"]),
        (Part(root=False, chains=("c", "nothing here"), shipped=False), ["chain"]),
        (Part(root=False, chains=(), shipped=False), []),
    ],
)
def test_a_walk_reads_its_part_in_order(part: Part, expected: list[str]) -> None:
    assert read(TEXT, part, jumps="c")[0] == expected


def test_a_jump_runs_the_shipped_rules_early_and_never_twice() -> None:
    jump = logs("rules.rcpt", "jump", 'jump = "shipped"')
    text = jump + jump.replace('"jump"', '"again"', 1) + logs("rules.rcpt", "after") + SHIPPED
    fired, walk = read(text, Part(root=True, chains=(), shipped=True))
    assert fired == ["jump", "shipped", "again", "after"]
    assert walk.shipped_ran


def test_the_root_walk_of_a_message_may_run_the_shipped_rules_for_all() -> None:
    text = logs("rules.rcpt", "jump", 'jump = "shipped"') + SHIPPED
    fired, walk = read(text, Part(root=True, chains=(), shipped=False))
    assert fired == ["jump", "shipped"]
    assert walk.shipped_ran


def test_a_group_for_which_they_ran_does_not_run_them_again() -> None:
    text = logs("chains.c", "jump", 'jump = "shipped"') + SHIPPED
    fired, walk = read(text, Part(root=False, chains=("c",), shipped=False), jumps="c")
    assert fired == ["jump"]
    assert not walk.shipped_ran


def test_return_in_a_domain_chain_goes_on_with_the_next_table() -> None:
    text = logs("chains.c", "back", "return = true") + logs("chains.c", "never") + SHIPPED
    fired, _ = read(text, Part(root=False, chains=("c",), shipped=True), jumps="c")
    assert fired == ["back", "shipped"]


def test_a_walk_taken_up_again_remembers_that_the_shipped_rules_ran() -> None:
    text = logs("rules.rcpt", "jump", 'jump = "shipped"') + SHIPPED
    text += '[[rules.rcpt]]\nname = "hold"\nquarantine = "q"\n'
    facts, found = LiteralFacts({}), pipeline(text, Stage.RCPT)
    walk = Walk(found, facts)
    run(walk, facts)
    later = Walk(found, facts)
    assert later.resume(walk.position, after=True)
    assert run(later, facts)[0] == []
    assert later.shipped_ran
