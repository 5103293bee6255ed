"""The parts of a message, found in one pass over its octets (RFC 2046 5).

Only lines that begin with two hyphens can part parts, so only those are looked at, and only while a multipart
is open; how deep parts are nested costs nothing. Where a message breaks the rules its readers disagree, and
we want the parts that any of them would see. So every line by which some reader would begin a part begins
one: one with more behind the boundary than should be, one after the end of its multipart, one of a boundary
that was declared in another of two repeated fields. What was found to be wrong is told in stable words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Protocol

from vsmtp.message.mime.budget import Budget
from vsmtp.message.mime.entity import ContentFields, Entity, describe, read_head
from vsmtp.message.mime.transfer import undo

_MAX_LINE: Final = 1_000


class Octets(Protocol):
    """Octets in memory or on the disk."""

    def __len__(self) -> int:
        """How many there are."""

    def find(self, sub: bytes, start: int, /) -> int:
        """Where `sub` stands first at or after `start`; -1 if nowhere."""

    def __getitem__(self, where: slice[Any, Any, Any], /) -> bytes:
        """Some of them; fewer than asked for at the end."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part and where its content lies, still encoded: `start` to `end` of `octets`.

    `text_start` is before `start` where a malformed line in its header begins the body for some readers.
    `is_container`: its content is other parts, which follow. Its header begins at `head_start`.
    """

    entity: Entity
    octets: Octets
    text_start: int
    start: int
    end: int
    is_container: bool
    head_start: int = 0


class _Heads:
    """Reads the headers of parts; of a thousand alike only the first costs much."""

    __slots__ = ("_budget", "_known")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._known: dict[tuple[object, ...], Entity] = {}

    def read(self, octets: Octets, at: int, default: str, is_delimiter: Callable[[bytes], bool]) -> Place:
        limit = self._budget.limits.head
        # What is in memory is read where it is.
        some, first = (octets, at) if isinstance(octets, bytes) else (octets[at : at + limit], 0)
        head = read_head(some, range(first, min(len(some), first + limit)), is_delimiter, self._budget)
        if head.text_start - first >= limit:
            self._budget.allows("head", limit + 1)
        moved = at - first
        entity = self._describe(head.values, default)
        return Place(entity, moved + head.text_start, moved + head.body_start, at)

    def _describe(self, values: ContentFields, default: str) -> Entity:
        key = (default, *((name, *some) for name, some in values.items()))
        entity = self._known.get(key)
        if entity is None:
            entity = self._known[key] = describe(values, default, self._budget)
        return entity


@dataclass(slots=True)
class Structure:
    """All parts in the order in which they begin, the whole message first; `defects` each once, in order."""

    parts: list[Part] = field(default_factory=list)
    defects: dict[str, None] = field(default_factory=dict)


class _Line(NamedTuple):
    """A line that parts: of the multipart in frame `frame`; the next part's header begins at `after`."""

    frame: int
    closes: bool
    start: int
    after: int


class Place(NamedTuple):
    """Where the content of `entity` begins; `text_start` and `head_start` as in `Part`."""

    entity: Entity
    text_start: int
    start: int
    head_start: int = 0


@dataclass(slots=True)
class _Frame:
    """A multipart, or a message in a message (without boundaries), that contains where we are."""

    boundaries: tuple[bytes, ...]
    default: str = "text/plain"
    is_closed: bool = False


def walk(message: Place, octets: Octets, budget: Budget) -> Structure:
    """Find the parts of a message whose content lies in `octets` where `message` says.

    Messages that were sent encoded are walked too, after the rest. Ends early once the budget is over.
    """
    structure, heads = Structure(), _Heads(budget)
    queue = [(message, octets, 0)]
    while queue and not budget.is_over:
        place, octets, depth = queue.pop(0)
        walker = _Walker(octets, depth, structure, heads, budget)
        first = len(structure.parts)
        walker.walk(place)
        for part in structure.parts[first:]:
            queue += _unwrapped(part, depth, heads, budget)
    return structure


