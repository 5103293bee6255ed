"""All values of a fact, cut into finitely many cells by the constants that rules compare it with.

Within a cell no equality, domain or interval of any rule tells one value from another. Cells are numbered so
that what a test finds are a few ranges of numbers. Two numbers more: absent, and unavailable.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol, TypeAlias

from vsmtp.rules.language import Interval, Literal, Op
from vsmtp.rules.regex import Pattern
from vsmtp.vocabulary.types import NETWORKED, ORDERED, Type

ABSENT: Final = -1
LOST: Final = -2
PATTERNS: Final = frozenset({Op.MATCHES, Op.GLOB, Op.STARTS_WITH, Op.ENDS_WITH, Op.CONTAINS})
Ranges: TypeAlias = tuple[tuple[int, int], ...]
# Above every label of a domain.
_LAST: Final = "\U0010ffff"
_WHOLE: Final = frozenset({Type.SIZE, Type.HOUR, Type.CLOCK, Type.DATE, Type.IP, Type.NETWORK})
_MOST: Final[dict[Type, float]] = {Type.HOUR: 24, Type.CLOCK: 86400, Type.IP: (1 << 32) + (1 << 128)}


@dataclass(frozen=True, slots=True)
class Cell:
    """Values that are alike.

    `text` alone; or, with `is_open`, those below the domain `text` that have no cell of their own, of an
    empty text all that have none. Of numbers `start` is the least, and `end` lies behind the greatest.
    """

    text: str
    is_open: bool = False
    start: float = 0
    end: float = 0


class Line(Protocol):
    """The cells of a fact, in order."""

    cells: tuple[Cell, ...]

    def found(self, literal: Literal) -> Ranges:
        """The cells all whose values are among the operands that are constants; patterns see `matching`."""

    @property
    def usual(self) -> int:
        """The cell that least is said about."""


class Texts:
    """Texts, domains: those named, those below the domains named, the rest."""

    def __init__(self, names: Iterable[str], domains: Iterable[str]) -> None:
        keys = {_key(name): Cell(name) for name in (*names, *domains)}
        for name in domains:
            keys[*_key(name), _LAST] = Cell(name, is_open=True)
        self._keys = sorted(keys)
        self.cells = (*(keys[key] for key in self._keys), Cell("", is_open=True))
        self._matching: dict[tuple[Op, str], Ranges] = {}
        self._exact = {cell.text: n for n, cell in enumerate(self.cells) if not cell.is_open}

    @property
    def usual(self) -> int:
        """See `Line`."""
        return len(self.cells) - 1

    @property
    def open(self) -> Ranges:
        """The cells that patterns cannot be tried on."""
        return as_ranges(n for n, cell in enumerate(self.cells) if cell.is_open)

    def place(self, text: str) -> int | None:
        """The cell of this text alone, folded."""
        return self._exact.get(text)

    def found(self, literal: Literal) -> Ranges:
        """See `Line`."""
        texts = [operand for operand in literal.operands if isinstance(operand, str)]
        match literal.op:
            case Op.IS:
                return as_ranges(self._exact[text] for text in texts if text in self._exact)
            case Op.UNDER:
                return tuple(span for text in texts for span in self.under(text))
            case Op.EXISTS:
                return ((0, len(self.cells) - 1),)
            case _:
                return ()

    def under(self, domain: str) -> Ranges:
        """The domain and what is below it."""
        key = _key(domain)
        first, last = bisect_left(self._keys, key), bisect_right(self._keys, (*key, _LAST)) - 1
        return ((first, last),) if first <= last else ()

    def matching(self, op: Op, operand: str) -> Ranges:
        """The cells of one text that the pattern is found in."""
        if (op, operand) not in self._matching:
            finds = finder(op, operand)
            cells = enumerate(self.cells)
            found = as_ranges(n for n, cell in cells if not cell.is_open and finds(cell.text))
            self._matching[op, operand] = found
        return self._matching[op, operand]


def finder(op: Op, operand: str) -> Callable[[str], bool]:
    """Whether a test that is not about equality finds its operand in a text; only `matches` minds case."""
    match op:
        case Op.STARTS_WITH:
            return lambda text: text.casefold().startswith(operand)
        case Op.ENDS_WITH:
            return lambda text: text.casefold().endswith(operand)
        case Op.CONTAINS:
            return lambda text: operand in text.casefold()
        case Op.MATCHES:
            return Pattern(operand).finds
        case _:
            pattern = Pattern(operand)
            return lambda text: pattern.finds(text.casefold())


def _key(name: str) -> tuple[str, ...]:
    return tuple(reversed(name.split(".")))


class Flags:
    """False and true."""

    cells: tuple[Cell, ...] = (Cell("false"), Cell("true"))
    usual = 0

    def found(self, literal: Literal) -> Ranges:
        """See `Line`."""
        if literal.op is Op.EXISTS:
            return ((0, 1),)
        return as_ranges(int(operand) for operand in literal.operands if isinstance(operand, bool))


class Numbers:
    """Numbers, times, addresses: what lies between the ends of the intervals."""

    def __init__(self, kind: Type, ends: Iterable[float], least: float, *, whole: bool) -> None:
        most = _MOST.get(kind, math.inf)
        inside = {end for end in ends if least < end < most}
        whole = whole or kind in _WHOLE
        spans = pairwise(sorted({least, most, *inside}))
        self.cells = tuple(
            Cell("", is_open=False, start=start, end=end)
            for start, end in spans
            if not (whole and math.isfinite(start) and math.ceil(start) >= end)
        )
        self._starts = [cell.start for cell in self.cells]

    @property
    def usual(self) -> int:
        """See `Line`."""
        return len(self.cells) - 1

    def found(self, literal: Literal) -> Ranges:
        """See `Line`."""
        if literal.op is Op.EXISTS:
            return ((0, len(self.cells) - 1),)
        spans = (operand for operand in literal.operands if isinstance(operand, Interval))
        return tuple(each for span in spans for each in self.between(span))

    def between(self, span: Interval) -> Ranges:
        """The cells of the interval."""
        first, last = bisect_left(self._starts, span.start), bisect_left(self._starts, span.end) - 1
        return ((first, last),) if first <= last else ()


def line_of(kind: Type, literals: Iterable[Literal], least: float, *, whole: bool) -> Line:
    """The line that these tests cut for a fact of this kind."""
    literals = list(literals)
    if kind is Type.BOOL:
        return Flags()
    if kind in ORDERED or kind in NETWORKED:
        spans = [each for literal in literals for each in literal.operands if isinstance(each, Interval)]
        return Numbers(kind, [end for span in spans for end in (span.start, span.end)], least, whole=whole)
    names = (_texts(literal) for literal in literals if literal.op is Op.IS)
    domains = (_texts(literal) for literal in literals if literal.op is Op.UNDER)
    return Texts({text for each in names for text in each}, {text for each in domains for text in each})


def _texts(literal: Literal) -> list[str]:
    return [operand for operand in literal.operands if isinstance(operand, str)]


def as_ranges(numbers: Iterable[int]) -> Ranges:
    """Numbers as ranges, each from its first to its last."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)
