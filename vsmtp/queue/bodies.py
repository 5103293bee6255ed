"""Bodies too large for a row: files in the shard that are written while they arrive.

The functions block and run in a thread pool, one call per chunk. The file is on stable storage, its
name included, before a row may name it; a file whose sync failed is removed and never used again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from vsmtp.disk.calls import Disk, sync_directory
from vsmtp.values.envelope import BodyFile

# Without an early start the last sync of many large files takes seconds.
SYNC_EVERY: Final = 2**20


class BodyWriter:
    """A body on its way to the disk; calls must not overlap. Every method may raise OSError."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._path = path
        self._disk = Disk()
        self._descriptor: int | None = None
        self._unsynced = 0

    def write(self, chunks: list[bytes]) -> None:
        """Append `chunks`; the file is made by the first call."""
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
        self._disk.write(self._descriptor, memoryview(b"".join(chunks)))
        written = sum(map(len, chunks))
        self.size += written
        self._unsynced += written
        if self._unsynced >= SYNC_EVERY:
            self._disk.start_sync(self._descriptor)
            self._unsynced = 0

    def beginning(self, limit: int, chunks: list[bytes]) -> bytes:
        """Append `chunks`, then read the first `limit` octets, or all there are."""
        if chunks:
            self.write(chunks)
        assert self._descriptor is not None
        return os.pread(self._descriptor, limit, 0)

    def finish(self, offset: int) -> BodyFile:
        """Make file and name durable; octets before `offset` are not part of the body."""
        assert self._descriptor is not None
        try:
            os.fsync(self._descriptor)
            sync_directory(self._path.parent)
        except OSError:
            self.discard()
            raise
        os.close(self._descriptor)
        self._descriptor = None
        return BodyFile(self._path, offset, self.size)

    def discard(self) -> None:
        """Remove what was written: the message was refused or never ended."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
