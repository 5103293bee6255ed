"""A rule's effects on tables, as what is to be written; who drives the stage awaits it before going on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.rules.effects import Assigned, TableAdd, TableEffect, TableRemove, TableSet
from vsmtp.rules.template import Template, render_text
from vsmtp.vocabulary.answers import Facts

Cell: TypeAlias = str | bool | int | float


@dataclass(frozen=True, slots=True)
class RowSet:
    """Write the row; with `if_absent` only where there is none. `expire`: seconds, or the table's own."""

    table: str
    key: str
    row: Mapping[str, Cell]
    if_absent: bool
    expire: float | None


@dataclass(frozen=True, slots=True)
class ColumnAdded:
    """Add to a column of the key's row, in one step."""

    table: str
    key: str
    column: str
    amount: int
    expire: float | None


@dataclass(frozen=True, slots=True)
class RowRemoved:
    """Take the key's row away."""

    table: str
    key: str


TableWrite: TypeAlias = RowSet | ColumnAdded | RowRemoved


def as_write(effect: TableEffect, facts: Facts) -> TableWrite:
    """The write that the effect asks for, its texts filled in through the facts of its `Fired`."""
    key = render_text(effect.key, facts)
    match effect:
        case TableSet(table, _, row, if_absent, expire):
            return RowSet(table, key, _row(row, facts), if_absent, expire)
        case TableAdd(table, _, column, amount, expire):
            return ColumnAdded(table, key, column, amount, expire)
        case TableRemove(table):
            return RowRemoved(table, key)


def _row(row: Iterable[tuple[str, Assigned]], facts: Facts) -> Mapping[str, Cell]:
    return {name: render_text(value, facts) if isinstance(value, Template) else value for name, value in row}
