"""Tables that do not change while the server runs: `inline` and `list`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vsmtp.config.models.tables import ColumnType, Entries, Inline, ListFile
from vsmtp.tables.cells import ONE_COLUMN, ContentError, read_cell
from vsmtp.tables.contract import MAX_KEY, VALUE, Lookup, Row, fold
from vsmtp.tables.files import read_lines
from vsmtp.values.answer import MISSING, Found


class Fixed:
    """Rows by key, in memory."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows: dict[str, Found[Row]] = {}
        for key, row in rows.items():
            self._rows.setdefault(fold(key), Found(row))

    def look_up(self, key: str) -> Lookup:
        """The row, at once."""
        return self._rows.get(fold(key), MISSING)

    async def find(self, key: str) -> Lookup:
        """The row."""
        return self.look_up(key)

    def close(self) -> None:
        """Nothing is held."""


def inline_rows(settings: Inline) -> Mapping[str, Row]:
    """The entries of a table in the tree, as they were spelled; raises ContentError."""
    return dict(entry_rows(settings.entries, settings.columns or ONE_COLUMN))


def list_rows(settings: ListFile) -> Mapping[str, Row]:
    """The entries of a file of keys; raises ContentError."""
    rows: dict[str, Row] = {}
    for number, key in read_lines(settings.path):
        if len(key) > MAX_KEY:
            raise ContentError(f"line {number} of `{settings.path.name}` is too long for a key")
        rows[key] = {}
    return rows


def entry_rows(entries: Entries, columns: Mapping[str, ColumnType]) -> Iterator[tuple[str, Row]]:
    """Keys and rows as the tree writes them; raises ContentError."""
    if isinstance(entries, tuple):
        yield from ((key, {}) for key in entries)
        return
    for key, entry in entries.items():
        yield key, _row(key, entry if isinstance(entry, Mapping) else {VALUE: entry}, columns)


def _row(key: str, entry: Mapping[str, Any], columns: Mapping[str, ColumnType]) -> Row:
    row = {}
    for name, written in entry.items():
        kind = columns.get(name)
        if kind is None:
            raise ContentError(f"the entry `{key}` has a column `{name}` that is not in `columns`")
        try:
            cell = read_cell(kind, written)
        except ValueError as error:
            raise ContentError(f"the entry `{key}` is broken: {error}") from None
        if cell is not None:
            row[name] = cell
    return row
