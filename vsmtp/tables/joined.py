"""Tables made of tables: `union` and `chain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from vsmtp.tables.cells import write_cell
from vsmtp.tables.contract import VALUE, Lookup, Row, Table, at_once
from vsmtp.values.answer import MISSING, Found, Missing
from vsmtp.vocabulary.answers import Unasked

A = TypeVar("A", Lookup, Lookup | Unasked)


class UnionTable:
    """The answer of the first table that has the key; one that is unavailable may have had it."""

    __slots__ = ("_tables",)

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tuple(tables)

    def look_up(self, key: str) -> Lookup | Unasked:
        """The answer, where all tables that must be asked can answer at once."""
        for table in self._tables:
            answer = at_once(table, key)
            if not isinstance(answer, Missing):
                return answer
        return MISSING

    async def find(self, key: str) -> Lookup:
        """The answer."""
        for table in self._tables:
            answer = await table.find(key)
            if not isinstance(answer, Missing):
                return answer
        return MISSING

    def close(self) -> None:
        """Nothing is held; the members are closed by who opened them."""


class ChainTable:
    """The value that one table has for the key is the key for the next; the last one's row counts."""

    __slots__ = ("_first", "_last")

    def __init__(self, tables: Sequence[Table]) -> None:
        *self._first, self._last = tables

    def look_up(self, key: str) -> Lookup | Unasked:
        """The answer, where all tables can answer at once."""
        for table in self._first:
            following = _next_key(at_once(table, key))
            if not isinstance(following, str):
                return following
            key = following
        return at_once(self._last, key)

    async def find(self, key: str) -> Lookup:
        """The answer."""
        for table in self._first:
            following = _next_key(await table.find(key))
            if not isinstance(following, str):
                return following
            key = following
        return await self._last.find(key)

    def close(self) -> None:
        """Nothing is held; the members are closed by who opened them."""


def _next_key(answer: A) -> str | A | Missing:
    """The next key, or why there is none: the answer itself, or a row in which it does not stand."""
    if not isinstance(answer, Found):
        return answer
    row: Row = answer.value
    if VALUE in row:
        return write_cell(row[VALUE])
    return write_cell(next(iter(row.values()))) if len(row) == 1 else MISSING
