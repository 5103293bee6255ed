"""The picture as a Mermaid flowchart, as code forges draw it in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from vsmtp.inspect.drawing.ink import FILLS, LETTERS
from vsmtp.inspect.drawing.picture import Box, Entry, Picture


def as_mermaid(picture: Picture) -> str:
    """A `flowchart` with a subgraph for each table, its rules one below the other, a verdict beside each."""
    return "\n".join(["flowchart TB", *_styles(), *_lines(picture)]) + "\n"


def _styles() -> Iterator[str]:
    for tone, fill in FILLS.items():
        yield f"  classDef {tone} fill:{fill},stroke:{LETTERS[tone]},color:{LETTERS[tone]}"


def _lines(picture: Picture) -> Iterator[str]:
    names = {box.key: f"t{n}" for n, box in enumerate(picture.boxes())}
    for number, strip in enumerate(picture.strips):
        yield f"  subgraph s{number}[{_quoted(strip.stage)}]"
        for box in strip.boxes:
            yield from _box(box, names[box.key])
        yield "  end"
    for arrow in picture.arrows:
        if arrow.entry is None:
            yield f"  {names[arrow.start]} -.-> {names[arrow.end]}"
        else:
            yield f"  {names[arrow.start]}v{arrow.entry} --> {names[arrow.end]}"


def _box(box: Box, name: str) -> Iterator[str]:
    title = f"{box.title}, {box.about}" if box.about else box.title
    yield f"    subgraph {name}[{_quoted(title)}]"
    yield "      direction TB"
    for n, entry in enumerate(box.entries):
        yield f"      {name}r{n}[{_quoted(_words(entry))}]"
        if entry.verdict:
            yield f"      {name}r{n} --> {name}v{n}([{_quoted(entry.verdict)}]):::{entry.tone}"
    for n, following in pairwise(range(len(box.entries))):
        yield f"      {name}r{n} -.-> {name}r{following}"
    yield "    end"


def _words(entry: Entry) -> str:
    head = entry.name if entry.hits is None else f"{entry.name} ({entry.hits}x)"
    return "\n".join([head, *entry.conditions, *(f"do {effect}" for effect in entry.effects)])


def _quoted(text: str) -> str:
    """In quotes, with Mermaid's own escapes: whatever a rule holds, it stays text."""
    safe = "".join(
        letter if letter.isalnum() or letter in " .,:/@_-+=" else _escape(letter) for letter in text
    )
    return f'"{safe}"'


def _escape(letter: str) -> str:
    return "<br/>" if letter == "\n" else f"#{ord(letter)};"
