"""Tables of a rehearsal: they say what the tree's say, or what is supposed; what is written is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeAlias

from vsmtp.config.load import Tree
from vsmtp.config.models.tables import Cidr, Csv, Inline, ListFile, Sqlite, TableSettings
from vsmtp.inspect.world import Row as Supposed
from vsmtp.tables.cidr import Networks
from vsmtp.tables.contract import Instant, Lookup, Row, Table, fold
from vsmtp.tables.kinds import static_elements
from vsmtp.tables.search import Searched
from vsmtp.tables.sqlite import for_looking, has_table
from vsmtp.values.answer import MISSING, Found, Missing, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Unasked

SupposedTables: TypeAlias = Mapping[str, Mapping[str, Supposed] | None]

_DOWN: Final = Unavailable("the table is supposed to be unavailable")


class Down:
    """A table that is supposed to be unavailable."""

    def look_up(self, _key: str) -> Lookup:
        """Why there is no answer."""
        return _DOWN

    async def find(self, _key: str) -> Lookup:
        """Why there is no answer."""
        return _DOWN

    async def set(
        self, _key: str, _row: Row, *, if_absent: bool = False, expire: float | None = None
    ) -> Unavailable:
        """Why nothing was written."""
        del if_absent, expire
        return _DOWN

    async def add(self, _key: str, _column: str, _amount: int, _expire: float | None = None) -> Unavailable:
        """Why nothing was added."""
        return _DOWN

    async def remove(self, _key: str) -> Unavailable:
        """Why nothing was removed."""
        return _DOWN

    def close(self) -> None:
        """Nothing is held."""


class Draft:
    """A table over another: what is written stands here, and the one below is only read.

    Without one below, `rows` by folded key are all there is. Rows never expire: a rehearsal is a moment.
    """

    def __init__(self, below: Table | None, rows: Mapping[str, Row]) -> None:
        self._below = below
        self._rows: dict[str, Row | None] = dict(rows)

    def look_up(self, key: str) -> Lookup | Unasked:
        """What `find` would say, at once where that can be."""
        own = self._own(key)
        if own is not None:
            return own
        return self._below.look_up(key) if isinstance(self._below, Instant) else UNASKED

    async def find(self, key: str) -> Lookup:
        """The row that was written here, else what the table below says."""
        own = self._own(key)
        if own is not None:
            return own
        assert self._below is not None
        return await self._below.find(key)

    def _own(self, key: str) -> Found[Row] | Missing | None:
        """What stands here; None: the table below has to be asked."""
        if fold(key) in self._rows or self._below is None:
            row = self._rows.get(fold(key))
            return MISSING if row is None else Found(row)
        return None

    async def set(
        self, key: str, row: Row, *, if_absent: bool = False, expire: float | None = None
    ) -> bool | Unavailable:
        """The row stands here, or, with `if_absent` and one that is there, nothing is changed and False."""
        del expire
        if if_absent:
            before = await self.find(key)
            if not isinstance(before, Missing):
                return before if isinstance(before, Unavailable) else False
        self._rows[fold(key)] = dict(row)
        return True

    async def add(self, key: str, column: str, amount: int, expire: float | None = None) -> int | Unavailable:
        """The sum, which stands here."""
        del expire
        before = await self.find(key)
        if isinstance(before, Unavailable):
            return before
        row = dict(before.value) if isinstance(before, Found) else {}
        held = row.get(column)
        total = (held if isinstance(held, int) else 0) + amount
        self._rows[fold(key)] = {**row, column: total}
        return total

    async def remove(self, key: str) -> bool | Unavailable:
        """The key stands nowhere; whether it did."""
        before = await self.find(key)
        if isinstance(before, Unavailable):
            return before
        self._rows[fold(key)] = None
        return isinstance(before, Found)

    def close(self) -> None:
        """The table below is closed."""
        if self._below is not None:
            self._below.close()


def suppose(tree: Tree, supposed: SupposedTables) -> Tree:
    """The tree with what is supposed in place of its static tables, whose keys are compiled into its rules.

    The tree itself where there is none of them. Raises ValueError for a table that the tree does not have.
    """
    named = tree.settings.tables
    for name in supposed:
        if name not in named:
            raise ValueError(f"there is no table `{name}`")
    static = static_elements({name: named[name] for name in supposed})
    changed: dict[str, TableSettings] = {
        name: Inline.model_construct(type="inline", entries=tuple(supposed[name] or ())) for name in static
    }
    if not changed:
        return tree
    return replace(tree, settings=tree.settings.model_copy(update={"tables": {**named, **changed}}))


def only_looked_at(named: Mapping[str, TableSettings]) -> dict[str, TableSettings]:
    """The tables of a tree as a rehearsal opens them: opening makes no database and writes to none.

    One that the server would make is empty.
    """
    return {name: _only_looked_at(table) for name, table in named.items()}


def _only_looked_at(table: TableSettings) -> TableSettings:
    if not isinstance(table, Sqlite) or not table.writable:
        return table
    with suppress(sqlite3.Error):  # what is wrong with it, whoever asks it will hear
        if not has_table(table):
            return Inline.model_construct(type="inline", entries=(), search=table.search)
    return for_looking(table)


def drafts(
    settings: Mapping[str, TableSettings], opened: Mapping[str, Table], supposed: SupposedTables, tag: str
) -> dict[str, Table]:
    """The tables of a tree for one rehearsal, with those that are supposed in their place.

    `tag` is `server.recipient_delimiter`.
    """
    tables: dict[str, Table] = {name: Draft(table, {}) for name, table in opened.items()}
    for name, rows in supposed.items():
        tables[name] = Down() if rows is None else _supposed(settings[name], rows, tag)
    return tables


def _supposed(settings: TableSettings, rows: Mapping[str, Supposed], tag: str) -> Table:
    match settings:
        case Cidr():
            return Networks(rows)
        case Inline() | ListFile() | Csv() | Sqlite() if settings.search:
            return Searched(Draft(None, rows), settings.search, tag)
        case _:
            return Draft(None, rows)
