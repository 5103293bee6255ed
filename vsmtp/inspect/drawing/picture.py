"""A drawing of the decision graph before anybody draws it: boxes and arrows, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

# What becomes of the mail: which colour or shape a rule's end has.
Tone: TypeAlias = Literal["good", "bad", "later", "away", "on", "none"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule: its conditions and effects a line each, its verdict in words, or empty.

    `place` is `file:line`, empty where no file has it. `hits`: how often it matched, None where nobody asked.
    `breaks`: what effects before it may have changed is asked anew from here on.
    """

    name: str
    conditions: tuple[str, ...]
    effects: tuple[str, ...]
    verdict: str
    tone: Tone
    place: str
    hits: int | None = None
    breaks: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A table of rules: `key` is its own (`rcpt/spam`), `about` says who comes here, or is empty."""

    key: str
    title: str
    about: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """From a box, or its entry of that number, to another box."""

    start: str
    entry: int | None
    end: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A stage: the tables that are read one after the other, and the chains that jumps lead to."""

    stage: str
    tables: tuple[Box, ...]
    chains: tuple[Box, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All of them."""
        return (*self.tables, *self.chains)


@dataclass(frozen=True, slots=True)
class Picture:
    """The stages in order; arrows between boxes of one stage, each to a box that is there."""

    strips: tuple[Strip, ...]
    arrows: tuple[Arrow, ...]

    def jumps(self, box: Box) -> dict[int, str]:
        """Where the box's entries jump to."""
        return {
            arrow.entry: arrow.end
            for arrow in self.arrows
            if arrow.start == box.key and arrow.entry is not None
        }

    def boxes(self) -> Iterator[Box]:
        """All boxes, stage by stage."""
        for strip in self.strips:
            yield from strip.boxes
