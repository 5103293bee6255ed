"""A table as its rules are met: where each acts, and where each surely keeps later ones from their turn.

A rule *acts* if it fires or, left undecided, defers: outside of its regions it surely does neither. A
*catcher* is a region in which a walk surely does not come to the rules behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vsmtp.rules.acts import depends
from vsmtp.rules.analyse.layout import Age, Box, Layout, box_of
from vsmtp.rules.changes import changes_of_chains
from vsmtp.rules.graph import SHIPPED, Node, Pipeline, Placed
from vsmtp.rules.language import Conjunction, Jump, Literal, Op, Return, Rule, RuleInfo
from vsmtp.rules.nodes import changed_by
from vsmtp.rules.verdicts import Delegate, Quarantine
from vsmtp.vocabulary.facts import FACTS, Cost, Fact
from vsmtp.vocabulary.stages import Stage

# Mail that was held, handed to a service or put off goes on behind, or at, the rule that did it.
_PAUSES: Final = (Quarantine, Delegate)
_RESUMED: Final = frozenset({Stage.POSTQUEUE, Stage.DELIVERY})
_FLEETING: Final = ("time.", "queue.", "rate.", "var.", "rcpt.var.", "message.released")
# A pattern of no effect: whatever may be another when mail goes on later.
_LATER: Final = frozenset({"later"})
_STRANGE: Final[Mapping[str, Literal]] = {
    "client.stranger": Literal(Op.IS, negated=False, operands=(True,)),
    "sender.null": Literal(Op.IS, negated=False, operands=(False,)),
    "auth.user": Literal(Op.EXISTS, negated=True, operands=()),
}
# So many rules of chains are followed from all tables of a stage, and through so many jumps: what is behind
# catches nothing that is spoken of.
_MOST: Final = 20_000
_DEEPEST: Final = 16


@dataclass(frozen=True, slots=True)
class Region:
    """The box, less the exemptions."""

    box: Box
    exemptions: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Catcher:
    """A region in which the walk ends, or leaves the table, at that rule."""

    region: Region
    rule: RuleInfo


@dataclass(frozen=True, slots=True)
class Met:
    """A rule in its turn: where it acts, where it may fire, and how many catchers stand before it.

    `strangers`, at stages after queueing: where a stranger sent the mail, and somebody could get a bounce.
    """

    rule: Rule
    acts: tuple[Region, ...]
    fires: tuple[Region, ...]
    before: int
    strangers: Box


@dataclass(slots=True)
class Flow:
    """A table's rules in order, and all catchers in theirs."""

    met: list[Met] = field(default_factory=list)
    catchers: list[Catcher] = field(default_factory=list)


class _Clock:
    """How often what a fact is read from may have changed so far."""

    def __init__(self) -> None:
        self._changes: list[frozenset[str]] = []
        self._ages: dict[str, tuple[int, int]] = {}

    def passes(self, changed: frozenset[str]) -> None:
        """Something may have changed."""
        if changed:
            self._changes.append(changed)

    def age(self, fact: Fact) -> Age:
        """The number of changes that may have made it another."""
        seen, age = self._ages.get(fact.name, (0, 0))
        for changed in self._changes[seen:]:
            age += _is_fleeting(fact) if changed is _LATER else depends(fact, changed)
        self._ages[fact.name] = len(self._changes), age
        return age


def _is_fleeting(fact: Fact) -> bool:
    return fact.cost is not Cost.MEMORY or bool(fact.rests_on) or fact.name.startswith(_FLEETING)


@dataclass(slots=True)
class Chains:
    """A stage's chains as its tables follow them; `followed` counts rules, for all of its tables."""

    pipeline: Pipeline
    changes: Mapping[str, frozenset[str]]
    followed: int = 0


def chains_of(pipeline: Pipeline) -> Chains:
    """The chains of a stage, the shipped rules among them."""
    tables = {**pipeline.chains, SHIPPED: pipeline.shipped}
    rules = {name: [placed.rule for placed in _rules(nodes)] for name, nodes in tables.items()}
    return Chains(pipeline, changes_of_chains(rules))


