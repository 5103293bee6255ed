"""Building nodes: rules laid out in rows, their tests sorted into columns and lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from vsmtp.rules.acts import acts_of, depends
from vsmtp.rules.effects import changes as changes_of
from vsmtp.rules.graph import Column, FactColumn, JointColumn, Node, Placed, Row
from vsmtp.rules.lanes import Entry, Lane, is_dear, lane_of
from vsmtp.rules.language import Condition, Conjunction, Jump, Literal, Op, Quantified, Rule, Test
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.facts import Cost, Fact

# What only RE2 can answer, at many times the price of a look-up.
_DEAR: Final = frozenset({Op.MATCHES, Op.GLOB})
# The names that are asked; a fact with references is another column than the fact alone.
_Key: TypeAlias = tuple[bool, tuple[str, ...]]
_LaneKind: TypeAlias = Callable[..., Lane]


@dataclass(slots=True)
class _Draft:
    """A column while its rows are gathered."""

    fact: Fact
    refs: tuple[Fact, ...]
    entries: list[tuple[int, Test]] = field(default_factory=list)

    @property
    def price(self) -> tuple[Cost, bool, bool]:
        """What asking costs: the facts, then whether the header has to be read, then RE2."""
        facts = (self.fact, *self.refs)
        dear = any(literal.op in _DEAR for _, test in self.entries for literal in _literals(test))
        return max(fact.cost for fact in facts), any(fact.header for fact in facts), dear


@dataclass(slots=True)
class _RowDraft:
    rule: int
    exempts: bool
    conjunction: Conjunction


def build_nodes(rules: Sequence[Rule], changes: Mapping[str, frozenset[str]]) -> tuple[Node, ...]:
    """The nodes of a table, in order; `changes` are what evaluating each chain may change."""
    runs: list[list[Rule]] = [[]]
    changed: frozenset[str] = frozenset()
    for rule in rules:
        if changed and any(depends(fact, changed) for fact in _facts(rule)):
            runs.append([])
            changed = frozenset()
        runs[-1].append(rule)
        changed |= changed_by(rule, changes)
    return tuple(build_node(run) for run in runs if run)


def changed_by(rule: Rule, changes: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """What a rule changes (see `effects.changes`), by itself or by the chain it jumps to."""
    own: frozenset[str] = frozenset().union(*(changes_of(effect) for effect in rule.effects))
    return own | changes.get(rule.move.chain, frozenset()) if isinstance(rule.move, Jump) else own


def build_node(rules: Sequence[Rule]) -> Node:
    """One node of all these rules."""
    drafts = [row for n, rule in enumerate(rules) for row in _rows(n, rule)]
    full = (1 << len(drafts)) - 1
    columns, paths = _columns(drafts, full)
    rows = [Row(sum(1 << bit for bit in paths[n]), draft.exempts, paths[n]) for n, draft in enumerate(drafts)]
    return Node(
        _placed(rules, drafts, rows), tuple(draft.rule for draft in drafts), tuple(rows), columns, full
    )


def _rows(number: int, rule: Rule) -> Iterator[_RowDraft]:
    for exemption in rule.unless if rule.when else ():
        yield _RowDraft(number, exempts=True, conjunction=exemption)
    for conjunction in rule.when:
        yield _RowDraft(number, exempts=False, conjunction=conjunction)


def _placed(rules: Sequence[Rule], drafts: Sequence[_RowDraft], rows: Sequence[Row]) -> tuple[Placed, ...]:
    placed, start = [], 0
    for n, rule in enumerate(rules):
        end = start
        while end < len(drafts) and drafts[end].rule == n:
            end += 1
        width = (1 << (end - start)) - 1
        when = sum(1 << (row - start) for row in range(start, end) if not drafts[row].exempts)
        only = rows[start].columns if end - start == 1 else -1
        placed.append(Placed(rule, start, end, width, when, only, acts_of(rule)))
        start = end
    return tuple(placed)


def _facts(rule: Rule) -> Iterator[Fact]:
    for conjunction in (*rule.when, *rule.unless):
        for condition in conjunction:
            yield condition.fact
            for test in condition.tests:
                yield from _refs(test)


def _columns(drafts: Sequence[_RowDraft], full: int) -> tuple[tuple[Column, ...], list[dict[int, KeyPath]]]:
    gathered: dict[_Key, _Draft] = {}
    tested: list[dict[_Key, KeyPath]] = [{} for _ in drafts]
    for row, draft in enumerate(drafts):
        for condition in draft.conjunction:
            for key, column, test in _sorted_tests(condition):
                gathered.setdefault(key, column).entries.append((row, test))
                tested[row].setdefault(key, condition.path)
    # The lowest bit is asked first: the cheapest column, and among equals the one that was written first.
    keys = sorted(gathered, key=lambda key: gathered[key].price)
    number = {key: n for n, key in enumerate(keys)}
    columns = tuple(_column(gathered[key], number[key], full) for key in keys)
    return columns, [{number[key]: path for key, path in row.items()} for row in tested]


def _sorted_tests(condition: Condition) -> Iterator[tuple[_Key, _Draft, Test]]:
    for written in condition.tests:
        test = _plain(written)
        refs = tuple(dict.fromkeys(_refs(test)))
        joint = bool(refs) or isinstance(test, Quantified)
        names = (condition.fact.name, *(ref.name for ref in refs))
        yield (joint, names), _Draft(condition.fact, refs), test


def _plain(test: Test) -> Test:
    """`any` or `none` of one positive literal is what a literal says by itself of a list."""
    if isinstance(test, Quantified) and len(test.literals) == 1 and test.quantifier != "all":
        literal = test.literals[0]
        if not literal.negated:
            return Literal(literal.op, test.quantifier == "none", literal.operands)
    return test


def _refs(test: Test) -> Iterator[Fact]:
    for literal in _literals(test):
        yield from (ref.fact for ref in literal.refs)


def _literals(test: Test) -> tuple[Literal, ...]:
    return test.literals if isinstance(test, Quantified) else (test,)


def _column(draft: _Draft, number: int, full: int) -> Column:
    if draft.refs or any(isinstance(test, Quantified) for _, test in draft.entries):
        shared: dict[Test, int] = {}
        for row, test in draft.entries:
            shared[test] = shared.get(test, 0) | 1 << row
        costs = {fact.name: fact.cost for fact in (draft.fact, *draft.refs)}
        tests = tuple(shared.items())
        return JointColumn(draft.fact, tuple(costs), tuple(costs.values()), 1 << number, tests, full)
    entries = [(row, test) for row, test in draft.entries if isinstance(test, Literal)]
    lanes = [
        _with_masks(make(draft.fact.type, lane), lane, full) for make, lane in _lanes(draft.fact, entries)
    ]
    absent = full
    for _, unhit, _rows in lanes:
        absent &= unhit
    lost, dark = _unavailable(entries, full)
    cheap_first = tuple(sorted(lanes, key=lambda lane: lane[2] != 0))
    return FactColumn(draft.fact, draft.fact.name, 1 << number, cheap_first, absent, lost, dark)


def _with_masks(lane: Lane, entries: Sequence[Entry], full: int) -> tuple[Lane, int, int]:
    rows = sum(1 << row for row, _ in entries) if is_dear(lane) else 0
    return lane, _unhit(entries, full), rows


def _lanes(fact: Fact, entries: Sequence[Entry]) -> Iterator[tuple[_LaneKind, list[Entry]]]:
    """Lanes by kind of index; a row's second literal of one kind goes to a second lane."""
    kinds: dict[_LaneKind, list[list[Entry]]] = {}
    turn: dict[tuple[_LaneKind, int], int] = {}
    for row, literal in entries:
        kind = lane_of(literal.op, fact.type)
        n = turn[kind, row] = turn.get((kind, row), -1) + 1
        lanes = kinds.setdefault(kind, [])
        if n == len(lanes):
            lanes.append([])
        lanes[n].append((row, literal))
    for kind, lanes in kinds.items():
        yield from ((kind, lane) for lane in lanes)


def _unhit(lane: Sequence[Entry], full: int) -> int:
    mask = full
    for row, literal in lane:
        if not literal.negated:
            mask ^= 1 << row
    return mask


def _unavailable(entries: Sequence[Entry], full: int) -> tuple[int, int]:
    lost, dark = full, 0
    for row, literal in entries:
        if literal.op is not Op.UNAVAILABLE:
            dark |= 1 << row
        elif literal.negated:
            lost &= ~(1 << row)
    return lost, dark & lost
