"""Facts as the solver sees them: the number of the cell that the value lies in, and what patterns find.

Whether a test holds is a `Truth`: when it surely does, and when it is not refuted. The two differ where
the fact may be unavailable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from vsmtp.inspect.proof.formula import (
    Formula,
    Names,
    Term,
    among,
    both,
    either,
    every,
    implies,
    opposite,
    some,
)
from vsmtp.inspect.proof.gather import Parts, halves
from vsmtp.inspect.proof.lines import ABSENT, LOST, PATTERNS, Line, Texts
from vsmtp.rules.language import Interval, Literal, Op
from vsmtp.vocabulary.types import Type


@dataclass(frozen=True, slots=True)
class Truth:
    """When a test surely holds, and when it is not refuted."""

    sure: Formula
    open: Formula

    def negated(self) -> Truth:
        """The opposite test."""
        return Truth(opposite(self.open), opposite(self.sure))


def both_ways(formula: Formula) -> Truth:
    """A test that is never undecided."""
    return Truth(formula, formula)


class Symbol(Protocol):
    """A fact at one moment."""

    @property
    def lost(self) -> Formula:
        """It is unavailable."""

    @property
    def there(self) -> Formula:
        """It has a value, unless it is unavailable."""

    def found(self, literal: Literal) -> Formula:
        """It has a value, and that is among the operands that are constants."""


def judge(symbol: Symbol, literal: Literal, found: Formula) -> Truth:
    """The truth of a literal whose operands find the value where `found` says."""
    lost = symbol.lost
    if literal.op is Op.UNAVAILABLE:
        return both_ways(opposite(lost) if literal.negated else lost)
    held = opposite(found) if literal.negated else found
    return both_ways(held) if lost is False else Truth(both(held, opposite(lost)), either(held, lost))


@dataclass(slots=True)
class Single:
    """A fact with one value on a line."""

    name: str
    kind: Type
    line: Line
    cell: Term
    names: Names
    may_be_lost: bool
    patterns: dict[tuple[Op, str], Term] = field(default_factory=dict)

    @property
    def lost(self) -> Formula:
        """See `Symbol`."""
        return self.cell == LOST if self.may_be_lost else False

    @property
    def there(self) -> Formula:
        """See `Symbol`."""
        return self.cell >= 0

    def found(self, literal: Literal) -> Formula:
        """See `Symbol`."""
        if literal.op in PATTERNS and isinstance(self.line, Texts):
            return some(
                self.pattern(literal.op, operand) for operand in literal.operands if isinstance(operand, str)
            )
        return among(self.cell, self.line.found(literal))

    def pattern(self, op: Op, operand: str) -> Formula:
        """The pattern is found in the text."""
        assert isinstance(self.line, Texts)
        said = self.patterns.get((op, operand))
        if said is None:
            said = self.patterns[op, operand] = self.names.claim(f"{self.name} {op.value} {operand}")
        return either(
            among(self.cell, self.line.matching(op, operand)),
            both(among(self.cell, self.line.open), said),
        )

    def is_text(self, text: str) -> Formula:
        """It is this text, folded, which has a cell."""
        assert isinstance(self.line, Texts)
        place = self.line.place(text)
        return False if place is None else self.cell == place

    def become(self, other: Single, when: Formula) -> None:
        """Where `when` holds this has the other's value, whatever patterns are looked for."""
        self.names.always(implies(when, self.cell == other.cell))
        for key in {*self.patterns, *other.patterns}:
            mine, theirs = self.pattern(*key), other.pattern(*key)
            self.names.always(implies(when, mine == theirs))


@dataclass(slots=True)
class Stated:
    """A fact that is true or false as a formula says."""

    formula: Formula
    lost: Formula = False
    there: Formula = True

    def found(self, literal: Literal) -> Formula:
        """See `Symbol`."""
        if literal.op is Op.EXISTS:
            return self.there
        held = some(self.formula if operand else opposite(self.formula) for operand in literal.operands)
        return both(self.there, held)


@dataclass(slots=True)
class Amount:
    """A variable that rules add to."""

    number: Term
    absent: Formula
    lost: Formula = False

    @property
    def there(self) -> Formula:
        """See `Symbol`."""
        return opposite(self.absent)

    def found(self, literal: Literal) -> Formula:
        """See `Symbol`."""
        if literal.op is Op.EXISTS:
            return self.there
        spans = [operand for operand in literal.operands if isinstance(operand, Interval)]
        return both(self.there, some(self._within(span) for span in spans))

    def _within(self, span: Interval) -> Formula:
        low = True if span.start == float("-inf") else self.number >= span.start
        high = True if span.end == float("inf") else self.number < span.end
        return both(low, high)