def _unwrapped(part: Part, depth: int, heads: _Heads, budget: Budget) -> Iterator[tuple[Place, Octets, int]]:
    entity = part.entity
    # RFC 2046 5.1 and 5.2.1 forbid it; yet it is sent, and read.
    if part.is_container or not entity.is_encoded or not (entity.is_message or entity.is_multipart):
        return
    for encoding in entity.encodings:
        if encoding != "identity" and budget.spend("wrapped", part.end - part.start):
            octets = undo(part.octets[part.start : part.end], encoding)
            if entity.is_message:
                yield heads.read(octets, 0, "text/plain", _never), octets, depth + 1
            else:
                yield Place(replace(entity, encodings=("identity",)), 0, 0), octets, depth + 1


class _Walker:
    __slots__ = (
        "_budget", "_depth", "_firsts", "_frames", "_heads", "_lengths", "_octets",
        "_of_boundary", "_shortest", "_structure",
    )  # fmt: skip

    def __init__(
        self, octets: Octets, depth: int, structure: Structure, heads: _Heads, budget: Budget
    ) -> None:
        self._octets = octets
        self._heads = heads
        self._depth = depth
        self._structure = structure
        self._budget = budget
        self._frames: list[_Frame] = []
        self._of_boundary: dict[bytes, int] = {}
        self._lengths: list[int] = []
        self._shortest = 0
        self._firsts: set[bytes] = set()

    def walk(self, message: Place) -> None:
        place: Place | None = message
        while place is not None and self._budget.spend("parts") and not self._budget.is_over:
            self._structure.defects.update(dict.fromkeys(place.entity.defects))
            if place.entity.is_message and not place.entity.is_encoded:
                place = self._enter_message(place)
            else:
                place = self._pass(place)
        if any(frame.boundaries and not frame.is_closed for frame in self._frames):
            self._defect("unterminated-multipart")

    def _enter_message(self, place: Place) -> Place:
        self._add(place, place.start, is_container=True)
        self._push(_Frame(()))
        return self._read(place.start, "text/plain")

    def _pass(self, place: Place) -> Place | None:
        """Note the part at `place` and go to where the next one begins."""
        entity = place.entity
        own = self._enter_multipart(entity) if entity.is_multipart else -1
        line = self._next(place.text_start)
        # A multipart in which no part begins is a text for all who read it.
        is_container = line is not None and line.frame == own
        if own >= 0 and not is_container:
            self._defect("boundary-not-found")
        self._add(place, self._content_end(place.start, line), is_container=is_container)
        while line is not None and line.closes:
            self._leave(line)
            line = self._next(line.after)
        if line is None:
            return None
        self._leave(line)
        return self._read(line.after, self._frames[line.frame].default)

    def _enter_multipart(self, entity: Entity) -> int:
        """Open a frame and give its number; -1 if nothing would close it."""
        if not entity.boundaries:
            self._defect("missing-boundary")
            return -1
        new = tuple(boundary for boundary in entity.boundaries if boundary not in self._of_boundary)
        if len(new) < len(entity.boundaries):
            self._defect("repeated-boundary")
        if not new:
            return -1
        default = "message/rfc822" if "multipart/digest" in entity.types else "text/plain"
        self._push(_Frame(new, default))
        return len(self._frames) - 1

    def _add(self, place: Place, end: int, *, is_container: bool) -> None:
        octets, head_start = self._octets, place.head_start
        part = Part(place.entity, octets, place.text_start, place.start, end, is_container, head_start)
        self._structure.parts.append(part)

    def _content_end(self, start: int, line: _Line | None) -> int:
        # RFC 2046 5.1.1: the line end before a delimiter belongs to it.
        if line is None:
            return len(self._octets)
        before = self._octets[max(0, line.start - 2) : line.start]
        return max(start, line.start - (2 if before == b"\r\n" else min(1, len(before))))

    def _read(self, at: int, default: str) -> Place:
        place = self._heads.read(self._octets, at, default, self.is_delimiter)
        if place.text_start < place.start:
            self._defect("malformed-header-line")
        return place

    # The frames.

    def _push(self, frame: _Frame) -> None:
        self._of_boundary.update(dict.fromkeys(frame.boundaries, len(self._frames)))
        self._frames.append(frame)
        self._budget.allows("depth", self._depth + len(self._frames))
        if frame.boundaries:
            self._measure()

    def _leave(self, line: _Line) -> None:
        """Everything inside the multipart of `line` is over, and the multipart itself if the line says so."""
        inner = self._frames[line.frame + 1 :]
        del self._frames[line.frame + 1 :]
        if any(frame.boundaries for frame in inner):
            for frame in inner:
                self._forget(frame)
            self._measure()
        frame = self._frames[line.frame]
        if frame.is_closed and not line.closes:
            self._defect("part-after-end")
        frame.is_closed = frame.is_closed or line.closes

    def _forget(self, frame: _Frame) -> None:
        for boundary in frame.boundaries:
            del self._of_boundary[boundary]
        if frame.boundaries and not frame.is_closed:
            self._defect("unterminated-multipart")

    def _measure(self) -> None:
        lengths = sorted(set(map(len, self._of_boundary)), reverse=True)
        self._shortest = lengths[-1] if lengths else 0
        self._firsts = {boundary[: self._shortest] for boundary in self._of_boundary}
        self._lengths = [length for length in lengths if length]  # all lines begin with nothing

    def _defect(self, word: str) -> None:
        self._structure.defects[word] = None

    # The lines.

    def _next(self, at: int) -> _Line | None:
        """The next line that parts, from `at` on, where a line begins."""
        octets = self._octets
        while self._of_boundary:
            at = self._candidate(at)
            if at < 0 or not self._budget.spend("lines", 1 + len(self._lengths)):
                return None
            text = octets[at + 2 : at + 2 + _MAX_LINE]
            end = text.find(b"\n") + 1
            after = at + 2 + end if end else self._line_end(at)
            found = self._match(text[:end] if end else text)
            if found is not None:
                return _Line(*found, at, after)
            at = after
        return None

    def _candidate(self, at: int) -> int:
        """The next line, from `at` on, that begins as a line that parts does; -1 if there is none."""
        octets, shortest, firsts = self._octets, self._shortest, self._firsts
        seen, left = 0, self._budget.left("lines")
        start = at if octets[at : at + 2] == b"--" else _after(octets.find(b"\n--", at))
        while start >= 0 and octets[start + 2 : start + 2 + shortest] not in firsts:
            start = _after(octets.find(b"\n--", start))
            seen += 1
            if seen > left:
                break
        self._budget.spend("lines", seen)
        return start

    def _line_end(self, at: int) -> int:
        return (self._octets.find(b"\n", at) + 1) or len(self._octets)

    def is_delimiter(self, text: bytes) -> bool:
        """Whether a line that continues so after two hyphens parts; `text` may hold more than the line."""
        return bool(self._of_boundary) and self._match(text.partition(b"\n")[0]) is not None

    def _match(self, text: bytes) -> tuple[int, bool] | None:
        line = text.rstrip(b" \t\r\n")
        frame = self._of_boundary.get(line)
        if frame is not None:
            return frame, False
        if line.endswith(b"--") and (frame := self._of_boundary.get(line[:-2])) is not None:
            return frame, True
        # RFC 2046 5.1.1 tells readers to compare the beginning of the line only, and some do.
        for length in self._lengths:
            frame = self._of_boundary.get(line[:length])
            if frame is not None:
                self._defect("inexact-boundary")
                return frame, False
        return None


def _after(found: int) -> int:
    return found + 1 if found >= 0 else -1


def _never(_: bytes) -> bool:
    return False
