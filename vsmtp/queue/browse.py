"""Looking into the queue from outside: read-only, a page of keys per transaction.

One long reader would keep the write-ahead log from being moved away (measured: 560 MB of log, and a stall of
1.8 s), so nothing is held between two pages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import orjson

from vsmtp.queue import schema
from vsmtp.queue.adoption import shard_paths
from vsmtp.queue.identity import TAG_LENGTH, parse_queue_name
from vsmtp.queue.records import StoredMessage
from vsmtp.queue.rows import read_messages

PAGE: Final = 1000
_KEYS: Final = "SELECT id FROM message WHERE id > ? ORDER BY id LIMIT ?"


def messages(spool: Path) -> Iterator[tuple[Path, StoredMessage]]:
    """Every message of every shard with the shard's path, by shard and number.

    Raises sqlite3.Error or OSError when a database cannot be read; a shard that vanishes meanwhile is empty.
    """
    for shard in shard_paths(spool):
        after = -1
        while page := _look(shard, after, PAGE):
            after = page[-1].number
            yield from ((shard, message) for message in page)


def find(spool: Path, name: str) -> tuple[Path, StoredMessage] | None:
    """The message of this queue id, or None. Raises ValueError when `name` is no queue id."""
    number, tag = parse_queue_name(name)
    for shard in shard_paths(spool):
        if shard.name[-TAG_LENGTH:] == tag:
            for message in _look(shard, number - 1, 1):
                if message.number == number:
                    return shard, message
    return None


def find_decision(spool: Path, name: str) -> tuple[Mapping[str, Any], ...] | None:
    """What rules decided of the message of this queue id, in order, whether it is still queued or not.

    None: nothing is remembered. An entry has `stage`, `time` (seconds since the epoch), `rules` (the names of
    those that matched), `verdict`; of a delivery `recipient` and `outcome` too; `server.decisions` writes
    them. Raises ValueError when `name` is no queue id.
    """
    number, tag = parse_queue_name(name)
    for shard in shard_paths(spool):
        if shard.name[-TAG_LENGTH:] == tag:
            found = _remarks(shard, number)
            if found:
                return found
    return None


def _remarks(shard: Path, number: int) -> tuple[Mapping[str, Any], ...]:
    with closing(_open(shard)) as database:
        try:
            rows = database.execute(schema.REMARKS, (number,)).fetchall()
        except sqlite3.OperationalError:
            return ()  # its owner has not opened it since there are remarks
    return tuple(orjson.loads(text) for (text,) in rows)


def _look(shard: Path, after: int, limit: int) -> list[StoredMessage]:
    """The messages above `after`, the lowest `limit`; none where the shard is only beginning, or has gone."""
    try:
        with closing(_open(shard)) as database:
            # One view of all tables: what leaves between two statements would end the listing.
            database.execute("BEGIN")
            keys = [key for (key,) in database.execute(_KEYS, (after, limit))]
            return read_messages(database, shard, orjson.dumps(keys).decode()) if keys else []
    except sqlite3.Error:
        if _has_tables(shard):
            raise
        return []


def _has_tables(shard: Path) -> bool:
    """Whether the shard is more than a beginning or an end: its tables come first and go last."""
    if not (shard / "queue.db").exists():
        return False
    with closing(_open(shard)) as database:
        return bool(database.execute("PRAGMA user_version").fetchone()[0])


def _open(shard: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{(shard / 'queue.db').as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10
    )
