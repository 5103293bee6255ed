"""The dimensions of a stage's decisions, and conditions as boxes in them.

A dimension is a fact at one time (an effect in between makes another time of it), cut into cells; or a test
that cells do not tell, an expression or one of a list, which is false, true or unknown. A *box* gives of some
dimensions the cells that are left, of all others it leaves all. Whatever a session is like, it is one point
in each dimension: what is proved of all points is true of all sessions. (Not all points are sessions: no text
begins with both `a` and `b`. Then less is found than could be.)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from vsmtp.rules.analyse.cells import ABSENT, DARK, NO_VALUE, Cells, Space, home_of, space_of
from vsmtp.rules.language import Condition, Conjunction, Literal, Op, Quantified, Rule, Test
from vsmtp.vocabulary.facts import Fact

Dimension: TypeAlias = int
Box: TypeAlias = Mapping[Dimension, Cells]
# When a fact is asked: equal where nothing in between may have changed it.
Age: TypeAlias = Hashable

NO: Final = 1
YES: Final = 2
UNKNOWN: Final = 4
_TRUTH: Final = NO | YES | UNKNOWN
_STATES: Final = frozenset({Op.EXISTS, Op.UNAVAILABLE})

# What one fact says of another: (this one, is so) -> (that one, is so).
_THERE, _GONE = ~NO_VALUE, ABSENT
_FALSE, _TRUE = 4, 8
_SENDER: Final = ("sender.address", "sender.local")
_RELATED: Final[tuple[tuple[str, Cells, str, Cells], ...]] = (
    ("client.trusted", _TRUE, "client.stranger", _FALSE),
    ("client.stranger", _TRUE, "client.trusted", _FALSE),
    *(("sender.null", _TRUE, name, _GONE) for name in _SENDER),
    *((name, _THERE, "sender.null", _FALSE) for name in _SENDER),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A test in its dimension: the cells in which it surely holds, and those in which it is not refuted."""

    dimension: Dimension
    sure: Cells
    open: Cells


@dataclass(frozen=True, slots=True)
class _Taken:
    """A test taken as it stands: the dimension of its fact, and whether it asks nothing else."""

    base: Dimension
    alone: bool


