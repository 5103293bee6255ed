"""Which shards there are, and making a new one: a worker takes those whose owner has died."""

from __future__ import annotations

import os
from pathlib import Path

from vsmtp.disk.calls import sync_directory
from vsmtp.queue.identity import TAG_LENGTH, is_ulid, ulid
from vsmtp.queue.opening import ShardTaken
from vsmtp.queue.shard import take_lock


def shard_paths(spool: Path) -> list[Path]:
    """The shards in the spool, oldest first, owned or not."""
    try:
        return sorted(path for path in (spool / "shard").iterdir() if is_ulid(path.name))
    except FileNotFoundError:
        return []


def free_shards(spool: Path) -> list[Path]:
    """The shards that nobody owned a moment ago, oldest first."""
    return [path for path in shard_paths(spool) if is_free(path)]


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock of the shard."""
    try:
        os.close(take_lock(path))
    except (ShardTaken, OSError):
        return False
    return True


def new_shard(spool: Path, milliseconds: int, randomness: int) -> Path:
    """A path for a new shard whose tag no other shard in the spool has; its directory exists afterwards.

    Raises OSError when the spool cannot be written.
    """
    (spool / "shard").mkdir(mode=0o700, parents=True, exist_ok=True)
    tags = {path.name[-TAG_LENGTH:] for path in shard_paths(spool)}
    name = ulid(milliseconds, randomness)
    while name[-TAG_LENGTH:] in tags:
        randomness += 1
        name = ulid(milliseconds, randomness)
    path = spool / "shard" / name
    path.mkdir(mode=0o700)
    # The spool itself may be as new as the shard.
    for directory in (spool / "shard", spool, spool.parent):
        sync_directory(directory)
    return path
