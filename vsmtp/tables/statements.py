"""What an sqlite table says to its database: values are bound, names come from the tree and are quoted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vsmtp.config.models.tables import ColumnType, Sqlite
from vsmtp.tables.cells import ONE_COLUMN


@dataclass(frozen=True, slots=True)
class Statements:
    """The SQL of one table. Parameters: `:key`, `:now`, `:expires`, and `:c_<column>` for each column."""

    select: str
    create: tuple[str, ...]
    upsert: str
    insert: str
    delete: str
    purge: str
    table: str
    key: str
    columns: tuple[str, ...]

    def add(self, column: str) -> str:
        """Add `:amount` to a column; a row that has expired begins anew."""
        table, one = quoted(self.table), quoted(column)
        others = [quoted(name) for name in self.columns if name != column]
        fresh = f"CASE WHEN {table}.expires <= :now THEN"
        sets = [f"{one} = {fresh} :amount ELSE coalesce({table}.{one}, 0) + :amount END"]
        sets += [f"{other} = {fresh} NULL ELSE {table}.{other} END" for other in others]
        return (
            f"INSERT INTO {table} ({quoted(self.key)}, {one}, expires) VALUES (:key, :amount, :expires)"  # noqa: S608
            f" ON CONFLICT ({quoted(self.key)}) DO UPDATE SET {', '.join(sets)}, expires = :expires"
            f" RETURNING {one}"
        )


def columns_of(settings: Sqlite) -> Mapping[str, ColumnType]:
    """The columns of a row, in order."""
    return settings.columns or ONE_COLUMN


def statements_of(settings: Sqlite) -> Statements:
    """The SQL that the settings ask for. A writable table has a column `expires` of its own."""
    table, key, names = quoted(settings.table), quoted(settings.key), tuple(columns_of(settings))
    columns = [quoted(name) for name in names]
    row = ", ".join((key, *columns, "expires"))
    values = ", ".join((":key", *(f":c_{name}" for name in names), ":expires"))
    sets = ", ".join(f"{column} = excluded.{column}" for column in (*columns, "expires"))
    insert = f"INSERT INTO {table} ({row}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {sets}"  # noqa: S608
    alive = " AND (expires IS NULL OR expires > :now)" if settings.writable else ""
    select = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = :key{alive} LIMIT 1"  # noqa: S608
    index = quoted(f"{settings.table}_expires")
    return Statements(
        select=settings.query or select,
        create=(
            f"CREATE TABLE IF NOT EXISTS {table} ({row.replace(key, f'{key} TEXT PRIMARY KEY', 1)})",
            f"CREATE INDEX IF NOT EXISTS {index} ON {table} (expires) WHERE expires IS NOT NULL",
        ),
        upsert=insert,
        insert=f"{insert} WHERE {table}.expires <= :now",
        delete=f"DELETE FROM {table} WHERE {key} = :key{alive}",  # noqa: S608
        purge=f"DELETE FROM {table} WHERE expires <= :now",  # noqa: S608
        table=settings.table,
        key=settings.key,
        columns=names,
    )


def quoted(name: str) -> str:
    """The name as SQL takes it; the models have let only letters, digits and `_` pass."""
    return f'"{name}"'
