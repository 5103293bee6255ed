"""One shard of the spool: a directory with a lock, one SQLite database and the bodies too large for it.

Whoever holds the `flock` on `lock` owns the shard, and exactly one connection in one thread of the owner
opens `queue.db`: a second opener in the process would drop SQLite's POSIX locks when it closes. Nothing here
may be called from another thread than the one that opened it, but for `path`.

Opening runs `wal_checkpoint(TRUNCATE)` before the first commit. After a failed sync the page cache may show
what the disk does not hold; the checkpoint writes all of it out again and syncs, or the shard is unfit.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from vsmtp.disk.calls import sync_directory
from vsmtp.queue import schema
from vsmtp.queue.opening import SUSPECT, ShardTaken, is_full, not_opened, open_in_space
from vsmtp.queue.records import (
    Broken,
    Change,
    Committed,
    DiskFull,
    NewMessage,
    Result,
    StoredMessage,
)
from vsmtp.queue.rows import read_messages, turn

BALLAST: Final = 4 * 2**20
PAGE: Final = 4096
IDLE_FRAMES: Final = 1000
MAX_FRAMES: Final = 4000


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found at opening: the highest number that may have been given, and messages held."""

    last: int
    messages: int


class Shard:
    """An open shard."""

    def __init__(self, path: Path, lock: int, database: sqlite3.Connection) -> None:
        self.path = path
        self._lock = lock
        self._database = database
        self._frames = 0
        self._reserved = 0
        self._has_ballast = False

    @classmethod
    def open(cls, path: Path) -> tuple[Shard, Recovered]:
        """Take the shard at `path`, made if it is not there, and make all it holds durable.

        Raises ShardTaken (ShardNotNow among it), ShardUnfit, or OSError when the directory itself cannot be
        used; nothing is held then.
        """
        (path / "bodies").mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = take_lock(path)
        try:
            database = open_in_space(path)
            shard = cls(path, lock, database)
            return shard, shard._recover()
        except BaseException:
            os.close(lock)
            raise

    def _recover(self) -> Recovered:
        try:
            row = self._database.execute("SELECT below FROM reserved").fetchone()
            highest = self._database.execute("SELECT max(id), count(*) FROM message").fetchone()
            self._reserved = row[0]
            self._drop_strays()
            self._keep_ballast()
            for directory in (self.path / "bodies", self.path, self.path.parent):
                sync_directory(directory)
        except sqlite3.Error as fault:
            self._database.close()
            raise not_opened(self.path, fault) from fault
        except OSError:
            self._database.close()
            raise
        return Recovered(max(row[0], highest[0] or 0), highest[1])

    def _drop_strays(self) -> None:
        """Remove body files that no row names: their messages were never acknowledged."""
        names = {
            name for (name,) in self._database.execute("SELECT file FROM message WHERE file IS NOT NULL")
        }
        for body in (self.path / "bodies").iterdir():
            if body.name not in names:
                body.unlink()

    def _keep_ballast(self) -> None:
        """Keep space in reserve, so that what was delivered can still be recorded on a full disk."""
        ballast = self.path / "ballast"
        try:
            descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, BALLAST)
            finally:
                os.close(descriptor)
        except OSError:
            # A part of it would look like the whole.
            self.release_ballast()
        else:
            self._has_ballast = True

    def commit(self, changes: Sequence[Change]) -> Result:
        """Make all `changes` true and durable in one transaction, or none of them."""
        try:
            emptied = self._transact(changes)
        except sqlite3.Error as fault:
            return self._rolled_back(fault)
        except OSError as fault:
            return Broken(str(fault))
        return Committed(frozenset(emptied))

    def _transact(self, changes: Sequence[Change]) -> list[int]:
        accepted = [message for change in changes for message in change.accepted]
        mark = self._mark(accepted)
        self._database.execute(schema.TURN, turn(changes, None if mark == self._reserved else mark))
        self._reserved = mark
        self._frames += 4 + sum(3 + len(message.content.data) // PAGE for message in accepted)
        self._frames += sum(len(change.finished) + len(change.rescheduled) for change in changes) // 8
        if not any(change.finished or change.removed for change in changes):
            return []
        emptied = self._database.execute(schema.EMPTIED).fetchall()
        self._unlink(emptied)
        return [number for number, _ in emptied]

    def _mark(self, messages: list[NewMessage]) -> int:
        """The mark below which numbers may have been given once these messages are there."""
        highest = max((message.number for message in messages), default=0)
        # A minute's worth at a time.
        return self._reserved if highest < self._reserved else highest + (60_000 << 20)

    def _unlink(self, emptied: Iterable[tuple[int, str | None]]) -> None:
        """Remove the bodies of messages that have left; one that several share goes with the last of them."""
        names = {name for _, name in emptied if name is not None}
        if names:
            wanted = orjson.dumps([*names]).decode()
            names.difference_update(
                name for (name,) in self._database.execute(schema.NAMED_BODIES, (wanted,))
            )
        for name in names:
            (self.path / "bodies" / name).unlink(missing_ok=True)

    def _rolled_back(self, fault: sqlite3.Error) -> Result:
        self._roll_back()
        return DiskFull() if is_full(fault) else Broken(f"{self.path}/queue.db: {fault}")

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def release_ballast(self) -> None:
        """Give the reserve back to the file system; `restore_ballast` takes it again."""
        self._has_ballast = False
        with suppress(OSError):
            (self.path / "ballast").unlink(missing_ok=True)

    def restore_ballast(self) -> None:
        """Take the reserve again where it was released and the file system has space for more than that."""
        if self._has_ballast:
            return
        with suppress(OSError):
            system = os.statvfs(self.path)
            if system.f_bavail * system.f_frsize >= 3 * BALLAST:
                self._keep_ballast()

    def checkpoint_due(self, *, idle: bool) -> bool:
        """Whether the write-ahead log has grown so far that it should go into the database now.

        While the ballast is gone an idle shard tries again and again: it may free space, and get some back.
        """
        return (idle and not self._has_ballast) or self._frames >= (IDLE_FRAMES if idle else MAX_FRAMES)

    def checkpoint(self) -> Broken | None:
        """Move the write-ahead log into the database; readers are not waited for."""
        try:
            _, log, moved = self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as fault:
            if is_full(fault):
                self._frames = 0
                return None
            return Broken(f"{self.path}/queue.db: checkpoint: {fault}")
        self._frames = max(0, log - moved)
        return None

    def page_active(self, after: int, limit: int) -> list[int]:
        """Numbers of active messages above `after`, the lowest `limit` of them."""
        return [number for (number,) in self._database.execute(schema.PAGE_ACTIVE, (after, limit))]

    def next_due(self) -> float | None:
        """When the next waiting recipient is due, seconds since the epoch; None if nobody waits."""
        due: float | None = self._database.execute(schema.NEXT_DUE).fetchone()[0]
        return due

    def lease_due(self, now: float, limit: int) -> list[tuple[int, int]]:
        """Take up to `limit` due recipients of each route out of waiting; a crash returns them as active.

        On a full disk, ballast and all, nobody is taken.
        """
        try:
            return self._lease(now, limit)
        except sqlite3.Error as fault:
            self._roll_back()
            if not is_full(fault):
                raise
        if not self._has_ballast:
            return []
        self.release_ballast()
        return self.lease_due(now, limit)

    def _lease(self, now: float, limit: int) -> list[tuple[int, int]]:
        leased: list[tuple[int, int]] = []
        run = self._database.execute
        routes = [route for (route,) in run(schema.DUE_ROUTES, (now,))]
        if not routes:
            return leased
        run("BEGIN IMMEDIATE")
        for route in routes:
            leased += run(schema.LEASE_DUE, (route, now, limit)).fetchall()
        run("COMMIT")
        return leased

    def held(self, state: str, since: float, before: float, limit: int) -> list[int]:
        """Numbers of messages in that state that arrived in that time, the lowest `limit` of them."""
        found = self._database.execute(schema.HELD, (state, since, before, limit))
        return [number for (number,) in found]

    def read(self, numbers: Sequence[int]) -> list[StoredMessage]:
        """The messages of these numbers that are here, in order, with all their recipients."""
        wanted = orjson.dumps(list(numbers)).decode()
        return read_messages(self._database, self.path, wanted)

    def close(self) -> bool:
        """Close for good and give up the lock; True if the shard held nothing and its directory is gone."""
        held = "SELECT EXISTS (SELECT 1 FROM message) OR EXISTS (SELECT 1 FROM remark)"
        empty = not self._database.execute(held).fetchone()[0]
        with suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
        if empty:
            remove_shard(self.path)
        os.close(self._lock)
        return empty

    def abandon(self) -> None:
        """Let go after an I/O error; whoever opens the shard next looks it through before trusting it.

        SQLite may try to move the log once more; it drops the log only when the database has it all, synced.
        """
        with suppress(OSError):
            (self.path / SUSPECT).touch()
        with suppress(sqlite3.Error):
            self._database.close()
        os.close(self._lock)


def take_lock(path: Path) -> int:
    """Own the shard: a descriptor that holds its lock. Raises ShardTaken."""
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ShardTaken(str(path)) from None
    if not (path / "lock").exists() or os.stat(path / "lock").st_ino != os.fstat(descriptor).st_ino:  # noqa: PTH116
        # The former owner removed the empty shard between our open and our lock.
        os.close(descriptor)
        raise ShardTaken(str(path))
    return descriptor


def remove_shard(path: Path) -> None:
    """Remove an empty shard whose lock the caller holds; `lock` goes last."""
    # The database before its log: without the log it might show messages that have left.
    for name in ("queue.db", "queue.db-wal", "queue.db-shm", "ballast", SUSPECT, "control"):
        (path / name).unlink(missing_ok=True)
    with suppress(OSError):
        (path / "bodies").rmdir()
    (path / "lock").unlink(missing_ok=True)
    with suppress(OSError):
        path.rmdir()
