"""Indexes: from a fact's value to the rows whose test it hits, in about the same time for ten and for 10,000.

A *lane* holds at most one literal of each row. `hits` gives the rows whose literal finds the value among its
operands, as a bit mask; what that means for a row (its literal may be negated) is the column's business.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Protocol, TypeAlias, cast

from vsmtp.rules.constants import domain_of, fold, folded_text, ordinal
from vsmtp.rules.language import Interval, Literal, Op
from vsmtp.rules.regex import PatternSet, escape
from vsmtp.vocabulary.answers import Scalar
from vsmtp.vocabulary.types import NETWORKED, ORDERED, Type

# A mask of 10,000 rows is 1,250 octets: a few row numbers are kept as such.
_FEW: Final = 4
_WIDE: Final = 512
# So many parts are looked for one by one.
_SOME: Final = 24
Rows: TypeAlias = int | tuple[int, ...]
# A row and its literal.
Entry: TypeAlias = tuple[int, Literal]


class Lane(Protocol):
    """An index over rows."""

    def hits(self, value: Scalar) -> int:
        """The rows whose operands the value is among."""


class Exact:
    """Equality of folded values."""

    __slots__ = ("_fold", "_rows")

    def __init__(self, kind: Type, entries: Sequence[Entry]) -> None:
        self._fold = _FOLDS.get(kind, fold)
        self._rows = _grouped((operand, row) for row, literal in entries for operand in literal.operands)

    def hits(self, value: Scalar) -> int:
        """See `Lane`."""
        rows = self._rows.get(self._fold(value), 0)
        return rows if isinstance(rows, int) else _bits(rows)


class Suffix:
    """A domain or one below it."""

    __slots__ = ("_rows",)

    def __init__(self, _kind: Type, entries: Sequence[Entry]) -> None:
        self._rows = _grouped((operand, row) for row, literal in entries for operand in literal.operands)

    def hits(self, value: Scalar) -> int:
        """See `Lane`."""
        name, found = domain_of(value), 0
        while name:
            rows = self._rows.get(name)
            if rows is not None:
                found |= rows if isinstance(rows, int) else _bits(rows)
            name = name.partition(".")[2]
        return found


class Range:
    """Intervals on a line of numbers: networks, sizes, times. A look-up is one bisection."""

    __slots__ = ("_rows", "_starts")

    def __init__(self, _kind: Type, entries: Sequence[Entry]) -> None:
        turns: dict[float, int] = {-math.inf: 0}
        for row, literal in entries:
            for span in _merged(cast("tuple[Interval, ...]", literal.operands)):
                turns[span.start] = turns.get(span.start, 0) ^ (1 << row)
                turns[span.end] = turns.get(span.end, 0) ^ (1 << row)
        self._starts = sorted(turns)
        self._rows: list[Rows] = []
        current = 0
        for start in self._starts:
            current ^= turns[start]
            self._rows.append(_compact(current))

    def hits(self, value: Scalar) -> int:
        """See `Lane`."""
        rows = self._rows[bisect_right(self._starts, ordinal(value)) - 1]
        return rows if isinstance(rows, int) else _bits(rows)


class Edges:
    """How a text begins, or how it ends: a look for each length that an operand has."""

    __slots__ = ("_rows", "_slices")

    def __init__(self, cut: Callable[[int], slice], entries: Sequence[Entry]) -> None:
        self._rows = _grouped((operand, row) for row, literal in entries for operand in literal.operands)
        lengths = {len(cast("str", operand)) for operand in self._rows}
        self._slices = tuple(cut(length) for length in sorted(lengths))

    def hits(self, value: Scalar) -> int:
        """See `Lane`."""
        text, found = folded_text(value), 0
        for each in self._slices:
            rows = self._rows.get(text[each])
            if rows is not None:
                found |= rows if isinstance(rows, int) else _bits(rows)
        return found


class Parts:
    """What a text contains, of a few parts: looking for each is faster than asking RE2."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[object, Rows]) -> None:
        self._rows = tuple((cast("str", part), some) for part, some in rows.items())

    def hits(self, value: Scalar) -> int:
        """See `Lane`."""
        text, found = folded_text(value), 0
        for part, rows in self._rows:
            if part in text:
                found |= rows if isinstance(rows, int) else _bits(rows)
        return found


