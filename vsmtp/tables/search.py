"""What stands before a table: trying the forms of an address in turn, and remembering answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vsmtp.config.models.tables import SearchForm
from vsmtp.tables.contract import Lookup, Row, Table, Writable, at_once, fold
from vsmtp.values.answer import MISSING, Missing, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Unasked

MAX_REMEMBERED: Final = 10_000
_READ_ONLY: Final = Unavailable("this table is not `writable`")


def forms_of(key: str, search: Sequence[SearchForm], delimiter: str) -> Iterator[str]:
    """The keys to look for, none twice: of an address its forms in the order given, of all else itself."""
    local, at, domain = key.rpartition("@")
    if not search or not at:
        yield key
        return
    untagged = local.partition(delimiter)[0] if delimiter else local
    forms = {"address": key, "untagged": f"{untagged or local}@{domain}", "domain": domain}
    yield from dict.fromkeys(forms[form] for form in search)


class Searched:
    """A table that is asked for several forms of an address; the first that it has counts."""

    __slots__ = ("_delimiter", "_search", "_table")

    def __init__(self, table: Table, search: Sequence[SearchForm], delimiter: str) -> None:
        self._table = table
        self._search = tuple(search)
        self._delimiter = delimiter

    def look_up(self, key: str) -> Lookup | Unasked:
        """The answer, where the table can give it at once."""
        for form in forms_of(key, self._search, self._delimiter):
            answer = at_once(self._table, form)
            if not isinstance(answer, Missing):
                return answer
        return MISSING

    async def find(self, key: str) -> Lookup:
        """The answer."""
        for form in forms_of(key, self._search, self._delimiter):
            answer = await self._table.find(form)
            if not isinstance(answer, Missing):
                return answer
        return MISSING

    async def set(
        self, key: str, row: Row, *, if_absent: bool = False, expire: float | None = None
    ) -> bool | Unavailable:
        """The row of the key as it is, in no other form."""
        table = self._table
        if not isinstance(table, Writable):
            return _READ_ONLY
        return await table.set(key, row, if_absent=if_absent, expire=expire)

    async def add(self, key: str, column: str, amount: int, expire: float | None = None) -> int | Unavailable:
        """The sum in the row of the key as it is, in no other form."""
        table = self._table
        return await table.add(key, column, amount, expire) if isinstance(table, Writable) else _READ_ONLY

    async def remove(self, key: str) -> bool | Unavailable:
        """The key as it is, in no other form, is not in the table."""
        table = self._table
        return await table.remove(key) if isinstance(table, Writable) else _READ_ONLY

    def close(self) -> None:
        """The table is closed."""
        self._table.close()


class Cached:
    """A table whose answers are remembered for `lifetime` seconds; that it was unavailable never is."""

    __slots__ = ("_clock", "_lifetime", "_remembered", "_table")

    def __init__(self, table: Table, lifetime: float, clock: Callable[[], float]) -> None:
        self._table = table
        self._lifetime = lifetime
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[float, Lookup]] = OrderedDict()

    def look_up(self, key: str) -> Lookup | Unasked:
        """What is remembered."""
        known = self._remembered.get(fold(key))
        if known is not None and 0 <= self._clock() - known[0] < self._lifetime:
            return known[1]
        return UNASKED

    async def find(self, key: str) -> Lookup:
        """What is remembered, else what the table says now."""
        known = self.look_up(key)
        if not isinstance(known, Unasked):
            return known
        answer = await self._table.find(key)
        if not isinstance(answer, Unavailable):
            self._remembered[fold(key)] = (self._clock(), answer)
            self._remembered.move_to_end(fold(key))
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return answer

    def close(self) -> None:
        """The table is closed."""
        self._table.close()