@dataclass(slots=True)
class Listed:
    """A list: none or some, and nothing is known of its elements."""

    name: str
    cell: Term
    names: Names
    may_be_lost: bool
    claims: dict[object, Term] = field(default_factory=dict)

    @property
    def lost(self) -> Formula:
        """See `Symbol`."""
        return self.cell == LOST if self.may_be_lost else False

    @property
    def there(self) -> Formula:
        """See `Symbol`."""
        return self.cell >= 0

    def found(self, literal: Literal) -> Formula:
        """See `Symbol`."""
        return self.there if literal.op is Op.EXISTS else both(self.there, self.claim(literal))

    def claim(self, about: object) -> Term:
        """Something about its elements."""
        key = (about.op, about.operands) if isinstance(about, Literal) else about
        if key not in self.claims:
            self.claims[key] = self.names.claim(f"{self.name} {key}")
        return self.claims[key]


@dataclass(slots=True)
class Mailbox:
    """An address and its parts, which are facts too; without a local part there is none at all.

    `chosen`: whether the client chose its domain.
    """

    local: Single
    domain: Single
    tag: Single
    names: Names
    chosen: Formula = True
    patterns: dict[tuple[Op, str], Term] = field(default_factory=dict)
    lost: Formula = False

    @property
    def there(self) -> Formula:
        """See `Symbol`."""
        return self.local.cell >= 0

    def found(self, literal: Literal) -> Formula:
        """See `Symbol`."""
        texts = [operand for operand in literal.operands if isinstance(operand, str)]
        if literal.op is Op.EXISTS:
            return self.there
        if literal.op is Op.UNDER:
            return self.domain.found(literal)
        if literal.op is Op.IS:
            return some(self._is(text) for text in texts)
        return both(self.there, some(self.pattern(literal.op, text) for text in texts))

    def _is(self, key: str) -> Formula:
        local, domain = halves(key)
        return both(
            self.local.is_text(local), self.domain.is_text(domain) if domain else self.domain.cell == ABSENT
        )

    def pattern(self, op: Op, operand: str) -> Term:
        """The pattern is found in the address."""
        if (op, operand) not in self.patterns:
            self.patterns[op, operand] = self.names.claim(f"{self.local.name}@ {op.value} {operand}")
        return self.patterns[op, operand]

    def become(self, other: Mailbox, when: Formula) -> None:
        """Where `when` holds this is the other's address."""
        for mine, theirs in ((self.local, other.local), (self.domain, other.domain), (self.tag, other.tag)):
            mine.become(theirs, when)
        for key in {*self.patterns, *other.patterns}:
            self.names.always(implies(when, self.pattern(*key) == other.pattern(*key)))


def make_mailbox(names: Names, parts: Parts, lines: tuple[Line, Line, Line]) -> Mailbox:
    """Any address, or none."""
    local, domain, tag = (
        Single(name, kind, line, names.number(name), names, may_be_lost=False)
        for name, kind, line in zip(
            (parts.local, parts.domain, parts.tag), (Type.TEXT, Type.DOMAIN, Type.TEXT), lines, strict=True
        )
    )
    for single in (local, domain, tag):
        bound(single, may_be_absent=True)
    # Without a domain it is the postmaster or nobody; nobody has no domain.
    bare = either(local.cell == ABSENT, local.is_text("postmaster"))
    names.always(implies(domain.cell == ABSENT, bare))
    names.always(implies(local.cell == ABSENT, both(domain.cell == ABSENT, tag.cell == ABSENT)))
    return Mailbox(local, domain, tag, names)


def bound(single: Single, *, may_be_absent: bool) -> None:
    """Its cell is one of its line's, or absent, or unavailable, if it may be."""
    last = len(single.line.cells) - 1
    single.names.always(
        some(
            (
                both(single.cell >= 0, single.cell <= last),
                single.cell == ABSENT if may_be_absent else False,
                single.lost,
            )
        )
    )


def outside(domain: Single, ours: frozenset[str]) -> Formula:
    """The domain is there and none of ours."""
    assert isinstance(domain.line, Texts)
    places = (domain.line.place(name) for name in ours)
    within = among(domain.cell, [(place, place) for place in sorted(p for p in places if p is not None)])
    return every((domain.cell >= 0, opposite(within)))
