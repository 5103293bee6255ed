"""A message on its way in: held in memory while small, written to the spool while it arrives when large.

Past `SPILL` octets a message goes to a file, one write at a time. While a write is under way the session
gathers what arrives: up to `SPILL` octets, or `AHEAD` as long as all sessions together hold less than
`SHARED`. Then reading pauses. So a session's memory is bounded by 2 * `SPILL`, plus its part of `SHARED`.
"""

from __future__ import annotations

import errno
import os
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from vsmtp.message.fields import header_end
from vsmtp.queue.bodies import BodyWriter
from vsmtp.values.envelope import BodyFile

SPILL: Final = 64 * 2**10
AHEAD: Final = 512 * 2**10
SHARED: Final = 64 * 2**20
# A header that does not end within this is no header: the message is refused.
MAX_HEADER: Final = 256 * 2**10


class Arrived(NamedTuple):
    """A whole message: its header block, what follows of it in memory, and what follows on the disk."""

    head: bytes
    rest: bytes
    file: BodyFile | None

    @property
    def size(self) -> int:
        """Octets in all, as the client sent them."""
        return len(self.head) + len(self.rest) + (self.file.size - self.file.offset if self.file else 0)


@dataclass(frozen=True, slots=True)
class HeaderTooLong:
    """The header does not end within `MAX_HEADER` octets."""


@dataclass(frozen=True, slots=True)
class NotWritten:
    """The disk did not take the message."""

    reason: str
    full: bool


class Reception:
    """Takes the chunks of one message. `resume` is called when a write has ended and reading may go on."""

    __slots__ = ("_chunks", "_failed", "_held", "_name", "_place", "_resume", "_then", "_writer", "_writing")

    def __init__(self, place: Place, name: str, resume: Callable[[], None]) -> None:
        self._place = place
        self._name = name
        self._resume = resume
        self._chunks: list[bytes] = []
        self._held = 0
        self._writer: BodyWriter | None = None
        self._writing: Future[Any] | None = None
        self._failed: OSError | None = None
        self._then: Callable[[Arrived | HeaderTooLong | NotWritten], None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether reading must pause: a write is under way, and enough waits for the next."""
        if self._writing is None:
            return False
        return self._held > (AHEAD if self._place.ahead.octets < SHARED else SPILL)

    def take(self, chunk: bytes) -> None:
        """Take the next octets of the message."""
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._writer is not None:
            self._place.ahead.octets += len(chunk)
        if self._held > SPILL and self._writing is None:
            self._spill()

    def _spill(self) -> None:
        if self._writer is None:
            self._writer = BodyWriter(self._place.directory / self._name)
            self._place.ahead.octets += self._held
        chunks = self._take_held()
        if self._failed is not None:
            return  # the disk is full: the rest is swallowed, and the client hears of it at the end
        self._writing = self._place.loop.run_in_executor(self._place.pool, self._writer.write, chunks)
        self._writing.add_done_callback(self._written)

    def _take_held(self) -> list[bytes]:
        chunks, self._chunks = self._chunks, []
        if self._writer is not None:
            self._place.ahead.octets -= self._held
        self._held = 0
        return chunks

    def _written(self, writing: Future[None]) -> None:
        self._writing = None
        if writing.cancelled():
            return
        fault = writing.exception()
        if isinstance(fault, OSError):
            self._failed = fault
        elif fault is not None:
            raise fault
        if self._then is not None:
            self._finish(self._then)
        elif self._held > SPILL:
            self._spill()
        self._resume()

    def finish(self, then: Callable[[Arrived | HeaderTooLong | NotWritten], None]) -> None:
        """Hand the whole message to `then`: at once if it is in memory, else when it is on stable storage."""
        if self._writer is None:
            then(_in_memory(self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)))
        elif self._writing is not None:
            self._then = then
        else:
            self._finish(then)

    def _finish(self, then: Callable[[Arrived | HeaderTooLong | NotWritten], None]) -> None:
        writer, chunks = self._writer, self._take_held()
        assert writer is not None
        if self._failed is not None:
            then(_not_written(self._failed))
            return
        job = self._place.loop.run_in_executor(self._place.pool, _finish, writer, chunks)
        self._writing = job
        job.add_done_callback(lambda done: self._finished(done, then))

    def _finished(
        self,
        job: Future[Arrived | HeaderTooLong | NotWritten],
        then: Callable[[Arrived | HeaderTooLong | NotWritten], None],
    ) -> None:
        self._writing = None
        if not job.cancelled():
            then(job.result())

    def discard(self) -> None:
        """Forget the message; what was written of it is removed."""
        self._take_held()
        self._then = None  # who waited for the end of a write has gone
        writer, self._writer = self._writer, None
        if writer is None:
            return
        # Behind the write under way, if there is one: one session's jobs never overlap.
        if self._writing is None:
            self._place.loop.run_in_executor(self._place.pool, writer.discard)
        else:
            self._writing.add_done_callback(
                lambda _: self._place.loop.run_in_executor(self._place.pool, writer.discard)
            )


@dataclass(slots=True)
class Ahead:
    """How much all sessions together hold of messages that are being written."""

    octets: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where receptions happen: the loop, the pool for what blocks, the directory of large bodies."""

    loop: AbstractEventLoop
    pool: ThreadPoolExecutor
    directory: Path
    ahead: Ahead = field(default_factory=Ahead)

    def remove(self, body: BodyFile) -> None:
        """Have the file of a message that the queue does not keep removed."""
        self.loop.run_in_executor(self.pool, partial(body.path.unlink, missing_ok=True))


def _in_memory(data: bytes) -> Arrived:
    end = header_end(data)
    return Arrived(data, b"", None) if end < 0 else Arrived(data[:end], data[end:], None)


def _finish(writer: BodyWriter, chunks: list[bytes]) -> Arrived | HeaderTooLong | NotWritten:
    try:
        head = writer.beginning(MAX_HEADER, chunks)
        end = header_end(head)
        if end < 0:
            if len(head) >= MAX_HEADER:
                writer.discard()
                return HeaderTooLong()
            end = len(head)
        return Arrived(head[:end], b"", writer.finish(end))
    except OSError as fault:
        return _not_written(fault)


def _not_written(fault: OSError) -> NotWritten:
    return NotWritten(os.strerror(fault.errno or 0), fault.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
