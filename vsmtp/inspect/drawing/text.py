"""The picture as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from vsmtp.inspect.drawing.picture import Box, Entry, Picture


def as_text(picture: Picture) -> str:
    """Stage by stage, table by table, rule by rule."""
    return "\n".join(_lines(picture)) + "\n" if picture.strips else "no rules\n"


def _lines(picture: Picture) -> Iterator[str]:
    titles = {box.key: box.title for box in picture.boxes()}
    for number, strip in enumerate(picture.strips):
        head = f"{strip.stage}: " + ", then ".join(_plain(box) for box in strip.tables)
        yield from ["", head] if number else [head]
        for box in strip.boxes:
            yield f"  {box.title}" + (f", {box.about}" if box.about else "")
            jumps = picture.jumps(box)
            for n, entry in enumerate(box.entries):
                yield from _entry(entry, titles.get(jumps.get(n, ""), ""))


def _plain(box: Box) -> str:
    return f"{box.title} ({box.about})" if box.about else box.title


def _entry(entry: Entry, jump: str) -> Iterator[str]:
    if entry.breaks:
        yield "    ----  what was changed above is asked anew"
    head = f"    {entry.name}"
    head += f"  ({entry.hits}x)" if entry.hits is not None else ""
    yield f"{head}  [{entry.place}]" if entry.place else head
    yield from (f"        {line}" for line in entry.conditions)
    yield from (f"        do {line}" for line in entry.effects)
    if entry.verdict:
        yield f"     -> {entry.verdict}" + (", then on here" if jump else "")
