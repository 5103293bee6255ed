"""All that one fact can be, cut into finitely many cells.

The constants of all tests of a fact cut its values into cells within which no test tells one value from
another: a text is one of those named, or below one of the domains named, or anything else; a number or an
address lies between two of the ends named. Two cells more: absent, unavailable. A set of cells is a bit mask.
Expressions, references and lists cut nothing here: they are taken as they stand (`layout`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, Protocol, TypeAlias, cast

from vsmtp.rules.language import Interval, Literal, Op
from vsmtp.vocabulary.facts import FACTS, Fact
from vsmtp.vocabulary.types import NETWORKED, ORDERED, Type

ABSENT: Final = 1
DARK: Final = 2
NO_VALUE: Final = ABSENT | DARK
# The first cell of values; of texts it is "anything else".
_FIRST: Final = 2
Cells: TypeAlias = int

_ADDRESSES: Final = {
    "sender.domain": "sender.address",
    "rcpt.domain": "rcpt.address",
    "message.from_domain": "message.from",
}
_DAY: Final = 24 * 3600
_BOUNDS: Final[Mapping[Type, tuple[float, float]]] = {
    Type.HOUR: (0, 24),
    Type.CLOCK: (0, _DAY),
    Type.IP: (0, (1 << 32) + (1 << 128)),
}
_COUNTED: Final = frozenset({Type.SIZE, Type.DURATION})
# Between two neighbouring whole numbers nothing lies.
_WHOLE: Final = frozenset({Type.HOUR, Type.CLOCK, Type.DATE, Type.IP, Type.NETWORK})


class Space(Protocol):
    """The cells of one fact: `full` are all, `likely` those of values that fewest tests name."""

    full: Cells
    likely: Cells

    def there(self, fact: Fact) -> Cells:
        """The cells in which the fact has a value."""

    def found(self, fact: Fact, literal: Literal) -> Cells | None:
        """The cells of values that are among the operands; None where cells do not tell."""


def home_of(fact: Fact) -> Fact:
    """The fact whose cells tell of this one too: the address that it is the domain of, or itself."""
    return FACTS[_ADDRESSES[fact.name]] if fact.name in _ADDRESSES else fact


def space_of(fact: Fact, literals: Sequence[Literal], of_domain: Sequence[Literal]) -> Space:
    """The cells that these tests cut the fact's values into, and those of the domain if it is an address.

    Tests that cut nothing may be among them.
    """
    if fact.many:
        return _Listed(fact)
    if fact.type is Type.BOOL or fact.choices:
        return _Choices(fact)
    if fact.type in ORDERED or fact.type in NETWORKED:
        return _Line(fact, literals)
    return _Names(fact, literals, of_domain)


def _without(fact: Fact) -> Cells:
    return DARK if fact.is_always_there else NO_VALUE


class _Listed:
    """A list: empty or not."""

    def __init__(self, fact: Fact) -> None:
        self.likely = 1 << _FIRST
        self.full = self.likely | _without(fact)

    def there(self, _fact: Fact) -> Cells:
        """See `Space`."""
        return self.full & ~NO_VALUE

    def found(self, _fact: Fact, _literal: Literal) -> Cells | None:
        """Nothing is known of elements."""
        return None


class _Choices:
    """A cell for each value."""

    def __init__(self, fact: Fact) -> None:
        values: tuple[str | bool, ...] = fact.choices or (False, True)
        self._bits = {value: 1 << (_FIRST + n) for n, value in enumerate(values)}
        self.likely = _union(self._bits.values())
        self.full = self.likely | _without(fact)

    def there(self, _fact: Fact) -> Cells:
        """See `Space`."""
        return self.full & ~NO_VALUE

    def found(self, _fact: Fact, literal: Literal) -> Cells | None:
        """Equality only."""
        if literal.op is not Op.IS or literal.refs:
            return None
        return _union(self._bits.get(cast("str | bool", operand), 0) for operand in literal.operands)


class _Line:
    """Numbers, times and addresses: what lies between the ends of all intervals."""

    def __init__(self, fact: Fact, literals: Sequence[Literal]) -> None:
        low, high = _bounds(fact)
        ends = {low, high}
        for literal in literals:
            for span in literal.operands:
                if isinstance(span, Interval):
                    ends.update((max(low, span.start), min(high, span.end)))
        self._ends = sorted(end for end in ends if low <= end <= high)
        empty = fact.type in _WHOLE
        self._cells = _union(
            1 << (_FIRST + n)
            for n, (start, end) in enumerate(pairwise(self._ends))
            if not (empty and _is_hollow(start, end))
        )
        self.full = self._cells | _without(fact)
        self.likely = self._cells & -(1 << max(_FIRST, self._cells.bit_length() - 1))

    def there(self, _fact: Fact) -> Cells:
        """See `Space`."""
        return self.full & ~NO_VALUE

    def found(self, _fact: Fact, literal: Literal) -> Cells | None:
        """The cells within the intervals."""
        if not all(isinstance(operand, Interval) for operand in literal.operands):
            return None
        return _union(self._between(cast("Interval", span)) for span in literal.operands) & self._cells

    def _between(self, span: Interval) -> Cells:
        start, end = bisect_left(self._ends, span.start), bisect_left(self._ends, span.end)
        return ((1 << max(0, end - start)) - 1) << (_FIRST + start)


def _bounds(fact: Fact) -> tuple[float, float]:
    if fact.type in _COUNTED and fact.name in FACTS:
        return (0, math.inf)
    return _BOUNDS.get(fact.type, (-math.inf, math.inf))


def _is_hollow(start: float, end: float) -> bool:
    return math.isfinite(start) and math.isfinite(end) and math.ceil(start) >= end


class _Names:
    """Texts, domains and addresses: each one named, what is below each domain named, anything else.

    Of an address also whoever else is at a domain named, and those without a domain.
    """

    def __init__(self, fact: Fact, literals: Sequence[Literal], of_domain: Sequence[Literal]) -> None:
        self._name = fact.name
        named = dict.fromkeys(_texts(literals, Op.IS))
        at = dict.fromkeys(_texts(of_domain, Op.IS))
        domains = dict.fromkeys(_texts((*literals, *of_domain), Op.UNDER))
        cells = [
            *((name, _domain_in(fact, name)) for name in ("", *named)),
            *((name, name) for name in (*at, *domains)),
        ]
        bits = [1 << (_FIRST + 1 + n) for n in range(len(cells))]
        self.likely = 1 << _FIRST
        self.full = _without(fact) | self.likely | _union(bits)
        self._bits = dict(zip(("", *named), bits, strict=False))
        self._at = dict.fromkeys(at, 0)
        self._under = dict.fromkeys(domains, 0)
        self._homeless = 0
        below = 1 + len(named) + len(at)
        for n, ((_, domain), bit) in enumerate(zip(cells, bits, strict=True)):
            self._sort(domain, bit, below=n >= below)

    def _sort(self, domain: str, bit: Cells, *, below: bool) -> None:
        if not domain:
            self._homeless |= bit
        if domain in self._at and not below:
            self._at[domain] |= bit
        rest = domain
        while rest:
            if rest in self._under:
                self._under[rest] |= bit
            rest = rest.partition(".")[2]

    def there(self, fact: Fact) -> Cells:
        """See `Space`."""
        return self.full & ~NO_VALUE & ~(0 if fact.name == self._name else self._homeless)

    def found(self, fact: Fact, literal: Literal) -> Cells | None:
        """Equality, and what is below domains."""
        if literal.refs or literal.op not in {Op.IS, Op.UNDER}:
            return None
        equal = self._bits if fact.name == self._name else self._at
        cells = equal if literal.op is Op.IS else self._under
        return _union(cells[cast("str", operand)] for operand in literal.operands)


def _domain_in(fact: Fact, name: str) -> str:
    """The domain of a value: its own, an address's; of an empty text and a bare `postmaster` none."""
    return name.rpartition("@")[2] if "@" in name or fact.type is not Type.ADDRESS else ""


def _texts(literals: Iterable[Literal], op: Op) -> Iterable[str]:
    for literal in literals:
        if literal.op is op:
            yield from (operand for operand in literal.operands if isinstance(operand, str))


def _union(cells: Iterable[Cells]) -> Cells:
    found = 0
    for each in cells:
        found |= each
    return found
