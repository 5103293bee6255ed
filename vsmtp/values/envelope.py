"""A message's octets, in memory and on the disk, as the queue and the transports see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BodyFile:
    """Octets `offset` to `size` of a file in the spool, already synced."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """A message's octets, CRLF line ends, not dot-stuffed: `data`, then what `file` holds.

    A small message is all in `data`; of a large one `data` holds the edited header and `file` the rest.
    """

    data: bytes
    file: BodyFile | None = None

    @property
    def size(self) -> int:
        """Octets in all."""
        return len(self.data) + (self.file.size - self.file.offset if self.file else 0)
