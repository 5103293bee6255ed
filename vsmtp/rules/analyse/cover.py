"""Whether regions cover another: by points that may lie outside, and by cutting away what is covered.

A point of what is left is looked up among the catchers; none has it: nothing is covered. The first that has
it is cut out, and a point of the rest is next, until there is no rest. An index over the cells keeps the
look-up short among 10,000 catchers. After so many cuts the question is left open, which counts as "not
covered".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from vsmtp.rules.analyse.cells import NO_VALUE, Cells
from vsmtp.rules.analyse.flow import Region
from vsmtp.rules.analyse.layout import Box, Dimension, Layout, at_once, box_of
from vsmtp.rules.language import Rule

_PATIENCE: Final = 200
# Cells that so few leave, or take, are listed by cell.
_FEW: Final = 64
# Dimensions that fewer regions look at are looked at region by region.
_COMMON: Final = 8
_Point: TypeAlias = Mapping[Dimension, Cells]


def covering(layout: Layout, region: Region, index: Index, before: int) -> tuple[int, ...] | None:
    """Of the first `before` regions those that together cover the region; None where they do not.

    A region that is empty is covered by none: an empty tuple.
    """
    used: dict[int, None] = {}
    rest = [region.box]
    for _ in range(_PATIENCE):
        left = None
        while rest and left is None:
            left = layout.narrowed(rest.pop())
        if left is None:
            return tuple(sorted(used))
        point = {dimension: _likely(layout, dimension, cells) for dimension, cells in left.items()}
        exemption = next((box for box in region.exemptions if _has(layout, box, point)), None)
        if exemption is not None:
            rest.extend(_outside(layout, left, exemption))
            continue
        number = index.first(point, before)
        if number is None:
            return None
        used[number] = None
        rest.extend(_less(layout, left, index.regions[number]))
    return None


def can_match(layout: Layout, rule: Rule) -> bool:
    """Whether there may be a session for which the rule surely matches, if it has its turn."""
    exemptions = tuple(box_of(layout, each, at_once, sure=False) for each in rule.unless)
    boxes = (box_of(layout, each, at_once, sure=True) for each in rule.when)
    return any(covering(layout, Region(box, exemptions), Index(layout, ()), 0) != () for box in boxes)


def _likely(layout: Layout, dimension: Dimension, cells: Cells) -> Cells:
    """One cell, rather one that few tests name."""
    some = cells & layout.likely[dimension] or cells & ~NO_VALUE or cells
    return some & -some


def _has(layout: Layout, box: Box, point: _Point) -> bool:
    return all(
        (point.get(dimension) or _likely(layout, dimension, layout.full[dimension])) & cells
        for dimension, cells in box.items()
    )


def _outside(layout: Layout, box: Box, hole: Box) -> Iterator[Box]:
    """The box less the hole, in boxes that do not overlap."""
    left = dict(box)
    for dimension, cells in hole.items():
        mine = left.get(dimension, layout.full[dimension])
        if mine & ~cells:
            yield {**left, dimension: mine & ~cells}
        left[dimension] = mine & cells
        if not left[dimension]:
            return


def _less(layout: Layout, box: Box, region: Region) -> Iterator[Box]:
    yield from _outside(layout, box, region.box)
    for exemption in region.exemptions:
        both = _meet(layout, _meet(layout, box, region.box), exemption)
        if all(both.values()):
            yield both


def _meet(layout: Layout, one: Box, other: Box) -> Box:
    met = dict(one)
    for dimension, cells in other.items():
        met[dimension] = met.get(dimension, layout.full[dimension]) & cells
    return met


class Index:
    """Finds the first region that a point lies in.

    Of dimensions that many regions look at there is an index from the cell to the regions, of others each
    region is asked.
    """

    def __init__(self, layout: Layout, regions: Sequence[Region]) -> None:
        self.regions = regions
        self._layout = layout
        looks: dict[Dimension, list[int]] = {}
        for number, region in enumerate(regions):
            for dimension in region.box:
                looks.setdefault(dimension, []).append(number)
        common = {dimension: rows for dimension, rows in looks.items() if len(rows) >= _COMMON}
        self._common = {
            dimension: _Column(layout.full[dimension], [(row, regions[row].box[dimension]) for row in rows])
            for dimension, rows in common.items()
        }
        self._rare = {dimension: rows for dimension, rows in looks.items() if dimension not in common}
        # What refutes a region unless the point says otherwise: how many of its rare dimensions.
        self._against = [0] * len(regions)
        for dimension, rows in self._rare.items():
            usual = _likely(layout, dimension, layout.full[dimension])
            for row in rows:
                self._against[row] += not regions[row].box[dimension] & usual
        self._refuted = _bits(row for row, against in enumerate(self._against) if against)

    def first(self, point: _Point, before: int) -> int | None:
        """The number of the first region with that point, among the first so many."""
        alive = (1 << before) - 1
        for dimension, column in self._common.items():
            cell = point.get(dimension)
            if cell is None:
                cell = _likely(self._layout, dimension, self._layout.full[dimension])
            alive &= ~column.refuted(cell)
        named = {row for dimension in point for row in self._rare.get(dimension, ())}
        doubtful = _bits(named)
        alive &= ~self._refuted | doubtful
        while alive:
            lowest = alive & -alive
            number = lowest.bit_length() - 1
            if self._lies_in(point, self.regions[number]):
                return number
            alive ^= lowest
        return None

    def _lies_in(self, point: _Point, region: Region) -> bool:
        return _has(self._layout, region.box, point) and not any(
            _has(self._layout, exemption, point) for exemption in region.exemptions
        )


class _Column:
    """Of one dimension, which regions do not have a cell."""

    def __init__(self, full: Cells, rows: Sequence[tuple[int, Cells]]) -> None:
        self._known: dict[Cells, int] = {}
        self._having: dict[Cells, list[int]] = {}
        self._lacking: dict[Cells, list[int]] = {}
        self._others: list[tuple[int, Cells]] = []
        having = []
        for row, cells in rows:
            if cells.bit_count() <= _FEW:
                having.append(row)
                _list(self._having, cells, row)
            elif (full & ~cells).bit_count() <= _FEW:
                _list(self._lacking, full & ~cells, row)
            else:
                self._others.append((row, cells))
        self._positive = _bits(having)

    def refuted(self, cell: Cells) -> int:
        """The regions without that cell, as a mask."""
        known = self._known.get(cell)
        if known is None:
            known = self._positive & ~_bits(self._having.get(cell, ()))
            known |= _bits(self._lacking.get(cell, ()))
            known |= _bits(row for row, cells in self._others if not cells & cell)
            self._known[cell] = known
        return known


def _list(lists: dict[Cells, list[int]], cells: Cells, row: int) -> None:
    while cells:
        lowest = cells & -cells
        lists.setdefault(lowest, []).append(row)
        cells ^= lowest


def _bits(rows: Iterable[int]) -> int:
    mask = 0
    for row in rows:
        mask |= 1 << row
    return mask
