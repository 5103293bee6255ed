"""Opening `queue.db`: what it holds is made durable first, and what is wrong with it is told apart.

A database is not unfit because there is no space, no descriptor, or a reader in the way: such a shard waits.
One that an I/O error was seen on is looked through as a whole: a bad page would end one worker after another.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from vsmtp.queue import schema

# A shard that was let go after an I/O error bears this file until its database has been looked through.
SUSPECT: Final = "suspect"
# SHMSIZE: the log's index could not grow. The frames of the transaction are in the log by then and the next
# one overwrites them; should the machine stop just before, what was refused is there after all.
FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
# What an open that failed says of the moment rather than of the database.
NOT_NOW: Final = FULL | {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}


class ShardTaken(Exception):  # noqa: N818 a fact about the world, not an error of ours
    """Another process owns the shard."""


class ShardNotNow(ShardTaken):
    """The shard cannot be opened now but may be later; the message says why."""


class ShardUnfit(Exception):  # noqa: N818 likewise
    """The shard's database cannot be trusted or opened; the message says why."""


def is_full(fault: sqlite3.Error) -> bool:
    """Whether the error is a full disk's."""
    return _code(fault) in FULL


def not_opened(path: Path, fault: sqlite3.Error) -> ShardNotNow | ShardUnfit:
    """What the error says of the shard at `path`."""
    text = f"{path}/queue.db: {fault}"
    return ShardNotNow(text) if _code(fault) in NOT_NOW else ShardUnfit(text)


def open_in_space(path: Path) -> sqlite3.Connection:
    """The database of the shard, out of the ballast if need be. Raises ShardUnfit or ShardNotNow."""
    try:
        return _open(path)
    except sqlite3.Error as fault:
        if not is_full(fault):
            raise not_opened(path, fault) from fault
    (path / "ballast").unlink(missing_ok=True)
    try:
        return _open(path)
    except sqlite3.Error as fault:
        raise not_opened(path, fault) from fault


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path / "queue.db", isolation_level=None, timeout=10, cached_statements=64)
    try:
        _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """All that the database holds is durable, before anything new is."""
    for pragma in schema.PRAGMAS:
        database.execute(pragma)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > schema.VERSION:
        raise ShardNotNow(f"{path}/queue.db: it has format {version}, this release reads {schema.VERSION}")
    if database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise ShardNotNow(f"{path}/queue.db: its log could not be moved into it: a reader is in the way")
    if version < schema.VERSION:
        database.executescript(schema.upgrade(version))
    _look_through(database, path / SUSPECT)
    database.executescript(schema.TURN_SETUP)


def _look_through(database: sqlite3.Connection, suspect: Path) -> None:
    """A database that an I/O error was seen on is sound as a whole, or unfit."""
    if suspect.exists():
        verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise ShardUnfit(f"{suspect.parent}/queue.db: {verdict}")
        suspect.unlink()


def _code(fault: sqlite3.Error) -> int:
    return getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