class Layout:
    """The dimensions of one stage; they grow as conditions are put into boxes."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.full: list[Cells] = []
        self.likely: list[Cells] = []
        self._facts: dict[str, tuple[Fact, list[Literal]]] = {}
        self._spaces: dict[str, Space] = {}
        self._numbers: dict[Hashable, Dimension] = {}
        self._taken: dict[Dimension, _Taken] = {}
        self._about: dict[Dimension, list[Dimension]] = {}
        self._related: dict[Dimension, list[tuple[Cells, Dimension, Cells]]] = {}
        for rule in rules:
            for conjunction in (*rule.when, *rule.unless):
                self._gather(conjunction)

    def fact(self, fact: Fact, age: Age) -> Dimension:
        """The dimension of a fact at that time."""
        fact = home_of(fact)
        known = self._numbers.get((fact.name, age))
        if known is not None:
            return known
        space = self._space(fact)
        number = self._add((fact.name, age), space.full, space.likely)
        for one, is_so, other, follows in _RELATED:
            if one == fact.name and (there := self._numbers.get((other, age))) is not None:
                self._related.setdefault(number, []).append((is_so, there, follows | DARK))
            if other == fact.name and (here := self._numbers.get((one, age))) is not None:
                self._related.setdefault(here, []).append((is_so, number, follows | DARK))
        return number

    def claim(self, fact: Fact, test: Test, ages: Mapping[str, Age]) -> Claim:
        """The test as cells; `ages` are those of its fact and of those that it refers to."""
        base = self.fact(fact, ages[fact.name])
        positive, negated = _turned(test)
        cells = self._cells(fact, positive)
        if cells is None:
            return self._as_it_stands(base, positive, ages, negated=negated)
        full = self.full[base]
        if isinstance(positive, Literal) and positive.op is Op.UNAVAILABLE:
            sure = full & ~cells if negated else cells
            return Claim(base, sure, sure)
        sure = full & ~cells & ~DARK if negated else cells
        return Claim(base, sure, sure | DARK)

    def narrowed(self, box: Box) -> Box | None:
        """The box less cells that no session has together with the others; None if nothing is left."""
        left = dict(box)
        for dimension in box:
            if dimension in self._taken and not self._narrow_taken(left, dimension):
                return None
        for dimension in list(left):
            for is_so, other, follows in self._related.get(dimension, ()):
                if left[dimension] & ~is_so == 0:
                    left[other] = left.get(other, self.full[other]) & follows
        return left if all(left.values()) else None

    def _narrow_taken(self, left: dict[Dimension, Cells], dimension: Dimension) -> bool:
        taken, cells = self._taken[dimension], left[dimension]
        base = left.get(taken.base, self.full[taken.base])
        if cells == YES:
            base &= ~NO_VALUE
        if not cells & UNKNOWN:
            base &= ~DARK
        if cells == UNKNOWN and taken.alone:
            base &= DARK
        if not base & ~NO_VALUE:
            cells &= (NO if base & ABSENT else 0) | (UNKNOWN if base & DARK else 0)
        if taken.alone and not base & DARK:
            cells &= ~UNKNOWN
        left[taken.base], left[dimension] = base, cells
        return bool(base and cells)

    def _gather(self, conjunction: Conjunction) -> None:
        for condition in conjunction:
            literals = self._facts.setdefault(condition.fact.name, (condition.fact, []))[1]
            literals.extend(test for test in condition.tests if isinstance(test, Literal))

    def _space(self, fact: Fact) -> Space:
        home = home_of(fact)
        if home.name not in self._spaces:
            of_domain = [
                literal
                for other, literals in self._facts.values()
                if other.name != home.name and home_of(other) is home
                for literal in literals
            ]
            own = self._facts.get(home.name, (home, []))[1]
            self._spaces[home.name] = space_of(home, own, of_domain)
        return self._spaces[home.name]

    def _cells(self, fact: Fact, test: Test) -> Cells | None:
        if not isinstance(test, Literal):
            return None
        if test.op in _STATES:
            return DARK if test.op is Op.UNAVAILABLE else self._space(fact).there(fact)
        if depends_on_a_table(test):
            return None
        return self._space(fact).found(fact, test)

    def _as_it_stands(
        self, base: Dimension, positive: Test, ages: Mapping[str, Age], *, negated: bool
    ) -> Claim:
        names = tuple(dict.fromkeys(ref.name for ref in referred(positive)))
        key = (base, positive, tuple(ages[name] for name in names))
        number = self._numbers.get(key)
        if number is None:
            number = self._add(key, _TRUTH, NO)
            self._taken[number] = _Taken(base, alone=not names)
        sure = NO if negated else YES
        return Claim(number, sure, sure | UNKNOWN)

    def _add(self, key: Hashable, full: Cells, likely: Cells) -> Dimension:
        number = self._numbers[key] = len(self.full)
        self.full.append(full)
        self.likely.append(likely)
        return number


def depends_on_a_table(literal: Literal) -> bool:
    """Whether it is about an empty table, which may be another one tomorrow."""
    return not literal.operands and any(word.startswith("@") for word in literal.words)


def referred(test: Test) -> Iterator[Fact]:
    """The other facts that a test asks."""
    for literal in test.literals if isinstance(test, Quantified) else (test,):
        yield from (ref.fact for ref in literal.refs)


def asked(condition: Condition) -> Iterator[Fact]:
    """All facts that a condition asks."""
    yield condition.fact
    for test in condition.tests:
        yield from referred(test)


def box_of(layout: Layout, conjunction: Conjunction, age: Callable[[Fact], Age], *, sure: bool) -> Box:
    """Where the conjunction surely holds or, not `sure`, where nothing refutes it."""
    box: dict[Dimension, Cells] = {}
    for condition in conjunction:
        ages = {fact.name: age(fact) for fact in asked(condition)}
        for test in condition.tests:
            claim = layout.claim(condition.fact, test, ages)
            before = box.get(claim.dimension, layout.full[claim.dimension])
            box[claim.dimension] = before & (claim.sure if sure else claim.open)
    return box


def at_once(_fact: Fact) -> Age:
    """The age of all facts that are asked at one time."""
    return 0


def _turned(test: Test) -> tuple[Test, bool]:
    """The test in its positive form, and whether it is negated."""
    if isinstance(test, Literal):
        return Literal(test.op, negated=False, operands=test.operands, words=test.words), test.negated
    if test.quantifier == "all":
        return test, False
    negated = test.quantifier == "none"
    if len(test.literals) == 1 and not test.literals[0].negated:
        return test.literals[0], negated
    return Quantified("any", test.literals), negated
