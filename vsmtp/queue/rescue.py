"""Saving what can be read from a shard that cannot be trusted: it is set aside, its messages are copied.

How far the copying went is written beside the database, and a shard that is set aside is looked at again
until all of it is copied: a crash, or a full disk, in the midst of it leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import orjson

from vsmtp.disk.calls import sync_directory
from vsmtp.queue.opening import ShardTaken
from vsmtp.queue.records import Addressee, NewMessage, StoredMessage
from vsmtp.queue.rows import read_messages
from vsmtp.queue.shard import take_lock
from vsmtp.values.envelope import BodyFile, Content

DONE: Final = "copied"
PROGRESS: Final = "copied-up-to"


def set_aside(shard: Path) -> Path:
    """Move the shard out of the way, to `set-aside/` beside `shard/`; raises OSError."""
    place = shard.parent.parent / "set-aside"
    place.mkdir(mode=0o700, exist_ok=True)
    moved = shard.rename(place / shard.name)
    sync_directory(place)
    sync_directory(shard.parent)
    return moved


def unfinished(spool: Path) -> Iterator[Path]:
    """The shards set aside that are not wholly copied; each is ours alone until the next is asked for."""
    place = spool / "set-aside"
    for shard in sorted(place.iterdir()) if place.is_dir() else ():
        if (shard / DONE).exists():
            continue
        try:
            lock = take_lock(shard)
        except (ShardTaken, OSError):
            continue
        try:
            yield shard
        finally:
            os.close(lock)


def note_copied(shard: Path, number: int) -> None:
    """All messages up to `number` need not be copied again. Raises OSError."""
    (shard / PROGRESS).write_text(str(number))


def note_all_copied(shard: Path) -> None:
    """Nothing of the shard need be copied any more. Raises OSError."""
    (shard / DONE).touch()
    sync_directory(shard)


def readable_messages(shard: Path) -> Iterator[StoredMessage]:
    """The messages of a shard that was set aside that can be read and were not copied yet."""
    where = f"{(shard / 'queue.db').as_uri()}?mode=ro"
    after = _progress(shard)
    try:
        with closing(sqlite3.connect(where, uri=True, isolation_level=None)) as database:
            for number in _numbers(database):
                if number > after:
                    yield from _readable(database, shard, number)
    except sqlite3.Error:
        return


def _progress(shard: Path) -> int:
    try:
        return int((shard / PROGRESS).read_text())
    except (OSError, ValueError):
        return -1


def _numbers(database: sqlite3.Connection) -> list[int]:
    """The numbers that any table still knows: a page that cannot be read hides some of one table only."""
    found: set[int] = set()
    for column, table in (("id", "message"), ("id", "body"), ("message", "recipient")):
        for order in ("ASC", "DESC"):
            with suppress(sqlite3.Error):
                found.update(
                    number
                    for (number,) in database.execute(f"SELECT {column} FROM {table} ORDER BY 1 {order}")  # noqa: S608 literals
                )
    return sorted(found)


def _readable(database: sqlite3.Connection, shard: Path, number: int) -> list[StoredMessage]:
    try:
        found = read_messages(database, shard, orjson.dumps([number]).decode())
        # One whose recipients cannot be read would lie in the queue for ever.
        return [message for message in found if message.recipients]
    except sqlite3.Error:
        return []


def copy(message: StoredMessage, number: int, bodies: Path) -> NewMessage:
    """The same mail as a new message of another shard, whose large bodies are in `bodies`; raises OSError.

    What was waiting is tried at once: an attempt too many harms nobody.
    """
    file = message.content.file
    if file is not None:
        target = bodies / f"rescued.{number:x}"
        with file.path.open("rb") as source, target.open("wb") as copied:
            shutil.copyfileobj(source, copied)
            copied.flush()
            os.fsync(copied.fileno())
        sync_directory(bodies)
        file = BodyFile(target, file.offset, file.size)
    return NewMessage(
        number, message.arrived, message.sender, message.eight_bit, message.smtputf8, message.session,
        message.state, tuple(Addressee(to.address, to.notes, to.parameters) for to in message.recipients),
        Content(message.content.data, file), message.context, message.parameters,
    )  # fmt: skip
