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
from itertools import groupby
from pathlib import Path
from typing import Final

import orjson

from vsmtp.queue import schema
from vsmtp.queue.records import (
    Broken,
    Change,
    Committed,
    DiskFull,
    NewMessage,
    Reschedule,
    Result,
    StoredMessage,
    StoredRecipient,
)
from vsmtp.values.address import Address
from vsmtp.values.envelope import BodyFile, Content

EIGHT_BIT: Final = 1
SMTPUTF8: Final = 2
BALLAST: Final = 4 * 2**20
PAGE: Final = 4096
IDLE_FRAMES: Final = 1000
MAX_FRAMES: Final = 4000


class ShardTaken(Exception):  # noqa: N818 a fact about the world, not an error of ours
    """Another process owns the shard."""


class ShardUnfit(Exception):  # noqa: N818 likewise
    """The shard's database cannot be trusted or opened; the message says why."""


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

    @classmethod
    def open(cls, path: Path) -> tuple[Shard, Recovered]:
        """Take the shard at `path`, made if it is not there, and make all it holds durable.

        Raises ShardTaken, ShardUnfit, or OSError when the directory itself cannot be used.
        """
        (path / "bodies").mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = take_lock(path)
        try:
            database = _open_database(path / "queue.db")
        except (sqlite3.Error, ShardUnfit) as fault:
            os.close(lock)
            raise ShardUnfit(f"{path}/queue.db: {fault}") from fault
        shard = cls(path, lock, database)
        return shard, shard._recover()

    def _recover(self) -> Recovered:
        row = self._database.execute("SELECT below FROM reserved").fetchone()
        highest = self._database.execute("SELECT max(id), count(*) FROM message").fetchone()
        self._reserved = row[0]
        self._drop_strays()
        self._keep_ballast()
        for directory in (self.path / "bodies", self.path, self.path.parent):
            sync_directory(directory)
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
        with suppress(OSError):
            descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, BALLAST)
            finally:
                os.close(descriptor)

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
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        if accepted:
            self._add(accepted)
        finished = [key for change in changes for key in change.finished]
        emptied = self._finish(finished, [number for change in changes for number in change.removed])
        rescheduled = [entry for change in changes for entry in change.rescheduled]
        if rescheduled:
            run(
                schema.RESCHEDULE, (orjson.dumps([_reschedule_row(entry) for entry in rescheduled]).decode(),)
            )
        expedited = [number for change in changes for number in change.expedited]
        if expedited:
            run(schema.EXPEDITE, (orjson.dumps(expedited).decode(),))
        run("COMMIT")
        self._frames += 4 + 3 * len(accepted) + (len(finished) + len(rescheduled)) // 8
        self._unlink(emptied)
        return [number for number, _ in emptied]

    def _add(self, messages: list[NewMessage]) -> None:
        run = self._database.execute
        highest = max(message.number for message in messages)
        if highest >= self._reserved:
            # Numbers below the mark may have been given: a minute's worth is set aside at a time.
            self._reserved = highest + (60_000 << 20)
            run(schema.RESERVE, (self._reserved,))
        run(schema.ADD_MESSAGES, (orjson.dumps([_message_row(message) for message in messages]).decode(),))
        pieces = [message.content.data for message in messages]
        cuts, start = [], 1
        for message, piece in zip(messages, pieces, strict=True):
            cuts.append((message.number, start, len(piece)))
            start += len(piece)
        run(schema.ADD_BODIES, (b"".join(pieces), orjson.dumps(cuts).decode()))
        rows = [
            (message.number, n, to.address.local, to.address.domain, to.edits)
            for message in messages
            for n, to in enumerate(message.recipients)
        ]
        run(schema.ADD_RECIPIENTS, (orjson.dumps(rows).decode(),))
        self._frames += sum(len(piece) for piece in pieces) // PAGE

    def _finish(self, finished: list[tuple[int, int]], removed: list[int]) -> list[tuple[int, str | None]]:
        if not finished and not removed:
            return []
        run = self._database.execute
        if finished:
            run(schema.FINISH_RECIPIENTS, (orjson.dumps(finished).decode(),))
        if removed:
            run(schema.REMOVE_RECIPIENTS, (orjson.dumps(removed).decode(),))
        touched = orjson.dumps([*{number for number, _ in finished}, *removed]).decode()
        emptied: list[tuple[int, str | None]] = run(schema.REMOVE_EMPTY, (touched,)).fetchall()
        if emptied:
            run(schema.REMOVE_BODIES, (orjson.dumps([number for number, _ in emptied]).decode(),))
        return emptied

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
        code = getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        with suppress(sqlite3.Error):
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
        if code == sqlite3.SQLITE_FULL:
            return DiskFull()
        return Broken(f"{self.path}/queue.db: {fault}")

    def release_ballast(self) -> None:
        """Give the reserve back to the file system; `restore_ballast` takes it again."""
        (self.path / "ballast").unlink(missing_ok=True)

    def restore_ballast(self) -> None:
        """Take the reserve again where it was released."""
        if not (self.path / "ballast").exists():
            self._keep_ballast()

    def checkpoint_due(self, *, idle: bool) -> bool:
        """Whether the write-ahead log has grown so far that it should go into the database now."""
        return self._frames >= (IDLE_FRAMES if idle else MAX_FRAMES)

    def checkpoint(self) -> Broken | None:
        """Move the write-ahead log into the database; readers are not waited for."""
        try:
            _, log, moved = self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as fault:
            if getattr(fault, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
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
        """Take up to `limit` due recipients of each route out of waiting; a crash returns them as active."""
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

    def read(self, numbers: Sequence[int]) -> list[StoredMessage]:
        """The messages of these numbers that are here, in order, with all their recipients."""
        wanted = orjson.dumps(list(numbers)).decode()
        return read_messages(self._database, self.path, wanted)

    def close(self) -> bool:
        """Close for good and give up the lock; True if the shard was empty and its directory is gone."""
        empty = not self._database.execute("SELECT EXISTS (SELECT 1 FROM message)").fetchone()[0]
        with suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
        if empty:
            remove_shard(self.path)
        os.close(self._lock)
        return empty

    def abandon(self) -> None:
        """Let go without touching the database again, after an I/O error."""
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
    for name in ("queue.db-shm", "queue.db-wal", "queue.db", "ballast", "control"):
        (path / name).unlink(missing_ok=True)
    with suppress(OSError):
        (path / "bodies").rmdir()
    (path / "lock").unlink(missing_ok=True)
    with suppress(OSError):
        path.rmdir()


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_messages(database: sqlite3.Connection, shard: Path, wanted: str) -> list[StoredMessage]:
    """The messages whose numbers the JSON array `wanted` lists, with all their recipients."""
    rows = database.execute(schema.READ_RECIPIENTS, (wanted,)).fetchall()
    recipients = {number: list(group) for number, group in groupby(rows, key=lambda row: row[0])}
    messages = database.execute(schema.READ_MESSAGES, (wanted,)).fetchall()
    return [_stored_message(row, recipients.get(row[0], []), shard) for row in messages]


def _open_database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=10, cached_statements=64)
    try:
        for pragma in schema.PRAGMAS:
            database.execute(pragma)
        version = database.execute("PRAGMA user_version").fetchone()[0]
        busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if version == 0:
            database.executescript(schema.TABLES)
    except BaseException:
        database.close()
        raise
    if busy or version not in {0, schema.VERSION}:
        database.close()
        raise ShardUnfit(
            "its write-ahead log could not be moved into it: a reader is in the way"
            if busy
            else f"it has format {version}, this release reads {schema.VERSION}"
        )
    return database


