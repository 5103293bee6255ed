"""What is asked of the network can matter, and what can be asked at once is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from random import Random
from typing import Any

import pytest

from tests.rules.bench import LiteralFacts, by_stage, pipeline
from tests.rules.oracle import Oracle
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.evaluate import Asks, Ended, Walk
from vsmtp.values.answer import Unavailable
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage

LISTS = ["dnsbl.a", "dnsbl.b", "dnsbl.c", "dnsbl.d"]
DOWN = Unavailable("timeout")
ANSWERS: tuple[Answer, ...] = (True, False, DOWN)


def rule(dice: Random, name: str) -> dict[str, Any]:
    """Each list is asked of once at most: a rule that says twice the same is nobody's measure."""
    names = dice.sample(LISTS, dice.choice([0, 1, 1, 2, 3]))
    tests = [{"dnsbl": {each[-1]: dice.random() < 0.7}} for each in names]
    made: dict[str, Any] = {"name": name, "do": [{"log": "x"}]}
    if dice.random() < 0.4:
        made["when"] = {"client": {"trusted": dice.random() < 0.5}}
    if len(tests) > 1 and dice.random() < 0.3:
        made["unless"] = [tests.pop()]
    if len(tests) > 1 and dice.random() < 0.5:
        made["any"] = tests
    elif tests:
        merged = {key: test for each in tests for key, test in each["dnsbl"].items()}
        made["when"] = {**made.get("when", {}), "dnsbl": merged}
    made["unavailable"] = dice.choice(["defer", "skip", "match"])
    return made | dice.choice([{}, {}, {"discard": True}, {"reject": "550 5.7.1 no"}, {"return": True}])


def trace(rules: list[dict[str, Any]], answers: Mapping[str, Answer]) -> list[tuple[str, ...]]:
    oracle = Oracle(answers, {})
    oracle.read({"root": rules, "shipped": []}, [], root=True, shipped=True)
    return oracle.trace


def worlds(known: Mapping[str, Answer], name: str) -> Iterator[list[dict[str, Answer]]]:
    """All that may be the case, in groups that differ in one fact alone."""
    others = [each for each in LISTS if each not in known and each != name]
    for answers in product(ANSWERS, repeat=len(others)):
        rest = {**known, **dict(zip(others, answers, strict=True))}
        yield [{**rest, name: answer} for answer in ANSWERS]


def can_matter(rules: list[dict[str, Any]], known: Mapping[str, Answer], name: str) -> bool:
    return any(len({str(trace(rules, world)) for world in group}) > 1 for group in worlds(known, name))


def needless(dice: Random) -> tuple[int, int]:
    """How many facts one random session asked of the network, and how many of them could not matter."""
    rules = [rule(dice, f"r{n}") for n in range(dice.randint(1, 4))]
    compiled = compile_rules(Ruleset(by_stage("rules", {"rcpt": rules}), {}, {}), {})
    found = compiled.graph.stage(Stage.RCPT)
    assert found is not None
    truth: dict[str, Answer] = {"client.trusted": dice.random() < 0.5}
    known = dict(truth)
    truth |= {name: dice.choice(ANSWERS) for name in LISTS}
    facts = LiteralFacts(truth, frozenset(LISTS))
    walk = Walk(found, facts)
    asked = vain = 0
    while not isinstance(step := walk.advance(), Ended):
        if isinstance(step, Asks):
            asked += len(step.facts)
            vain += sum(not can_matter(rules, known, name) for name in step.facts)
            known |= {name: truth[name] for name in step.facts}
            facts.fetch(step.facts)
    return asked, vain


def test_no_network_fact_is_asked_that_cannot_matter() -> None:
    counts = [needless(Random(seed)) for seed in range(60)]
    assert sum(asked for asked, _ in counts) > 50
    assert [seed for seed, (_, vain) in enumerate(counts) if vain] == []


@pytest.mark.slow
def test_no_network_fact_is_asked_that_cannot_matter_in_many_cases() -> None:
    assert [seed for seed in range(60, 1000) if needless(Random(seed))[1]] == []


def asks(text: str, answers: Mapping[str, Answer]) -> list[set[str]]:
    """What is asked of the network, together each time."""
    facts = LiteralFacts(answers, frozenset(LISTS))
    walk = Walk(pipeline(text, Stage.RCPT), facts)
    rounds = []
    while not isinstance(step := walk.advance(), Ended):
        if isinstance(step, Asks):
            rounds.append(set(step.facts))
            facts.fetch(step.facts)
    return rounds


TWO = """
[[rules.rcpt]]
name = "one"
when.dnsbl.a = true
allow = ["unanswered-fact"]
reject = "554 5.7.1 listed"
{between}
[[rules.rcpt]]
name = "other"
when.client.trusted = false
when.dnsbl.b = true
allow = ["unanswered-fact"]
reject = "554 5.7.1 listed"
"""
NOBODY = {"dnsbl.a": False, "dnsbl.b": False, "client.trusted": False}


def test_while_one_rule_waits_the_next_asks_too() -> None:
    assert asks(TWO.format(between=""), NOBODY) == [{"dnsbl.a", "dnsbl.b"}]


def test_a_rule_that_what_is_known_refutes_asks_nothing() -> None:
    assert asks(TWO.format(between=""), {**NOBODY, "client.trusted": True}) == [{"dnsbl.a"}]


def test_behind_a_rule_that_surely_ends_the_stage_nothing_is_asked() -> None:
    between = '[[rules.rcpt]]\nname = "end"\nwhen.client.trusted = false\ndiscard = true'
    assert asks(TWO.format(between=between), NOBODY) == [{"dnsbl.a"}]


def test_what_costs_less_is_asked_before_the_network() -> None:
    text = TWO.format(between="").replace("when.client.trusted", "when.rcpt.known")
    facts = {**NOBODY, "rcpt.known": True}
    assert asks(text, facts) == [{"dnsbl.a"}]