class Patterns:
    """Regular expressions, all in one pass; `glob` and many parts are turned into ones over folded text."""

    __slots__ = ("_rows", "_set", "_text")

    def __init__(self, text: Callable[[Scalar], str], entries: Sequence[Entry]) -> None:
        rows = _grouped(
            (_as_pattern(literal.op, cast("str", operand)), row)
            for row, literal in entries
            for operand in literal.operands
        )
        self._text = text
        self._set = PatternSet(cast("tuple[str, ...]", tuple(rows)))
        self._rows = tuple(rows.values())

    def hits(self, value: Scalar) -> int:
        """See `Lane`."""
        found = 0
        for number in self._set.found(self._text(value)):
            rows = self._rows[number]
            found |= rows if isinstance(rows, int) else _bits(rows)
        return found


class Presence:
    """Any value at all hits."""

    __slots__ = ("_rows",)

    def __init__(self, _kind: Type, entries: Sequence[Entry]) -> None:
        self._rows = _bits(row for row, _ in entries)

    def hits(self, _value: Scalar) -> int:
        """See `Lane`."""
        return self._rows


class Never:
    """No value hits: `unavailable` is false of every answer that is one."""

    __slots__ = ()

    def __init__(self, _kind: Type, _entries: Sequence[Entry]) -> None:
        pass

    def hits(self, _value: Scalar) -> int:
        """See `Lane`."""
        return 0


def is_dear(lane: Lane) -> bool:
    """Whether a look at it costs so much more than at another that it is worth avoiding."""
    return isinstance(lane, Patterns)


def lane_of(op: Op, kind: Type) -> Callable[[Type, Sequence[Entry]], Lane]:
    """The index that answers this test of a fact of this kind; tests with one index share lanes."""
    if op is Op.IS:
        return Range if kind in NETWORKED or kind in ORDERED else Exact
    return _LANES.get(op, Range)


def _raw_patterns(_kind: Type, entries: Sequence[Entry]) -> Lane:
    return Patterns(str, entries)


def _folded_patterns(_kind: Type, entries: Sequence[Entry]) -> Lane:
    return Patterns(folded_text, entries)


def _beginnings(_kind: Type, entries: Sequence[Entry]) -> Lane:
    return Edges(slice, entries)


def _endings(_kind: Type, entries: Sequence[Entry]) -> Lane:
    return Edges(lambda length: slice(-length, None), entries)


def _parts(kind: Type, entries: Sequence[Entry]) -> Lane:
    rows = _grouped((operand, row) for row, literal in entries for operand in literal.operands)
    return Parts(rows) if len(rows) <= _SOME else _folded_patterns(kind, entries)


_LANES: Final[Mapping[Op, Callable[[Type, Sequence[Entry]], Lane]]] = {
    Op.UNDER: Suffix,
    Op.MATCHES: _raw_patterns,
    Op.GLOB: _folded_patterns,
    Op.STARTS_WITH: _beginnings,
    Op.ENDS_WITH: _endings,
    Op.CONTAINS: _parts,
    Op.EXISTS: Presence,
    Op.UNAVAILABLE: Never,
}


def _same(value: Scalar) -> Scalar:
    return value


# What `fold` does, without asking each value for its type.
_FOLDS: Final[Mapping[Type, Callable[[Any], object]]] = {
    Type.TEXT: str.casefold,
    Type.DOMAIN: str.casefold,
    Type.BOOL: _same,
    Type.ADDRESS: attrgetter("key"),
}


def _as_pattern(op: Op, operand: str) -> str:
    return escape(operand) if op is Op.CONTAINS else operand


def _grouped(pairs: Iterable[tuple[object, int]]) -> dict[object, Rows]:
    lists: dict[object, list[int]] = {}
    for key, row in pairs:
        rows = lists.setdefault(key, [])
        if not rows or rows[-1] != row:
            rows.append(row)
    return {key: _compact_list(rows) for key, rows in lists.items()}


def _compact_list(rows: list[int]) -> Rows:
    return tuple(rows) if len(rows) <= _FEW and rows[-1] >= _WIDE else _bits(rows)


def _compact(mask: int) -> Rows:
    if mask.bit_length() <= _WIDE or mask.bit_count() > _FEW:
        return mask
    rows = []
    while mask:
        row = mask.bit_length() - 1
        rows.append(row)
        mask ^= 1 << row
    return tuple(reversed(rows))


def _bits(rows: Iterable[int]) -> int:
    mask = 0
    for row in rows:
        mask |= 1 << row
    return mask


def _merged(spans: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
