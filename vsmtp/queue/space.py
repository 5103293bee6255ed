"""Whether there is room for another message: asked at MAIL, answered without touching the disk each time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

# How long a look at the file system is believed, seconds.
LOOK_EVERY: Final = 0.25


class Space:
    """Watches the file system of the spool.

    `reserve` octets stay free whatever happens; `clock` gives monotonic seconds.
    """

    def __init__(self, shard: Path, reserve: int, clock: Callable[[], float]) -> None:
        self._shard = shard
        self._log = shard / "queue.db-wal"
        self._reserve = reserve
        self._clock = clock
        self._looked = float("-inf")
        self._free = 0

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` octets fits beside twice the write-ahead log and the reserve."""
        now = self._clock()
        if now - self._looked > LOOK_EVERY:
            self._looked = now
            self._free = self._look()
        return self._free - size > self._reserve

    def forget(self) -> None:
        """Look again at the next question: the disk has just been found full."""
        self._looked = float("-inf")

    def _look(self) -> int:
        try:
            system = os.statvfs(self._shard)
        except OSError:
            return 0
        try:
            log = os.stat(self._log).st_size  # noqa: PTH116 four times as fast
        except OSError:
            log = 0
        return system.f_bavail * system.f_frsize - 2 * log
