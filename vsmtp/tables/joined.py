"""Tables made of tables: `union` and `chain`."""

from __future__ import annotations

from collections.abc import Sequence

from vsmtp.tables.cells import write_cell
from vsmtp.tables.contract import VALUE, Instant, Lookup, Row, Table
from vsmtp.values.answer import MISSING, Found, Missing
from vsmtp.vocabulary.answers import UNASKED, Unasked


class UnionTable:
    """The answer of the first table that has the key; one that is unavailable may have had it."""

    __slots__ = ("_tables",)

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tuple(tables)

    def look_up(self, key: str) -> Lookup | Unasked:
        """The answer, where all tables that must be asked can answer at once."""
        for table in self._tables:
            answer = table.look_up(key) if isinstance(table, Instant) else UNASKED
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

    __slots__ = ("_tables",)

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tuple(tables)

    def look_up(self, key: str) -> Lookup | Unasked:
        """The answer, where all tables can answer at once."""
        answer: Lookup | Unasked = MISSING
        for n, table in enumerate(self._tables):
            answer = table.look_up(key) if isinstance(table, Instant) else UNASKED
            if not isinstance(answer, Found):
                return answer
            if n < len(self._tables) - 1:
                following = _next_key(answer.value)
                if isinstance(following, Missing):
                    return MISSING
                key = following
        return answer

    async def find(self, key: str) -> Lookup:
        """The answer."""
        answer: Lookup = MISSING
        for n, table in enumerate(self._tables):
            answer = await table.find(key)
            if not isinstance(answer, Found):
                return answer
            if n < len(self._tables) - 1:
                following = _next_key(answer.value)
                if isinstance(following, Missing):
                    return MISSING
                key = following
        return answer

    def close(self) -> None:
        """Nothing is held; the members are closed by who opened them."""


def _next_key(row: Row) -> str | Missing:
    if VALUE in row:
        return write_cell(row[VALUE])
    return write_cell(next(iter(row.values()))) if len(row) == 1 else MISSING
