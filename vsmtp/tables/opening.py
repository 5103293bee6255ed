"""Opening the tables of a tree: one object by name, each as its kind, its `search` and `cache` want it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, assert_never

from vsmtp.config.models.tables import (
    Chain,
    Cidr,
    Csv,
    Inline,
    ListFile,
    Regex,
    Sqlite,
    TableSettings,
    Union,
)
from vsmtp.tables.cells import ContentError
from vsmtp.tables.cidr import Networks
from vsmtp.tables.contract import Lookup, Table
from vsmtp.tables.csv_file import CsvTable
from vsmtp.tables.fixed import Fixed
from vsmtp.tables.joined import ChainTable, UnionTable
from vsmtp.tables.kinds import static_rows
from vsmtp.tables.regex import Patterns, regex_entries
from vsmtp.tables.search import Cached, Searched
from vsmtp.tables.sqlite import SqliteTable
from vsmtp.values.answer import Unavailable

# Told the name of a table and what is wrong with it; called in the event loop's thread.
Complain: TypeAlias = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What tables need of the process that opens them.

    `executor` reads and writes files; `clock` gives the seconds since 1970; `delimiter` is
    `server.recipient_delimiter`.
    """

    executor: Executor
    clock: Callable[[], float]
    delimiter: str
    complain: Complain


class Broken:
    """A static table whose file could not be read: it is unavailable until the tree is loaded again."""

    __slots__ = ("_answer",)

    def __init__(self, reason: str) -> None:
        self._answer = Unavailable(reason)

    def look_up(self, _key: str) -> Lookup:
        """Why there is no answer."""
        return self._answer

    async def find(self, _key: str) -> Lookup:
        """Why there is no answer."""
        return self._answer

    def close(self) -> None:
        """Nothing is held."""


def open_tables(settings: Mapping[str, TableSettings], around: Surroundings) -> Mapping[str, Table]:
    """All tables, ready to be asked; files are read now, in this thread.

    The settings are sound (`table_faults`): what has broken since is complained of and unavailable.
    """
    opened: dict[str, Table] = {}

    def opening(name: str) -> Table:
        if name not in opened:
            opened[name] = _open(name, settings[name], around, opening)
        return opened[name]

    return {name: opening(name) for name in settings}


def _open(name: str, settings: TableSettings, around: Surroundings, opening: Callable[[str], Table]) -> Table:
    try:
        match settings:
            case Union():
                return UnionTable([opening(member) for member in settings.tables])
            case Chain():
                return ChainTable([opening(member) for member in settings.tables])
            case Cidr():
                return Networks(static_rows(settings))
            case Regex():
                return Patterns(regex_entries(settings))
            case _:
                table = _searchable(name, settings, around)
                return Searched(table, settings.search, around.delimiter) if settings.search else table
    except ContentError as error:
        around.complain(name, str(error))
        return Broken(str(error))


def _searchable(name: str, settings: Inline | ListFile | Csv | Sqlite, around: Surroundings) -> Table:
    match settings:
        case Inline() | ListFile():
            return Fixed(static_rows(settings))
        case Csv():
            return CsvTable(settings, around.executor, around.clock, partial(around.complain, name))
        case Sqlite():
            table = SqliteTable(settings, around.clock)
            return table if settings.cache is None else Cached(table, settings.cache, around.clock)
        case _:
            assert_never(settings)
