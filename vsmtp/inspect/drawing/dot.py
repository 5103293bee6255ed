"""The picture in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vsmtp.inspect.drawing.ink import FILLS, marked_up
from vsmtp.inspect.drawing.picture import Box, Entry, Picture

_HEAD: Final = (
    "digraph rules {",
    '  graph [rankdir=LR, fontname="sans-serif", compound=true];',
    '  node [shape=plain, fontname="sans-serif", fontsize=10];',
    '  edge [color="#57606a"];',
)


def as_dot(picture: Picture) -> str:
    """A `digraph` with a cluster for each stage and a table for each box, its rules as ports."""
    return "\n".join((*_HEAD, *_clusters(picture), *_edges(picture), "}")) + "\n"


def _clusters(picture: Picture) -> Iterator[str]:
    for strip in picture.strips:
        yield f'  subgraph "cluster_{strip.stage}" {{'
        yield f'    label="{strip.stage}";'
        for box in strip.boxes:
            yield f"    {_quoted(box.key)} [label=<{_table(box)}>];"
        yield "  }"


def _table(box: Box) -> str:
    title = marked_up(f"{box.title}, {box.about}" if box.about else box.title)
    rows = "".join(_row(n, entry) for n, entry in enumerate(box.entries))
    return (
        '<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="4" COLOR="#8c959f">'
        f'<TR><TD COLSPAN="2" BGCOLOR="#eaeef2"><B>{title}</B></TD></TR>{rows}</TABLE>'
    )


def _row(number: int, entry: Entry) -> str:
    hits = f" ({entry.hits}x)" if entry.hits is not None else ""
    lines = [*entry.conditions, *(f"do {effect}" for effect in entry.effects)]
    body = "<BR/>".join([f"<B>{marked_up(entry.name)}</B>{hits}", *map(marked_up, lines)])
    fill = FILLS[entry.tone]
    return (
        f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{body}</TD>'
        f'<TD PORT="r{number}" BGCOLOR="{fill}">{marked_up(entry.verdict) or " "}</TD></TR>'
    )


def _edges(picture: Picture) -> Iterator[str]:
    for arrow in picture.arrows:
        port = "" if arrow.entry is None else f":r{arrow.entry}:e"
        style = " [style=dashed]" if arrow.entry is None else ""
        yield f"  {_quoted(arrow.start)}{port} -> {_quoted(arrow.end)}{style};"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
