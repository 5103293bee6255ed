"""The csv table: all rows in memory, read again when the file changes, written by replacing the file.

Reading and writing happen in the threads of an executor. Who asks is answered from the rows that were read
last; once a second at most, asking has the file looked at. A file that has become unreadable is complained
of, and its last good rows stay in force: an editor's slip must not turn every user into an unknown one.
"""

from __future__ import annotations

import os
from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from vsmtp.config.models.tables import Csv
from vsmtp.tables.cells import ContentError, read_cell
from vsmtp.tables.contract import NO_KEY, Lookup, Row, fold, is_key
from vsmtp.tables.files import Signature, is_missing, read_text, sign
from vsmtp.tables.rewriting import locked, replace
from vsmtp.tables.sheet import (
    Record,
    Sheet,
    named_layout,
    parse_sheet,
    record_of,
    row_of,
    sheet_of,
    sheet_text,
)
from vsmtp.values.answer import Unavailable

R = TypeVar("R")

LOOK_AGAIN_AFTER: Final = 1.0
_CANNOT_FORGET: Final = Unavailable("a csv table cannot forget rows by itself")


class CsvTable:
    """A csv file as a table; made of a file that cannot be read, it is unavailable until it can."""

    def __init__(
        self, settings: Csv, executor: Executor, clock: Callable[[], float], complain: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._executor = executor
        self._clock = clock
        self._complain = complain
        self._sheet: Sheet | None = None
        self._signature: Signature | None = None
        self._flaw = self._said = ""
        self._looked_at = clock()
        # The executor may have several threads; what one read must not replace what another then wrote.
        self._turn = Lock()
        self._looking: Future[None] | None = None
        self._look()

    def look_up(self, key: str) -> Lookup:
        """The row as the file had it when it was last read, at once."""
        self._look_again()
        return self._answer(key)

    async def find(self, key: str) -> Lookup:
        """The row, of a file that was looked at within the last second."""
        looking = self._look_again()
        if looking is not None:
            await wrap_future(looking)
        return self._answer(key)

    async def set(
        self, key: str, row: Row, *, if_absent: bool = False, expire: float | None = None
    ) -> bool | Unavailable:
        """The file has the row, synced; see the contract."""
        if expire is not None:
            return _CANNOT_FORGET

        def change(sheet: Sheet) -> tuple[bool, Sheet]:
            if if_absent and fold(key) in sheet.index:
                return False, sheet
            return True, _replaced(sheet, key, record_of(sheet.layout, key, row))

        return await self._write(key, change)

    async def add(self, key: str, column: str, amount: int, expire: float | None = None) -> int | Unavailable:
        """The file has the sum, synced; see the contract."""
        if expire is not None:
            return _CANNOT_FORGET

        def change(sheet: Sheet) -> tuple[int, Sheet]:
            before = sheet.index.get(fold(key))
            row = {} if before is None else dict(row_of(sheet.layout, before))
            row[column] = total = amount + int(read_cell("number", row.get(column, 0)))  # type: ignore[arg-type]
            return total, _replaced(sheet, key, record_of(sheet.layout, key, row))

        return await self._write(key, change)

    async def remove(self, key: str) -> bool | Unavailable:
        """The file has no row of the key, synced."""

        def change(sheet: Sheet) -> tuple[bool, Sheet]:
            if fold(key) not in sheet.index:
                return False, sheet
            return True, _replaced(sheet, key, None)

        return await self._write(key, change)

    def close(self) -> None:
        """Nothing is held; the executor is its owner's."""

    def _answer(self, key: str) -> Lookup:
        if self._flaw != self._said:
            self._said = self._flaw
            if self._flaw:
                self._complain(self._flaw)
        return Unavailable(self._flaw) if self._sheet is None else self._sheet.look_up(key)

    def _look_again(self) -> Future[None] | None:
        """Have the file looked at, if it is time; the looking that is under way."""
        now = self._clock()
        if self._looking is not None and not self._looking.done():
            return self._looking
        self._looking = None
        if not 0 <= now - self._looked_at < LOOK_AGAIN_AFTER:
            self._looked_at = now
            self._looking = self._executor.submit(self._look)
        return self._looking

    def _look(self) -> None:
        with self._turn:
            self._look_now()

    def _look_now(self) -> None:
        try:
            if sign(self._settings.path) == self._signature:
                return
        except OSError:
            pass  # reading says it in words
        try:
            self._read()
        except ContentError as error:
            self._flaw = str(error)

    def _read(self) -> Sheet:
        settings = self._settings
        if settings.writable and is_missing(settings.path):
            signature, sheet = None, sheet_of(named_layout(settings), ())
        else:
            signature, text = read_text(settings.path)
            sheet = parse_sheet(text, settings)
        self._signature, self._sheet, self._flaw = signature, sheet, ""
        return sheet

    async def _write(self, key: str, change: Callable[[Sheet], tuple[R, Sheet]]) -> R | Unavailable:
        if not self._settings.writable:
            return Unavailable("this table is not `writable`")
        if not is_key(key):
            return NO_KEY
        return await wrap_future(self._executor.submit(self._rewrite, change))

    def _rewrite(self, change: Callable[[Sheet], tuple[R, Sheet]]) -> R | Unavailable:
        path = Path(os.path.realpath(self._settings.path))
        try:
            with self._turn, locked(path):
                before = self._read()
                result, after = change(before)
                if after is not before:
                    self._signature = replace(path, sheet_text(after, self._settings).encode())
                    self._sheet = after
                return result
        except (OSError, ValueError) as error:
            return Unavailable(f"`{path.name}` cannot be written: {error}")


def _replaced(sheet: Sheet, key: str, record: Record | None) -> Sheet:
    """The sheet with this record in place of the first of its key, and no other of it."""
    place, folded = sheet.layout.key, fold(key)
    records: list[Record] = []
    for old in sheet.records:
        if fold(old[place]) != folded:
            records.append(old)
        elif record is not None:
            records.append(record)
            record = None
    if record is not None:
        records.append(record)
    return sheet_of(sheet.layout, records)
