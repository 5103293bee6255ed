"""The sqlite table: one connection, in a thread of its own, which alone touches it."""

from __future__ import annotations

import sqlite3
from asyncio import timeout, wrap_future
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from vsmtp.config.models.tables import Sqlite
from vsmtp.tables.cells import ContentError, read_cell
from vsmtp.tables.contract import NO_KEY, VALUE, Cell, Lookup, Row, fold, is_key
from vsmtp.tables.files import is_missing
from vsmtp.tables.statements import Statements, columns_of, statements_of
from vsmtp.values.answer import MISSING, Found, Unavailable
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.answers import UNASKED, Unasked

T = TypeVar("T")

# Questions that wait for the thread; more than these will not be answered in time.
MAX_WAITING: Final = 1000
# A counter stays a whole number that everybody can read.
_MAX_AMOUNT: Final = 2**53
_PURGE_EVERY: Final = 600.0


class SqliteTable:
    """A table of a database, or a query; the database is opened when it is first asked."""

    def __init__(self, settings: Sqlite, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._statements: Statements = statements_of(settings)
        self._columns = columns_of(settings)
        self._thread = ThreadPoolExecutor(1, "vsmtp-sqlite")
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0
        self._purged_at = float("-inf")
        self._closed = False

    def look_up(self, key: str) -> Lookup | Unasked:
        """`Unasked`: a database is on a disk."""
        return UNASKED if is_key(key) else MISSING

    async def find(self, key: str) -> Lookup:
        """The first row of the key."""
        return await self._ask(lambda db: self._select(db, key)) if is_key(key) else MISSING

    async def set(
        self, key: str, row: Row, *, if_absent: bool = False, expire: float | None = None
    ) -> bool | Unavailable:
        """The database has the row, synced; see the contract."""
        unfit = self._unfit(key, row)
        if unfit is not None:
            return unfit
        statement = self._statements.insert if if_absent else self._statements.upsert
        values: dict[str, object] = {f"c_{name}": _plain(row.get(name)) for name in self._columns}
        values |= self._words(key, expire)
        return await self._ask(lambda db: self._change(db, statement, values).rowcount > 0)

    async def add(self, key: str, column: str, amount: int, expire: float | None = None) -> int | Unavailable:
        """The database has the sum, synced; see the contract."""
        unfit = self._unfit(key, {column: amount})
        if unfit is not None or abs(amount) > _MAX_AMOUNT:
            return unfit or Unavailable("the amount is too large")
        values = {"amount": amount} | self._words(key, expire)
        statement = self._statements.add(column)

        def sum_up(database: sqlite3.Connection) -> int:
            return int(self._change(database, statement, values).fetchone()[0])

        return await self._ask(sum_up)

    async def remove(self, key: str) -> bool | Unavailable:
        """The database has no row of the key, synced."""
        unfit = self._unfit(key, {})
        if unfit is not None:
            return unfit
        words = self._words(key, None)
        return await self._ask(lambda db: self._change(db, self._statements.delete, words).rowcount > 0)

    def close(self) -> None:
        """The thread ends after what it is doing, and the database is closed."""
        if not self._closed:
            self._closed = True
            self._thread.submit(self._shut)
            self._thread.shutdown(wait=False)

    async def _ask(self, job: Callable[[sqlite3.Connection], T]) -> T | Unavailable:
        if self._closed or self._waiting >= MAX_WAITING:
            return Unavailable("the table is closed" if self._closed else "too many questions wait already")
        self._waiting += 1
        future = self._thread.submit(self._do, job)
        try:
            async with timeout(self._settings.timeout):
                return await wrap_future(future)
        except TimeoutError:
            self._stop(future)
            return Unavailable(f"`{self._settings.path.name}` did not answer in time")
        finally:
            self._waiting -= 1

    def _stop(self, future: Future[T | Unavailable]) -> None:
        if not future.cancel() and self._connection is not None:
            self._connection.interrupt()  # the one call that SQLite takes from another thread

    def _do(self, job: Callable[[sqlite3.Connection], T]) -> T | Unavailable:
        try:
            if self._connection is None:
                self._connection = open_database(self._settings)
            return job(self._connection)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            self._shut()
            return Unavailable(f"`{self._settings.path.name}`: {error}")

    def _select(self, database: sqlite3.Connection, key: str) -> Lookup:
        cursor = database.execute(self._statements.select, self._words(key, None))
        raw = cursor.fetchone()
        if raw is None:
            return MISSING
        names = result_names(cursor, self._columns)
        row: dict[str, Cell] = {}
        for name, kind in self._columns.items():
            cell = read_cell(kind, raw[names.index(name)])
            if cell is not None:
                row[name] = cell
        return Found(row)

    def _change(
        self, database: sqlite3.Connection, statement: str, values: Mapping[str, object]
    ) -> sqlite3.Cursor:
        now = self._clock()
        if not 0 <= now - self._purged_at < _PURGE_EVERY:
            self._purged_at = now
            database.execute(self._statements.purge, {"now": now})
        return database.execute(statement, values)

    def _words(self, key: str, expire: float | None) -> dict[str, object]:
        lifetime = self._settings.expire if expire is None else expire
        now = self._clock()
        return {"key": fold(key), "now": now, "expires": None if lifetime is None else now + lifetime}

    def _unfit(self, key: str, row: Row) -> Unavailable | None:
        unknown = row.keys() - self._columns.keys()
        if not self._settings.writable:
            return Unavailable("this table is not `writable`")
        if unknown:
            return Unavailable(f"there is no column `{min(unknown)}`")
        if not is_key(key):
            return NO_KEY
        return None

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def open_database(settings: Sqlite) -> sqlite3.Connection:
    """The database, with its table when it is writable; raises sqlite3.Error."""
    mode = "rwc" if settings.writable else "ro"
    path = Path(settings.path).absolute().as_uri()
    database = sqlite3.connect(
        f"{path}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=settings.timeout,
        check_same_thread=False,
    )
    try:
        if settings.writable:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")  # a write that returned survives a power cut
            for statement in statements_of(settings).create:
                database.execute(statement)
        else:
            database.execute("PRAGMA query_only = ON")
    except BaseException:
        database.close()
        raise
    return database


def check_database(settings: Sqlite) -> None:
    """The database is there, and what will be asked of it can be; raises ContentError. Nothing is written."""
    try:
        if settings.writable and not has_table(settings):
            return
        database = open_database(settings.model_copy(update={"writable": False}))
        try:
            words = {"key": "", "now": 0.0, "expires": None}
            result_names(database.execute(statements_of(settings).select, words), columns_of(settings))
        finally:
            database.close()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        raise ContentError(f"`{settings.path.name}`: {error}") from None


def has_table(settings: Sqlite) -> bool:
    """Whether somebody has made the table already; raises sqlite3.Error. Nothing is written."""
    if is_missing(settings.path):
        return False
    database = open_database(settings.model_copy(update={"writable": False}))
    try:
        words = "SELECT 1 FROM sqlite_master WHERE lower(name) = ?"
        return database.execute(words, (settings.table.lower(),)).fetchone() is not None
    finally:
        database.close()


def for_looking(settings: Sqlite) -> Sqlite:
    """A writable table as one that is only looked at: the same is found, nothing is made or written."""
    query = statements_of(settings).select
    return settings.model_copy(update={"writable": False, "query": query})


def result_names(cursor: sqlite3.Cursor, columns: Mapping[str, object]) -> list[str]:
    """The names of a result's columns; the only one of a table that declares none is `value`."""
    names = [column[0] for column in cursor.description]
    if list(columns) == [VALUE] and len(names) == 1:
        return [VALUE]
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"the result has no column `{missing[0]}`")
    return names


def _plain(cell: Cell | None) -> str | int | float | bool | None:
    text = cell.text if isinstance(cell, Secret) else cell
    return None if text == "" else text
