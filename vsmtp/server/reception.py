"""A message on its way in: held in memory while small, written to the spool while it arrives when large.

A session holds at most `SPILL` octets that wait and `SPILL` octets that are being written; reading pauses
while a write is under way. So its memory is bounded by about 2 * `SPILL`, whatever the size of the message.
"""

from __future__ import annotations

import errno
import os
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vsmtp.message.fields import header_end
from vsmtp.queue.bodies import BodyWriter
from vsmtp.values.envelope import BodyFile

SPILL: Final = 64 * 2**10
# A header that does not end within this is no header: the message is refused.
MAX_HEADER: Final = 256 * 2**10


@dataclass(frozen=True, slots=True)
class Arrived:
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

    __slots__ = (
        "_chunks",
        "_directory",
        "_failed",
        "_held",
        "_loop",
        "_name",
        "_pool",
        "_resume",
        "_writer",
        "_writing",
    )

    def __init__(self, place: Place, name: str, resume: Callable[[], None]) -> None:
        self._loop = place.loop
        self._pool = place.pool
        self._directory = place.directory
        self._name = name
        self._resume = resume
        self._chunks: list[bytes] = []
        self._held = 0
        self._writer: BodyWriter | None = None
        self._writing: Future[None] | None = None
        self._failed: OSError | None = None

    @property
    def is_busy(self) -> bool:
        """Whether reading must pause: a write is under way."""
        return self._writing is not None

    def take(self, chunk: bytes) -> None:
        """Take the next octets of the message."""
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._held > SPILL and self._writing is None:
            self._spill()

    def _spill(self) -> None:
        if self._failed is not None:
            # The disk is full: the rest is swallowed, and the client hears of it at the end.
            self._chunks.clear()
            self._held = 0
            return
        if self._writer is None:
            self._writer = BodyWriter(self._directory / self._name)
        chunks, self._chunks, self._held = self._chunks, [], 0
        self._writing = self._loop.run_in_executor(self._pool, self._writer.write, chunks)
        self._writing.add_done_callback(self._written)

    def _written(self, writing: Future[None]) -> None:
        self._writing = None
        if writing.cancelled():
            return
        fault = writing.exception()
        if isinstance(fault, OSError):
            self._failed = fault
        elif fault is not None:
            raise fault
        self._resume()

    def finish(self, then: Callable[[Arrived | HeaderTooLong | NotWritten], None]) -> None:
        """Hand the whole message to `then`: at once if it is in memory, else when it is on stable storage."""
        if self._writer is None:
            then(_in_memory(b"".join(self._chunks) if len(self._chunks) != 1 else self._chunks[0]))
            return
        assert self._writing is None
        if self._failed is not None:
            then(_not_written(self._failed))
            return
        job = self._loop.run_in_executor(self._pool, _finish, self._writer, self._chunks)
        self._chunks = []
        job.add_done_callback(lambda done: None if done.cancelled() else then(done.result()))

    def discard(self) -> None:
        """Forget the message; what was written of it is removed."""
        self._chunks = []
        writer, self._writer = self._writer, None
        if writer is not None:
            # Behind the write under way, if there is one: one session's jobs never overlap.
            if self._writing is not None:
                self._writing.add_done_callback(
                    lambda _: self._loop.run_in_executor(self._pool, writer.discard)
                )
            else:
                self._loop.run_in_executor(self._pool, writer.discard)


@dataclass(frozen=True, slots=True)
class Place:
    """Where receptions happen: the loop, the pool for what blocks, the directory of large bodies."""

    loop: AbstractEventLoop
    pool: ThreadPoolExecutor
    directory: Path


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
