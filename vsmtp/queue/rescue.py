"""Saving what can be read from a shard that cannot be trusted: it is set aside, its messages are copied."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson

from vsmtp.queue.records import Addressee, NewMessage, StoredMessage
from vsmtp.queue.shard import read_messages, sync_directory
from vsmtp.values.envelope import BodyFile, Content


def set_aside(shard: Path) -> Path:
    """Move the shard out of the way, to `set-aside/` beside `shard/`; raises OSError."""
    place = shard.parent.parent / "set-aside"
    place.mkdir(mode=0o700, exist_ok=True)
    moved = shard.rename(place / shard.name)
    sync_directory(place)
    sync_directory(shard.parent)
    return moved


def readable_messages(shard: Path) -> Iterator[StoredMessage]:
    """The messages of a shard that was set aside, as far as its database can be read."""
    where = f"{(shard / 'queue.db').as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(where, uri=True, isolation_level=None)) as database:
            for (number,) in database.execute("SELECT id FROM message ORDER BY id").fetchall():
                yield from _readable(database, shard, number)
    except sqlite3.Error:
        return


def _readable(database: sqlite3.Connection, shard: Path, number: int) -> list[StoredMessage]:
    try:
        return read_messages(database, shard, orjson.dumps([number]).decode())
    except sqlite3.Error:
        return []


def copy(message: StoredMessage, number: int, bodies: Path) -> NewMessage:
    """The same mail as a new message of another shard, whose large bodies are in `bodies`; raises OSError.

    What was waiting is tried at once: an attempt too many harms nobody.
    """
    file = message.content.file
    if file is not None:
        target = bodies / f"rescued.{number:x}"
        with file.path.open("rb") as source, target.open("xb") as copied:
            shutil.copyfileobj(source, copied)
            copied.flush()
            os.fsync(copied.fileno())
        sync_directory(bodies)
        file = BodyFile(target, file.offset, file.size)
    return NewMessage(
        number, message.arrived, message.sender, message.eight_bit, message.smtputf8, message.session,
        message.state, tuple(Addressee(to.address, to.edits) for to in message.recipients),
        Content(message.content.data, file), message.context,
    )  # fmt: skip
