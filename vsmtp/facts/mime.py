"""What rules can know of a message's parts: read at once from a small message, else by a job in a thread.

A thread that reads a large message lets the loop run between its steps; none of them takes long.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from vsmtp.message.mime.entity import Head
from vsmtp.message.mime.structure import Octets
from vsmtp.message.mime.survey import Survey, read_top, survey
from vsmtp.values.answer import Unavailable
from vsmtp.values.envelope import BodyFile, Content
from vsmtp.vocabulary.answers import Answer

# A message up to this large with so few lines that could part parts takes some milliseconds at the worst.
AT_ONCE: Final = 64 * 2**10 + 2**12
MAX_LINES_AT_ONCE: Final = 100
MAX_VALUES_AT_ONCE: Final = 4 * 2**10
MAX_SEMICOLONS_AT_ONCE: Final = 500

WINDOW: Final = 256 * 2**10


@dataclass(frozen=True, slots=True)
class SurveyJob:
    """Looking through a message.

    `head` is its header, read; `prefix` what of the header block is body for who takes a malformed line for
    the beginning of it; `body` what follows the header block.
    """

    head: Head
    prefix: bytes
    body: Content

    @property
    def is_small(self) -> bool:
        """Whether it takes so little time that the loop need not be spared it."""
        data = self.body.data
        if self.body.file is not None or len(data) + len(self.prefix) > AT_ONCE:
            return False
        if sum(len(value) for values in self.head.values.values() for value in values) > MAX_VALUES_AT_ONCE:
            return False
        return data.count(b"\n--") <= MAX_LINES_AT_ONCE and data.count(b";") <= MAX_SEMICOLONS_AT_ONCE

    @classmethod
    def about(cls, head: bytes, body: Content) -> SurveyJob:
        """The job for a message of this header block and body."""
        top = read_top(head)
        return cls(top, head[top.text_start :], body)

    def run(self) -> Survey | Unavailable:
        """Look through the message; blocks where it lies on the disk: for a thread, unless `is_small`."""
        memory = self.prefix + self.body.data
        if self.body.file is None:
            return survey(self.head, memory)
        try:
            with OpenBody(memory, self.body.file) as octets:
                return survey(self.head, octets)
        except OSError as fault:
            return Unavailable(f"the message cannot be read: {os.strerror(fault.errno or 0)}")


class OpenBody(Octets):
    """Octets in memory, then those of a file, seen through a window: the rest stays on the disk.

    OSError where the file cannot be read, or is shorter than it was.
    """

    def __init__(self, memory: bytes, body: BodyFile, window: int = WINDOW) -> None:
        self._memory = memory
        self._body = body
        self._window = b""
        self._width = window
        self._at = -1
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._body.path, os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def __len__(self) -> int:
        return len(self._memory) + self._body.size - self._body.offset

    def find(self, sub: bytes, start: int, /) -> int:
        """See `Octets`."""
        while start < len(self):
            at, window = self._around(start)
            found = window.find(sub, start - at)
            if found >= 0:
                return at + found
            end = at + len(window)
            seam = max(start, end - len(sub) + 1)
            found = self[seam : end + len(sub) - 1].find(sub)
            if found >= 0:
                return seam + found
            start = end
        return -1

    def __getitem__(self, where: slice[Any, Any, Any], /) -> bytes:
        start, stop, _ = where.indices(len(self))
        pieces: list[bytes] = []
        while start < stop:
            at, window = self._around(start)
            pieces.append(window[start - at : stop - at])
            start += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _around(self, start: int) -> tuple[int, bytes]:
        """A stretch that holds the octet at `start`, and where the stretch begins."""
        memory = len(self._memory)
        if start < memory:
            return 0, self._memory
        if not 0 <= start - self._at < len(self._window):
            self._read(start)
        return self._at, self._window

    def _read(self, start: int) -> None:
        # A little of what was before: whoever looks at an octet often looks back a line.
        self._at = max(len(self._memory), start - self._width // 8)
        offset = self._body.offset + self._at - len(self._memory)
        size = min(self._width, self._body.size - offset)
        self._window = os.pread(self._descriptor, size, offset)
        if start - self._at >= len(self._window):
            raise OSError(5, "the file is shorter than it was")


MIME_ANSWERS: Final[dict[str, Callable[[Survey], Answer]]] = {
    "message.attachments": lambda found: found.attachments,
    "message.attachment_names": lambda found: found.names,
    "message.attachment_types": lambda found: found.attachment_types,
    "message.mime_types": lambda found: found.types,
    "message.text": lambda found: found.text,
    "message.defects": lambda found: found.defects,  # with them, those of the header
}
