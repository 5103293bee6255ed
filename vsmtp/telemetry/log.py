"""The log: events as frozen classes in, one line each out, written by a thread of its own.

`emit` formats the line at once and never touches a file: a log on a slow disk or a full pipe cannot stall the
event loop. Lines are written every `FLUSH_EVERY` seconds, and the rest at `close`.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, TypeAlias

import orjson

from vsmtp.vocabulary.actions import LOG_LEVELS, Level, LogForm

if TYPE_CHECKING:
    from structlog.typing import Processor

FLUSH_EVERY: Final = 0.1
# When nobody reads the pipe for so long, further lines are dropped and counted rather than fill the memory.
MAX_WAITING: Final = 100_000

Clock: TypeAlias = Callable[[], float]
_WEIGHTS: Final = {level: weight for weight, level in enumerate(LOG_LEVELS)}


class Event(Protocol):
    """Something that happened: a frozen dataclass whose fields are the keys of the log line."""

    level: ClassVar[Level]
    event: ClassVar[str]


# A line for an event: the event, its level.
Renderer: TypeAlias = Callable[[Event, Level], bytes]


class Log:
    """Where events go.

    `level` is the least that is written; `descriptors` are open for writing and stay the caller's;
    `clock` gives seconds since the epoch.
    """

    def __init__(self, level: Level, form: LogForm, descriptors: Sequence[int], clock: Clock) -> None:
        self._least = _WEIGHTS[level]
        self._descriptors = tuple(descriptors)
        self._render = _RENDERERS[form](_Stamp(clock))
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, event: Event, level: Level | None = None) -> None:
        """Put the event into the log, if its level, or `level` where given, is wanted."""
        level = level or event.level
        if _WEIGHTS[level] < self._least:
            return
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(self._render(event, level))
        else:
            self._dropped += 1

    def wants(self, level: Level) -> bool:
        """Whether events of `level` are written: to spare the work of making one."""
        return _WEIGHTS[level] >= self._least

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._ending.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._ending.wait(FLUSH_EVERY):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        lines = []
        while self._waiting:
            lines.append(self._waiting.popleft())
        if self._dropped:
            lines.append(b'{"level":"error","event":"log lines dropped","count":%d}\n' % self._dropped)
            self._dropped = 0
        if lines:
            for descriptor in self._descriptors:
                _write(descriptor, b"".join(lines))


def _write(descriptor: int, octets: bytes) -> None:
    view = memoryview(octets)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        # The log's disk is full or its reader has gone: mail goes on without it.
        return


class _Stamp:
    """The present time as text; that of a millisecond is made once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._millisecond = -1
        self._text = ""

    def __call__(self) -> str:
        millisecond = int(self._clock() * 1000)
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            moment = datetime.fromtimestamp(millisecond / 1000, UTC)
            self._text = moment.isoformat(timespec="milliseconds")
        return self._text


def _json(stamp: _Stamp) -> Renderer:
    """One `dumps` a line: an event is a dataclass, which orjson reads by itself."""

    def line(event: Event, level: Level) -> bytes:
        try:
            body = orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:
            # A path, say, whose octets are no UTF-8: as text it has halves of characters.
            values = asdict(event)  # type: ignore[call-overload]  # that it is a dataclass no Protocol can say
            body = f"{json.dumps(values, default=str)}\n".encode()
        head = f'{{"time":"{stamp()}","level":"{level}","event":"{event.event}"'
        return head.encode() + (b"," if len(body) > len(b"{}\n") else b"") + body[1:]

    return line


def _text(render: Processor, stamp: _Stamp) -> Renderer:
    def line(event: Event, level: Level) -> bytes:
        named = {field.name: _flat(getattr(event, field.name)) for field in fields(event)}  # type: ignore[arg-type]
        flat = {"time": stamp(), "level": level, "event": event.event, **named}
        return (str(render(None, level, flat)) + "\n").encode("utf-8", "backslashreplace")

    return line


def _flat(value: object) -> object:
    """A value that cannot break its line: what a client sent may hold anything."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value)
    if isinstance(value, (list, tuple)):
        return ",".join(str(_flat(item)) for item in value)
    return value


def _logfmt(stamp: _Stamp) -> Renderer:
    from structlog.processors import LogfmtRenderer  # noqa: PLC0415 80 ms that JSON does not need

    return _text(LogfmtRenderer(key_order=["time", "level", "event"], bool_as_flag=False), stamp)


def _console(stamp: _Stamp) -> Renderer:
    from structlog.dev import ConsoleRenderer  # noqa: PLC0415 likewise

    return _text(ConsoleRenderer(colors=False, timestamp_key="time", pad_event_to=22), stamp)


_RENDERERS: Final[dict[str, Callable[[_Stamp], Renderer]]] = {
    "json": _json,
    "logfmt": _logfmt,
    "console": _console,
}
