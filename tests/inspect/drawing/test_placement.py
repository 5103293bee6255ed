from __future__ import annotations

from itertools import combinations, pairwise
from random import Random

import pytest

from tests.inspect.drawing.pictures import anything
from vsmtp.inspect.drawing.placement import WIDTH, PlacedBox, Point, place, way_of

# Of a letter, in pixels.
LETTER = 6.7


@pytest.mark.parametrize("seed", range(40))
def test_nothing_lies_on_anything_else(seed: int) -> None:
    sheet = place(anything(Random(seed)))
    for one, other in combinations(sheet.boxes().values(), 2):
        beside = one.x + WIDTH < other.x or other.x + WIDTH < one.x
        assert beside or one.bottom < other.y or other.bottom < one.y


@pytest.mark.parametrize("seed", range(40))
def test_everything_lies_within_its_box_and_the_sheet(seed: int) -> None:
    sheet = place(anything(Random(seed)))
    for box in sheet.boxes().values():
        assert box.x + WIDTH < sheet.width
        assert box.bottom < sheet.height
        assert box.y < box.entries[0].top
        assert all(one.bottom == other.top for one, other in pairwise(box.entries))
        for entry in box.entries:
            assert all(entry.top < line.y < entry.bottom for line in entry.lines)
            assert all(20 + len(line.text) * LETTER < WIDTH for line in entry.lines)


@pytest.mark.parametrize("seed", range(40))
def test_no_jump_crosses_a_box(seed: int) -> None:
    picture = anything(Random(seed))
    sheet = place(picture)
    for arrow in picture.arrows:
        path = way_of(sheet, arrow)
        for box in sheet.boxes().values():
            if box.box.key not in {arrow.start, arrow.end}:
                assert not any(_crosses(one, other, box) for one, other in pairwise(path)), arrow


def _crosses(one: Point, other: Point, box: PlacedBox) -> bool:
    left, right = sorted((one[0], other[0]))
    top, bottom = sorted((one[1], other[1]))
    return left < box.x + WIDTH and box.x < right and top < box.bottom and box.y < bottom


def test_a_chain_stands_right_of_all_that_jump_to_it() -> None:
    for seed in range(40):
        picture = anything(Random(seed))
        boxes = place(picture).boxes()
        assert all(boxes[arrow.start].x < boxes[arrow.end].x for arrow in picture.arrows)
