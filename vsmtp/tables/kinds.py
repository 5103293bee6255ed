"""What the settings of tables say before any table is opened: static elements, columns, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias, assert_never

from vsmtp.config.models.tables import (
    Chain,
    Cidr,
    ColumnType,
    Csv,
    Inline,
    ListFile,
    Regex,
    Sqlite,
    TableSettings,
    Union,
)
from vsmtp.tables.cells import ONE_COLUMN, ContentError
from vsmtp.tables.cidr import cidr_rows
from vsmtp.tables.contract import VALUE, Row
from vsmtp.tables.files import is_missing, read_text
from vsmtp.tables.fixed import inline_rows, list_rows
from vsmtp.tables.regex import regex_entries
from vsmtp.tables.sheet import named_layout, parse_sheet
from vsmtp.tables.statements import columns_of
from vsmtp.values.diagnostic import Fault
from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.tables import COLUMN_TYPES, TableTraits
from vsmtp.vocabulary.types import Type

Settings: TypeAlias = Mapping[str, TableSettings]
Members: TypeAlias = Sequence[tuple[str, Mapping[str, Type]]]
_COSTS: Final = (Cost.MEMORY, Cost.LOCAL, Cost.NETWORK)


def static_elements(settings: Settings) -> Mapping[str, Sequence[str]]:
    """The keys, by table, of those that stay as they are while the server runs; of a broken one, none.

    They are compiled into the rules. A table with `search` is not among them: what it says of a key depends
    on more than its keys.
    """
    found: dict[str, Sequence[str]] = {}
    for name, table in settings.items():
        if isinstance(table, Cidr) or (isinstance(table, Inline | ListFile) and not table.search):
            found[name] = ()
            with suppress(ContentError):
                found[name] = tuple(static_rows(table))
    return found


def static_rows(table: Inline | ListFile | Cidr) -> Mapping[str, Row]:
    """All entries of a static table, keys as spelled; raises ContentError."""
    match table:
        case Inline():
            return inline_rows(table)
        case ListFile():
            return list_rows(table)
        case Cidr():
            return cidr_rows(table)
        case _:
            assert_never(table)


def traits(settings: Settings) -> Mapping[str, TableTraits]:
    """What a rule may ask of each table, what that costs, and whether it can be written to.

    The first line of csv files is read for it.
    """
    return {name: _traits(table, settings, (name,)) for name, table in settings.items()}


def table_faults(settings: Settings) -> tuple[Fault, ...]:
    """What is wrong with the files and databases of tables, by path; references are sound already."""
    return tuple(fault for name, table in settings.items() for fault in _faults(name, table, settings))


def _traits(table: TableSettings, settings: Settings, above: Sequence[str]) -> TableTraits:
    match table:
        case Union() | Chain():
            return _joined_traits(table, settings, above)
        case Csv():
            return TableTraits(_typed(_csv_columns(table)), Cost.MEMORY, table.writable)
        case Sqlite():
            return TableTraits(_typed(columns_of(table)), Cost.LOCAL, table.writable)
        case Inline():
            return TableTraits(_typed(table.columns or ONE_COLUMN), Cost.MEMORY)
        case Cidr() | Regex():
            return TableTraits(_typed(ONE_COLUMN), Cost.MEMORY)
        case ListFile():
            return TableTraits({}, Cost.MEMORY)
        case _:
            assert_never(table)


def _joined_traits(table: Union | Chain, settings: Settings, above: Sequence[str]) -> TableTraits:
    members = [
        _traits(settings[name], settings, (*above, name))
        for name in table.tables
        if name in settings and name not in above
    ]
    asked = members[-1:] if isinstance(table, Chain) else members
    columns = {name: kind for member in reversed(asked) for name, kind in member.columns.items()}
    dearest = max((member.cost for member in members), key=_COSTS.index, default=Cost.MEMORY)
    return TableTraits(columns, dearest)


def _typed(columns: Mapping[str, ColumnType]) -> Mapping[str, Type]:
    return {name: COLUMN_TYPES[kind] for name, kind in columns.items()}


def _csv_columns(table: Csv) -> Mapping[str, ColumnType]:
    if not table.header:
        with suppress(ContentError):
            first, _, _ = read_text(table.path)[1].partition("\n")
            return parse_sheet(first, table).layout.columns
    return named_layout(table).columns


def _faults(name: str, table: TableSettings, settings: Settings) -> Iterator[Fault]:
    try:
        _read(table)
    except ContentError as error:
        where = "path" if getattr(table, "path", None) is not None else "entries"
        if isinstance(table, Sqlite) and table.query is not None:
            where = "query"
        remedy = "correct it; docs/diagnostics/bad-table.md says how each kind is written"
        yield Fault(("tables", name, where), "bad-table", str(error), remedy)
    if isinstance(table, Union | Chain):
        yield from _joined_faults(name, table, settings)


def _read(table: TableSettings) -> None:
    match table:
        case Inline() | ListFile() | Cidr():
            static_rows(table)
        case Regex():
            regex_entries(table)
        case Csv() if not (table.writable and is_missing(table.path)):
            parse_sheet(read_text(table.path)[1], table)
        case Sqlite():
            # SQLite and the event loop take 40 ms to load, which a tree without a database does not need.
            from vsmtp.tables.sqlite import check_database  # noqa: PLC0415

            check_database(table)
        case _:
            return


def _joined_faults(name: str, table: Union | Chain, settings: Settings) -> Iterator[Fault]:
    known = traits(settings)
    members = [(member, known[member].columns) for member in table.tables if member in known]
    faults = _unclear_keys(members) if isinstance(table, Chain) else _unlike_columns(members)
    for member, message, remedy in faults:
        yield Fault(("tables", name, "tables", table.tables.index(member)), "bad-table", message, remedy)


def _unclear_keys(members: Members) -> Iterator[tuple[str, str, str]]:
    for member, columns in members[:-1]:
        if VALUE not in columns and len(columns) != 1:
            message = f"what `@{member}` has for the next key is not clear: it has no column `{VALUE}`"
            yield member, message, f"call one of its columns `{VALUE}`"


def _unlike_columns(members: Members) -> Iterator[tuple[str, str, str]]:
    kinds: dict[str, tuple[str, Type]] = {}
    for member, columns in members:
        for column, kind in columns.items():
            other, like = kinds.setdefault(column, (member, kind))
            if like is not kind:
                message = f"`@{member}` and `@{other}` disagree about the type of the column `{column}`"
                yield member, message, "give both the same type"
