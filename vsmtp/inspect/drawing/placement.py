"""Where everything of a picture goes on a sheet, in pixels: tables in a column, chains in those to its right.

Letters are of one width, so that what fits is known without asking a font.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final, Literal, TypeAlias
from unicodedata import east_asian_width

from vsmtp.inspect.drawing.picture import Arrow, Box, Entry, Picture, Strip

LINE: Final = 16
PAD: Final = 10
WIDTH: Final = 470
TITLE: Final = 2 * LINE
MARGIN: Final = 24
BESIDE: Final = 96
_BELOW: Final = 40
_LETTERS: Final = 64
# Arrows side by side.
_TRACKS: Final = 4
_TRACK: Final = 5

Sort: TypeAlias = Literal["name", "condition", "effect", "verdict"]
Point: TypeAlias = tuple[int, int]
Path: TypeAlias = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an entry; `y` is its middle."""

    sort: Sort
    text: str
    y: int


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry from `top` to `bottom`."""

    entry: Entry
    top: int
    bottom: int
    lines: tuple[Line, ...]

    @property
    def exit(self) -> int:
        """The height at which arrows leave."""
        return self.lines[-1].y


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box; `title` are the lines of its head."""

    box: Box
    x: int
    y: int
    bottom: int
    title: tuple[Line, ...]
    entries: tuple[PlacedEntry, ...]


@dataclass(frozen=True, slots=True)
class PlacedStrip:
    """A stage's name, and the boxes below it."""

    strip: Strip
    y: int
    boxes: tuple[PlacedBox, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that is drawn, and how large it is."""

    strips: tuple[PlacedStrip, ...]
    width: int
    height: int

    def boxes(self) -> Mapping[str, PlacedBox]:
        """The boxes by their keys."""
        return {box.box.key: box for strip in self.strips for box in strip.boxes}


def place(picture: Picture) -> Sheet:
    """Put the picture on a sheet, one stage below the other."""
    strips, y, right = [], MARGIN, MARGIN + WIDTH
    for strip in picture.strips:
        boxes = tuple(_boxes(picture, strip, y + TITLE))
        strips.append(PlacedStrip(strip, y, boxes))
        y = max((box.bottom for box in boxes), default=y + TITLE) + _BELOW
        right = max((right, *(box.x + WIDTH for box in boxes)))
    # Arrows between boxes of one column pass to its right.
    return Sheet(tuple(strips), right + BESIDE // 2 + MARGIN, y)


def _boxes(picture: Picture, strip: Strip, top: int) -> Iterator[PlacedBox]:
    columns = _columns(picture, strip)
    floors: dict[int, int] = {}
    done: dict[str, PlacedBox] = {}
    for box in sorted(strip.boxes, key=lambda box: columns[box.key]):
        column = columns[box.key]
        wanted = min(_sources(picture, box, done, columns), default=top)
        y = max(floors.get(column, top), wanted)
        placed = done[box.key] = _placed(box, MARGIN + column * (WIDTH + BESIDE), y)
        floors[column] = placed.bottom + _BELOW
        yield placed


def _sources(
    picture: Picture, box: Box, done: Mapping[str, PlacedBox], columns: Mapping[str, int]
) -> Iterator[int]:
    """The heights of the entries that jump here from the left."""
    for arrow in picture.arrows:
        source = done.get(arrow.start)
        left = source is not None and columns[arrow.start] < columns[box.key]
        if arrow.end == box.key and arrow.entry is not None and left and source is not None:
            yield source.entries[arrow.entry].top


def _columns(picture: Picture, strip: Strip) -> Mapping[str, int]:
    """Tables in the first column, each chain to the right of all that jump to it."""
    columns = {box.key: 0 for box in strip.tables} | {box.key: 1 for box in strip.chains}
    chains = {box.key for box in strip.chains}
    jumps = [arrow for arrow in picture.arrows if arrow.start in columns and arrow.end in chains]
    for _ in chains:  # no chain leads back: there are at most as many steps as chains
        for arrow in jumps:
            columns[arrow.end] = max(columns[arrow.end], columns[arrow.start] + 1)
    return columns


def _placed(box: Box, x: int, y: int) -> PlacedBox:
    title = f"{box.title}, {box.about}" if box.about else box.title
    head, bottom = _written([("name", title)], y + PAD // 2)
    bottom += PAD // 2
    entries = []
    for entry in box.entries:
        lines, end = _written(_texts(entry), bottom + PAD // 2)
        entries.append(PlacedEntry(entry, bottom, end + PAD // 2, lines))
        bottom = end + PAD // 2
    return PlacedBox(box, x, y, bottom, head, tuple(entries))


def _texts(entry: Entry) -> list[tuple[Sort, str]]:
    texts: list[tuple[Sort, str]] = [("name", entry.name)]
    texts += [("condition", line) for line in entry.conditions]
    texts += [("effect", f"do {line}") for line in entry.effects]
    return [*texts, ("verdict", entry.verdict)] if entry.verdict else texts


def _written(texts: Sequence[tuple[Sort, str]], top: int) -> tuple[tuple[Line, ...], int]:
    """The texts in lines below each other, and where they end."""
    lines, y = [], top
    for sort, text in texts:
        for part in _wrapped(text, _LETTERS - (12 if sort == "name" else 4)):
            lines.append(Line(sort, part, y + LINE // 2))
            y += LINE
    return tuple(lines), y


def _wrapped(text: str, letters: int) -> list[str]:
    wide = any(east_asian_width(letter) in "WF" for letter in text)
    width = letters // 2 if wide else letters
    return wrap(text, width, subsequent_indent="  ", break_on_hyphens=False) or [text]


def way_of(sheet: Sheet, arrow: Arrow) -> Path:
    """The points that an arrow passes: its ends, and a way around where boxes lie in between."""
    boxes = sheet.boxes()
    start, end = boxes[arrow.start], boxes[arrow.end]
    if arrow.entry is None:
        return (start.x + WIDTH // 2, start.bottom), (end.x + WIDTH // 2, end.y)
    begin = (start.x + WIDTH, start.entries[arrow.entry].exit)
    if end.x <= start.x:
        return begin, (end.x + WIDTH, end.y + TITLE // 2)
    goal = (end.x, end.y + TITLE // 2)
    low, high = min(begin[1], goal[1]), max(begin[1], goal[1])
    between = [box for box in boxes.values() if start.x < box.x < end.x]
    if not any(box.y <= high and low <= box.bottom for box in between):
        return begin, goal
    # Below all that lies between, each on a track of its own.
    strip = next(strip for strip in sheet.strips if any(box is start for box in strip.boxes))
    below = max(box.bottom for box in strip.boxes if start.x < box.x < end.x) + _BELOW // 2
    track = arrow.entry % _TRACKS * _TRACK
    out, into, below = begin[0] + BESIDE // 4 + track, goal[0] - BESIDE // 4 - track, below + track
    return begin, (out, begin[1]), (out, below), (into, below), (into, goal[1]), goal
