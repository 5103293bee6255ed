"""A message in memory and on the disk, seen as one run of octets."""

from __future__ import annotations

import os
from typing import Any, Final, Self

from vsmtp.values.envelope import BodyFile

WINDOW: Final = 256 * 2**10


class OpenBody:
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
        """Open the file."""
        self._descriptor = os.open(self._body.path, os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._memory) + self._body.size - self._body.offset

    def find(self, sub: bytes, start: int, /) -> int:
        """Where `sub` stands first at or after `start`; -1 if nowhere."""
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
        """Some of them; fewer than asked for at the end."""
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
