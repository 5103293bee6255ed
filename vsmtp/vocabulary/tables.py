"""What rules know of tables before any is opened, and the hidden facts by which they ask them.

An administrator writes `user.quota` and `"@vips"`; what is asked is `lookup:3.quota` (a column of the row
that binding 3 finds) and `table:vips:rcpt.address` (whether that fact's value is in the table).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.types import Type

# The words of a table's `columns`. Without one a column is text.
COLUMN_TYPES: Final[Mapping[str, Type]] = {
    "text": Type.TEXT,
    "number": Type.NUMBER,
    "bool": Type.BOOL,
    "size": Type.SIZE,
    "duration": Type.DURATION,
    "secret": Type.SECRET,
}
# The column that every lookup has: whether there is a row.
FOUND: Final = "found"
_COLUMN: Final = "lookup:"
_MEMBER: Final = "table:"
_UNDER: Final = "under:"


@dataclass(frozen=True, slots=True)
class TableTraits:
    """What a table's declaration says: types by column, what asking costs, whether rules may write to it."""

    columns: Mapping[str, Type]
    cost: Cost
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row that a binding finds."""

    binding: int
    column: str


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether the value of a fact is a key of the table; of a list fact a tuple, element by element.

    `under`: whether the value's domain, or one above it, is. Missing or Unavailable where the fact itself is.
    """

    table: str
    fact: str
    under: bool = False


Hidden: TypeAlias = Column | Membership


def name_of(hidden: Hidden) -> str:
    """The name by which it is asked; no administrator can write one, for it has a colon."""
    match hidden:
        case Column(binding, column):
            return f"{_COLUMN}{binding}.{column}"
        case Membership(table, fact, under):
            return f"{_UNDER if under else _MEMBER}{table}:{fact}"


def hidden_of(name: str) -> Hidden | None:
    """What a hidden fact's name means; None for any other name."""
    for prefix in (_MEMBER, _UNDER):
        if name.startswith(prefix):
            table, _, fact = name.removeprefix(prefix).partition(":")
            return Membership(table, fact, under=prefix == _UNDER)
    if not name.startswith(_COLUMN):
        return None
    number, _, column = name.removeprefix(_COLUMN).partition(".")
    return Column(int(number), column)
