"""What every kind of table promises (`tests/tables/test_contract.py` holds each to it).

A table maps keys to rows; a table with one column calls it `value`. Keys are compared with case ignored: who
asks may spell a key as it came, and writing `Ann` after `ann` changes the same row. A key that is not in the
table is `Missing`, and a table that cannot be asked is `Unavailable`; neither raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias, runtime_checkable

from vsmtp.values.answer import Found, Missing, Unavailable
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.answers import UNASKED, Unasked

Cell: TypeAlias = str | int | float | bool | Secret
Row: TypeAlias = Mapping[str, Cell]
Lookup: TypeAlias = Found[Row] | Missing | Unavailable

# The column of a table that has one.
VALUE: Final = "value"
# The column with the secret of a login, of a table without a column of type `secret`.
PASSWORD: Final = "password"  # noqa: S105 the name of a column
_UNFIT: Final = re.compile("[\ud800-\udfff]")
# Longer keys are in no table; nobody's index has to carry what a client sent.
MAX_KEY: Final = 1024
NO_KEY: Final = Unavailable(f"the key is empty, no text, or longer than {MAX_KEY} characters")


class Table(Protocol):
    """Something that can be asked for a row."""

    async def find(self, key: str) -> Lookup:
        """The row of the key (of several, the first), within the table's own time limit."""

    def close(self) -> None:
        """Files and threads are given back; asked afterwards, the table is `Unavailable`."""


@runtime_checkable
class Instant(Table, Protocol):
    """A table that can answer without waiting, at least at times."""

    def look_up(self, key: str) -> Lookup | Unasked:
        """What `find` would say, at once; `Unasked` where that takes I/O: then `find` must be awaited."""


@runtime_checkable
class Writable(Table, Protocol):
    """A table that rules may change; what a write says is true once it returned is durable."""

    async def set(
        self, key: str, row: Row, *, if_absent: bool = False, expire: float | None = None
    ) -> bool | Unavailable:
        """The row is written and True, or, with `if_absent` and a row that is there, nothing is and False.

        Columns that the row does not name are empty afterwards. The row is gone after `expire` seconds, by
        default after the table's own `expire`; a table that cannot forget is `Unavailable` for that.
        """

    async def add(self, key: str, column: str, amount: int, expire: float | None = None) -> int | Unavailable:
        """The sum after adding `amount` to the column, in one step; absent and empty count as 0."""

    async def remove(self, key: str) -> bool | Unavailable:
        """The key is not in the table; whether it was."""


def fold(key: str) -> str:
    """The form that all spellings of a key share."""
    return key.casefold()


def is_key(key: str) -> bool:
    """Whether a table may have it: text of some length, and no octets that were none."""
    return 0 < len(key) <= MAX_KEY and (key.isascii() or _UNFIT.search(key) is None)


def at_once(table: Table, key: str) -> Lookup | Unasked:
    """What the table can say without waiting."""
    return table.look_up(key) if isinstance(table, Instant) else UNASKED
