"""The log: events as frozen classes in, one line each out, written by a thread of its own.

`emit` formats the line at once and never touches a file: a log on a slow disk or a full pipe cannot stall the
event loop. Lines are written every `FLUSH_EVERY` seconds, and the rest at `close`.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias

import orjson
import structlog
from structlog.typing import EventDict, Processor

FLUSH_EVERY: Final = 0.1
# When nobody reads the pipe for so long, further lines are dropped and counted rather than fill the memory.
MAX_WAITING: Final = 100_000

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Form: TypeAlias = Literal["json", "logfmt", "console"]
Clock: TypeAlias = Callable[[], float]
LEVELS: Final[dict[str, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Event(Protocol):
    """Something that happened: a frozen dataclass whose fields are the keys of the log line."""

    level: ClassVar[Level]
    event: ClassVar[str]


class Log:
    """Where events go.

    `level` is the least that is written; `descriptors` are open for writing and stay the caller's;
    `clock` gives seconds since the epoch.
    """

    def __init__(self, level: Level, form: Form, descriptors: Sequence[int], clock: Clock) -> None:
        self._least = LEVELS[level]
        self._descriptors = tuple(descriptors)
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._ending = threading.Event()
        # One processor makes the whole line: each further link of the chain costs as much as the JSON itself.
        logger = structlog.wrap_logger(
            _Lines(self._keep),
            processors=[_RENDERERS[form](clock)],
            wrapper_class=structlog.make_filtering_bound_logger(self._least),
        ).bind()
        self._writers: dict[str, Callable[[Any], object]] = {
            "debug": logger.debug,
            "info": logger.info,
            "warning": logger.warning,
            "error": logger.error,
        }
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, event: Event, level: Level | None = None) -> None:
        """Put the event into the log, if its level, or `level` where given, is wanted."""
        self._writers[level or event.level](event)

    def wants(self, level: Level) -> bool:
        """Whether events of `level` are written: to spare the work of making one."""
        return LEVELS[level] >= self._least

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._ending.set()
        self._thread.join(timeout=5)

    def _keep(self, line: bytes) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(line)
        else:
            self._dropped += 1

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


class _Lines:
    """The logger that structlog wraps: every level keeps one line."""

    def __init__(self, keep: Callable[[bytes], None]) -> None:
        self.debug = self.info = self.warning = self.error = keep


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
        self._millisecond = 0
        self._text = ""

    def __call__(self) -> str:
        millisecond = int(self._clock() * 1000)
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            moment = datetime.fromtimestamp(millisecond / 1000, UTC)
            self._text = moment.isoformat(timespec="milliseconds")
        return self._text


def _json(clock: Clock) -> Processor:
    stamp = _Stamp(clock)

    def line(_: object, method: str, event: EventDict) -> bytes:
        what: Event = event["event"]
        body = orjson.dumps(what, default=str, option=orjson.OPT_APPEND_NEWLINE)
        head = f'{{"time":"{stamp()}","level":"{method}","event":"{what.event}"'
        return head.encode() + (b"," if len(body) > len(b"{}\n") else b"") + body[1:]

    return line


def _text(make: Callable[[], Processor]) -> Callable[[Clock], Processor]:
    def renderer(clock: Clock) -> Processor:
        stamp = _Stamp(clock)
        render = make()

        def line(logger: object, method: str, event: EventDict) -> bytes:
            what = event["event"]
            named = {field.name: _flat(getattr(what, field.name)) for field in fields(what)}
            flat = {"time": stamp(), "level": method, "event": what.event, **named}
            return (str(render(logger, method, flat)) + "\n").encode("utf-8", "backslashreplace")

        return line

    return renderer


def _flat(value: object) -> object:
    """A value that cannot break its line: what a client sent may hold anything."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value)
    if isinstance(value, (list, tuple)):
        return ",".join(str(_flat(item)) for item in value)
    return value


def _logfmt() -> Processor:
    return structlog.processors.LogfmtRenderer(key_order=["time", "level", "event"], bool_as_flag=False)


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=False, timestamp_key="time", pad_event_to=22)


_RENDERERS: Final[dict[str, Callable[[Clock], Processor]]] = {
    "json": _json,
    "logfmt": _text(_logfmt),
    "console": _text(_console),
}