def flow_of(layout: Layout, chains: Chains, table: Sequence[Node]) -> Flow:
    """The table's rules as they are met if it is read from its beginning."""
    return _Reader(layout, chains).read(table)


class _Reader:
    """Reads one table, with the chains that it jumps to."""

    def __init__(self, layout: Layout, chains: Chains) -> None:
        self._layout = layout
        self._chains = chains
        self._pipeline = chains.pipeline
        self._clock = _Clock()
        self._depth = 0
        self._changes = chains.changes
        self._flow = Flow()

    def read(self, table: Sequence[Node]) -> Flow:
        for placed in _rules(table):
            rule = placed.rule
            acts = self._regions(rule, sure=rule.policy == "skip")
            strangers = self._strangers() if self._pipeline.stage in _RESUMED else {}
            fires = self._regions(rule, sure=rule.policy != "match")
            self._flow.met.append(Met(rule, acts, fires, len(self._flow.catchers), strangers))
            self._flow.catchers.extend(Catcher(region, rule.info) for region in self._caught(placed, acts))
            self._pass(rule)
        return self._flow

    def _pass(self, rule: Rule) -> None:
        self._clock.passes(changed_by(rule, self._changes))
        if isinstance(rule.move, _PAUSES) or self._pipeline.stage in _RESUMED:
            self._clock.passes(_LATER)

    def _caught(self, placed: Placed, acts: Iterable[Region]) -> Iterator[Region]:
        """Where the rule, or a chain that it jumps to, ends the walk or leaves the table."""
        rule = placed.rule
        if rule.policy == "skip" and any(act.exact for act in placed.acts):
            return
        if isinstance(rule.move, Jump):
            self._clock.passes(changed_by(rule, {}))
            self._depth += 1
            inner = list(self._in_chain(rule.move.chain))
            self._depth -= 1
            for region in acts:
                yield from (_both(region, each) for each in inner)
        elif rule.move is not None and not isinstance(rule.move, _PAUSES):
            yield from acts

    def _in_chain(self, name: str) -> Iterator[Region]:
        """Where the chain surely ends the walk, by what is before the first `return`."""
        if name == SHIPPED or self._depth > _DEEPEST:
            return  # shipped rules may have run before, and then they do nothing
        for placed in _rules(self._pipeline.chains[name]):
            self._chains.followed += 1
            rule = placed.rule
            if isinstance(rule.move, Return) or self._chains.followed > _MOST:
                return
            yield from self._caught(placed, self._regions(rule, sure=rule.policy == "skip"))
            self._pass(rule)

    def _regions(self, rule: Rule, *, sure: bool) -> tuple[Region, ...]:
        """Where the rule surely matches or, not `sure`, where nothing refutes it."""
        exemptions = tuple(self._box(each, sure=not sure) for each in rule.unless)
        return tuple(Region(self._box(each, sure=sure), exemptions) for each in rule.when)

    def _box(self, conjunction: Conjunction, *, sure: bool) -> Box:
        return box_of(self._layout, conjunction, self._clock.age, sure=sure)

    def _strangers(self) -> Box:
        """Where a stranger sent the mail, and somebody could get a bounce."""
        layout, age = self._layout, self._clock.age
        box = {}
        for name, test in _STRANGE.items():
            fact = FACTS[name]
            claim = layout.claim(fact, test, {name: age(fact)})
            box[claim.dimension] = claim.sure
        return box


def _both(one: Region, other: Region) -> Region:
    box = dict(one.box)
    for dimension, cells in other.box.items():
        box[dimension] = box[dimension] & cells if dimension in box else cells
    return Region(box, (*one.exemptions, *other.exemptions))


def _rules(table: Sequence[Node]) -> Iterator[Placed]:
    for node in table:
        yield from node.placed
