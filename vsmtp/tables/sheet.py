"""The rows of a csv file: RFC 4180 with the delimiter of one's choice, in UTF-8, first row first."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from vsmtp.config.models.tables import ColumnType, Csv
from vsmtp.tables.cells import ContentError, read_cell, write_cell
from vsmtp.tables.contract import MAX_KEY, Lookup, Row, fold
from vsmtp.values.answer import MISSING, Found

Record: TypeAlias = tuple[str, ...]
# A cell larger than this is a quote that was left open.
_MAX_CELL: Final = 64 * 1024
_MAX_SOUND: Final = 10_000
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")

csv.field_size_limit(max(_MAX_CELL, csv.field_size_limit()))


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file is written: its columns in order, which of them is the key, and their types."""

    header: tuple[str, ...]
    key: int
    types: tuple[ColumnType, ...]
    typed: tuple[int, ...] = ()  # the columns whose cells are not just any text

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """All columns but the key's, in order."""
        pairs = zip(self.header, self.types, strict=True)
        return {name: kind for n, (name, kind) in enumerate(pairs) if n != self.key}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that was read: its records as written, and the first of each key."""

    layout: Layout
    records: Sequence[Record]
    index: Mapping[str, Record]

    def look_up(self, key: str) -> Lookup:
        """The row of the key, whose cells were found to be sound when the file was read."""
        record = self.index.get(fold(key))
        return MISSING if record is None else Found(row_of(self.layout, record))


def row_of(layout: Layout, record: Record) -> Row:
    """The cells of a record by column; empty ones are left out; raises ValueError."""
    row = {}
    for n, (name, kind) in enumerate(zip(layout.header, layout.types, strict=True)):
        cell = None if n == layout.key else read_cell(kind, record[n])
        if cell is not None:
            row[name] = cell
    return row


def record_of(layout: Layout, key: str, row: Row) -> Record:
    """The record of a row; raises ValueError for a column that is not there."""
    unknown = row.keys() - layout.columns.keys()
    if unknown:
        raise ValueError(f"there is no column `{min(unknown)}`")
    cells = ["" if name not in row else write_cell(row[name]) for name in layout.header]
    cells[layout.key] = fold(key)
    return tuple(cells)


def parse_sheet(text: str, settings: Csv) -> Sheet:
    """Read the text of a file; raises ContentError with the number of the first broken line."""
    records: list[Record] = []
    index: dict[str, Record] = {}
    layout = named_layout(settings) if settings.header else None
    line = 1
    sound: set[tuple[int, str]] = set()
    reader = csv.reader(_lines(text), delimiter=settings.delimiter, strict=True)
    try:
        for cells in reader:
            if layout is None:
                layout = _headed(cells, settings)
            elif cells:
                record = tuple(cells)
                _check(layout, record, sound)
                records.append(record)
                index.setdefault(_index_key(record[layout.key]), record)
            line = reader.line_num + 1
    except (csv.Error, ValueError) as error:
        raise ContentError(f"line {line} of `{settings.path.name}` is broken: {error}") from None
    return Sheet(layout or named_layout(settings), records, index)


def named_layout(settings: Csv) -> Layout:
    """The layout that the settings give: of a file without a header, or of one that is to be made."""
    header = settings.header or (settings.key or "key", *settings.columns)
    return _layout(header, settings)


def sheet_of(layout: Layout, records: Sequence[Record]) -> Sheet:
    """The sheet of sound records."""
    index: dict[str, Record] = {}
    for record in records:
        index.setdefault(_index_key(record[layout.key]), record)
    return Sheet(layout, records, index)


def sheet_text(sheet: Sheet, settings: Csv) -> str:
    """The whole file."""
    head = () if settings.header else (sheet.layout.header,)
    return "".join(_line(record, settings.delimiter) for record in (*head, *sheet.records))


def _headed(cells: Sequence[str], settings: Csv) -> Layout:
    header = tuple(cell.strip() for cell in cells)
    if len(set(header)) != len(header):
        raise ValueError("two columns have the same name")
    for name in (settings.key, *settings.columns):
        if name is not None and name not in header:
            raise ValueError(f"there is no column `{name}` in the first line")
    return _layout(header, settings)


def _layout(header: Sequence[str], settings: Csv) -> Layout:
    types = tuple(settings.columns.get(name, "text") for name in header)
    typed = tuple(n for n, kind in enumerate(types) if kind not in ("text", "secret"))
    return Layout(tuple(header), 0 if settings.key is None else header.index(settings.key), types, typed)


def _check(layout: Layout, record: Record, sound: set[tuple[int, str]]) -> None:
    """Raises ValueError for a broken record; `sound` remembers typed cells, most of which come again."""
    if len(record) != len(layout.header):
        raise ValueError(f"{len(layout.header)} cells are wanted, there are {len(record)}")
    if not 0 < len(record[layout.key]) <= MAX_KEY:
        raise ValueError(f"the key is empty or longer than {MAX_KEY} characters")
    for n in layout.typed:
        cell = n, record[n]
        if cell not in sound:
            try:
                read_cell(layout.types[n], record[n])
            except ValueError as error:
                raise ValueError(f"column `{layout.header[n]}`: {error}") from None
            if len(sound) < _MAX_SOUND:
                sound.add(cell)


def _index_key(key: str) -> str:
    folded = fold(key)
    return key if folded == key else folded  # one string for both where it can be


def _lines(text: str) -> Iterator[str]:
    # Piece by piece: a StringIO would take four octets for each character of the file.
    return (line[0] for line in _LINE.finditer(text))


def _line(record: Iterable[str], delimiter: str) -> str:
    # The standard library's writer leaves a lone carriage return unquoted, which its reader takes for a line.
    special = (delimiter, '"', "\r", "\n")
    cells = [
        f'"{cell.replace(chr(34), chr(34) * 2)}"' if any(sign in cell for sign in special) else cell
        for cell in record
    ]
    return (delimiter.join(cells) or '""') + "\n"
