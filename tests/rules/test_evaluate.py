"""The graph equals the table: random rules and sessions, judged by the graph and read by the oracle."""

from __future__ import annotations

from itertools import groupby
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.bench import TABLES, by_stage, sources
from tests.rules.book import Book
from tests.rules.cases import DYNAMIC, LOOKUPS, Case, case
from tests.rules.oracle import Oracle
from vsmtp.rules.compile import Compiled, Ruleset, compile_rules
from vsmtp.rules.evaluate import Asks, Ended, Fired, Part, Walk
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.reading import RuleSource
from vsmtp.rules.verdicts import Accept, Defer, Discard, Quarantine, Refuse
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage

# Seeds of the many cases, in equal shares so that a failure names a small one.
SHARES = 20
# A variable that no rule sets is a fault.
GIVES_VALUES = [{"name": "v", "do": [{"set": {"x": "a"}}, {"add": {"score": 1}}]}]
CASES = 10_000


class Watcher:
    """Hears what became of each rule, in order, and that no fact is told of twice before it changed."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def asked(self, fact: str, answer: Answer) -> None:
        pass

    def refuted(self, rule: RuleInfo, condition: KeyPath, fact: str) -> None:
        assert condition[: len(rule.path)] == rule.path
        assert condition[len(rule.path)] in {"when", "any"}
        assert fact or condition[-1] == "any"
        self.heard.append(("no", rule.name))

    def exempted(self, rule: RuleInfo, exemption: KeyPath) -> None:
        assert exemption[: len(rule.path) + 1] == (*rule.path, "unless")
        self.heard.append(("no", rule.name))

    def undecided(self, rule: RuleInfo, unavailable: tuple[str, ...]) -> None:
        assert unavailable
        self.heard.append(("undecided", rule.name))

    def fired(self, rule: RuleInfo) -> None:
        self.heard.append(("fired", rule.name))


def compiled(one: Case) -> Compiled:
    inline = "domains.example.org.incoming"
    named = {name: one.document[name] for name in ("a", "b", "c")} | {"never": GIVES_VALUES}
    path = ("domains", "example.org", "incoming")
    ruleset = Ruleset(
        by_stage("rules", {"prequeue": one.document["root"]}),
        sources("chains", named),
        by_stage("shipped", {"prequeue": one.document["shipped"]}),
        domains={
            "example.org": {
                "incoming": [RuleSource((*path, n), rule) for n, rule in enumerate(one.document[inline])],
                "outgoing": "c",
            },
        },
        lookups=LOOKUPS,
    )
    result = compile_rules(ruleset, TABLES, DYNAMIC)
    errors = [fault for fault in result.faults if fault.severity == "error"]
    assert errors == []
    return result


def judged(one: Case) -> None:
    oracle = Oracle(one.session, TABLES, one.rows, LOOKUPS)
    oracle.read(one.document, one.chains, root=one.root, shipped=one.shipped)
    graph = compiled(one).graph
    pipeline = graph.stage(Stage.PREQUEUE)
    if pipeline is None:
        assert oracle.trace == [("ended",)]
        return
    book, watcher = Book(one.session, one.rows, graph.bindings, one.slow), Watcher()
    walk = Walk(pipeline, book, watcher, Part(one.root, one.chains, one.shipped))
    fired, ended = driven(walk, book)
    # A rule that fires in several acts is one in the table.
    assert [name for name, _ in groupby(event.rule.name for event in fired)] == [
        name for name, _ in groupby(names(oracle, "fired"))
    ]
    assert [skipped.rule.name for skipped in walk.skipped] == names(oracle, "skipped")
    assert named_verdict(ended) == oracle.trace[-1][1:]
    assert certain(watcher.heard) == certain(oracle.seen)
    assert [rule.name for rule in walk.matched] == [name for fate, name in oracle.seen if fate == "fired"]
    assert not one.document["shipped"] or walk.shipped_ran == oracle.shipped_ran


def certain(seen: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the doubts of rules that matched all the same: what would settle them is not asked."""
    doubts = {n for n, (fate, _) in enumerate(seen[:-1]) if fate == "undecided" and seen[n + 1][0] == "fired"}
    return [each for n, each in enumerate(seen) if n not in doubts or each[1] != seen[n + 1][1]]


def names(oracle: Oracle, event: str) -> list[str]:
    return [each[1] for each in oracle.trace if each[0] == event]


def driven(walk: Walk, book: Book) -> tuple[list[Fired], Ended]:
    fired: list[Fired] = []
    while True:
        match walk.advance():
            case Ended() as ended:
                return fired, ended
            case Fired() as event:
                fired.append(event)
                book.apply(event)
            case Asks(wanted):
                book.fetch(wanted)


def named_verdict(ended: Ended) -> tuple[str, ...]:
    if ended.verdict is None:
        return ()
    assert ended.rule is not None
    words = {Accept: "accept", Refuse: "reject", Defer: "defer", Discard: "discard", Quarantine: "quarantine"}
    return (words[type(ended.verdict)], ended.rule.name)


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_graph_equals_the_table(dice: Random) -> None:
    judged(case(dice))


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_the_graph_equals_the_table_in_ten_thousand_cases(share: int) -> None:
    for seed in range(share * CASES // SHARES, (share + 1) * CASES // SHARES):
        try:
            judged(case(Random(seed)))
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
