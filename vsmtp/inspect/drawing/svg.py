"""The picture as SVG: for any browser, without scripts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from vsmtp.inspect.drawing.ink import FILLS, LETTERS, marked_up
from vsmtp.inspect.drawing.picture import Arrow, Entry, Picture
from vsmtp.inspect.drawing.placement import (
    BESIDE,
    LINE,
    MARGIN,
    PAD,
    TITLE,
    WIDTH,
    Line,
    Path,
    PlacedBox,
    PlacedEntry,
    PlacedStrip,
    Point,
    Sheet,
    place,
    way_of,
)

# Two points: nothing lies between the boxes.
_DIRECT: Final = 2
_CURVE: Final = 8
# From the middle of a line to what its letters stand on.
_BASE: Final = 4
_FONT: Final = "DejaVu Sans Mono, Menlo, Consolas, monospace"
_STYLE: Final = f"""<style>
text {{ font: 11px {_FONT}; fill: #1f2328; }}
.stage {{ font-size: 18px; font-weight: bold; }}
.head, .name {{ font-weight: bold; }}
.effect, .hits {{ fill: #57606a; }}
.hits {{ text-anchor: end; }}
.frame {{ fill: #ffffff; stroke: #8c959f; }}
.title {{ fill: #eaeef2; stroke: #8c959f; }}
.rule {{ stroke: #d0d7de; }}
.anew {{ stroke: #8c959f; stroke-width: 2; stroke-dasharray: 6 4; }}
.jump {{ fill: none; stroke: #0550ae; stroke-width: 1.3; marker-end: url(#tip); }}
.next {{ fill: none; stroke: #57606a; stroke-width: 1.3; stroke-dasharray: 5 4; marker-end: url(#grey); }}
</style>"""
_TIP: Final = (
    '<marker id="{}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="{}"/></marker>'
)


def as_svg(picture: Picture) -> str:
    """The whole drawing."""
    sheet = place(picture)
    size = f'width="{sheet.width}" height="{sheet.height}" viewBox="0 0 {sheet.width} {sheet.height}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<defs>{_STYLE}{_TIP.format('tip', '#0550ae')}{_TIP.format('grey', '#57606a')}</defs>",
        f'<rect width="{sheet.width}" height="{sheet.height}" fill="#ffffff"/>',
        *(line for strip in sheet.strips for line in _strip(strip)),
        *(_arrow(sheet, arrow) for arrow in picture.arrows),
        "</svg>",
        "",
    ])  # fmt: skip


def _strip(strip: PlacedStrip) -> Iterator[str]:
    yield _text("stage", MARGIN, strip.y + TITLE // 3, strip.strip.stage)
    for box in strip.boxes:
        yield from _box(box)


def _box(box: PlacedBox) -> Iterator[str]:
    head = box.entries[0].top if box.entries else box.bottom
    yield f'<rect class="frame" x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.bottom - box.y}"/>'
    yield f'<rect class="title" x="{box.x}" y="{box.y}" width="{WIDTH}" height="{head - box.y}"/>'
    yield from (_text("head", box.x + PAD, line.y, line.text) for line in box.title)
    for number, entry in enumerate(box.entries):
        if number:
            sort = "anew" if entry.entry.breaks else "rule"
            yield f'<path class="{sort}" d="M{box.x} {entry.top}h{WIDTH}"/>'
        yield from _entry(box.x, entry)


def _entry(x: int, placed: PlacedEntry) -> Iterator[str]:
    entry = placed.entry
    yield f"<g><title>{marked_up(entry.place)}</title>" if entry.place else "<g>"
    if entry.hits is not None:
        yield _text("hits", x + WIDTH - PAD, placed.lines[0].y, f"{entry.hits}x")
    verdict = [line for line in placed.lines if line.sort == "verdict"]
    if verdict:
        yield _pill(x, entry, verdict)
    for line in placed.lines:
        if line.sort != "verdict":
            yield _text(line.sort, x + PAD + (0 if line.sort == "name" else PAD), line.y, line.text)
    yield "</g>"


def _pill(x: int, entry: Entry, lines: list[Line]) -> str:
    letters, fill = LETTERS[entry.tone], FILLS[entry.tone]
    top, height = lines[0].y - LINE // 2, len(lines) * LINE
    frame = (
        f'<rect x="{x + PAD}" y="{top}" width="{WIDTH - 2 * PAD}" height="{height}" rx="4" fill="{fill}"/>'
    )
    return frame + "".join(
        f'<text x="{x + 2 * PAD}" y="{line.y + _BASE}" style="fill:{letters}">{marked_up(line.text)}</text>'
        for line in lines
    )


def _arrow(sheet: Sheet, arrow: Arrow) -> str:
    path = way_of(sheet, arrow)
    if arrow.entry is None or len(path) > _DIRECT:
        sort = "next" if arrow.entry is None else "jump"
        return f'<path class="{sort}" d="{_through(path)}"/>'
    (x1, y1), (x2, y2) = path
    back = x2 - BESIDE // 2 if x2 > x1 else x2 + BESIDE // 2
    return f'<path class="jump" d="M{x1} {y1}C{x1 + BESIDE // 2} {y1} {back} {y2} {x2} {y2}"/>'


def _through(path: Path) -> str:
    """Straight from point to point, with a little curve at each corner."""
    (x, y), *rest = path
    words = [f"M{x} {y}"]
    for (x1, y1), (x2, y2) in pairwise(rest):
        before, after = _towards((x1, y1), (x, y)), _towards((x1, y1), (x2, y2))
        words.append(f"L{before[0]} {before[1]}Q{x1} {y1} {after[0]} {after[1]}")
        x, y = x1, y1
    return "".join([*words, f"L{rest[-1][0]} {rest[-1][1]}"])


def _towards(point: Point, other: Point) -> Point:
    """A few pixels from a point on the way to another that lies straight beside or above it."""
    (x, y), (there_x, there_y) = point, other
    step_x = max(-_CURVE, min(_CURVE, (there_x - x) // 2))
    step_y = max(-_CURVE, min(_CURVE, (there_y - y) // 2))
    return x + step_x, y + step_y


def _text(sort: str, x: int, y: int, text: str) -> str:
    return f'<text class="{sort}" x="{x}" y="{y + _BASE}" xml:space="preserve">{marked_up(text)}</text>'