def _message_row(message: NewMessage) -> tuple[object, ...]:
    file = message.content.file
    return (
        message.number,
        message.arrived,
        message.sender.local,
        message.sender.domain,
        (EIGHT_BIT if message.eight_bit else 0) | (SMTPUTF8 if message.smtputf8 else 0),
        message.session,
        message.state,
        message.content.size,
        file.path.name if file else None,
        file.offset if file else None,
        file.size if file else None,
        message.context,
    )


def _reschedule_row(entry: Reschedule) -> tuple[object, ...]:
    return (entry.message, entry.recipient, entry.attempts, entry.due, entry.route, entry.reply)


def _stored_message(
    row: tuple[object, ...], recipients: Iterable[tuple[object, ...]], shard: Path
) -> StoredMessage:
    number, arrived, local, domain, flags, session, state, size, name, offset, file_size, context, data = row
    file = BodyFile(shard / "bodies" / str(name), offset, file_size) if name is not None else None  # type: ignore[arg-type]
    return StoredMessage(
        number, arrived, Address(local, domain), bool(flags & EIGHT_BIT), bool(flags & SMTPUTF8),  # type: ignore[arg-type,operator]
        session, state, size, Content(data, file), context,  # type: ignore[arg-type]
        tuple(
            StoredRecipient(n, Address(to_local, to_domain), attempts, due, route, reply, edits)  # type: ignore[arg-type]
            for _, n, to_local, to_domain, attempts, due, route, reply, edits in recipients
        ),
    )  # fmt: skip
