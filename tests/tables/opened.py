"""Tables of all kinds with the same rows, as an administrator would declare them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vsmtp.config.models.settings import Settings
from vsmtp.config.validate import validate
from vsmtp.tables.contract import Table
from vsmtp.tables.opening import Surroundings, open_tables


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Declared:
    """Tables of a tree in a directory, open."""

    def __init__(self, folder: Path, declared: Mapping[str, Any]) -> None:
        settings = validate({"server": {"name": "mx.example.org"}, "tables": declared}, folder)
        assert isinstance(settings, Settings), settings
        self.settings = settings.tables
        self.clock = Clock()
        self.complaints: list[tuple[str, str]] = []
        self._executor = ThreadPoolExecutor(1)
        around = Surroundings(self._executor, self.clock, "+", lambda *said: self.complaints.append(said))
        self.tables = open_tables(self.settings, around)

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def settle(self) -> None:
        """What was begun in the background is done."""
        self._executor.submit(int).result()

    def close(self) -> None:
        for table in self.tables.values():
            table.close()
        self._executor.shutdown()


@contextmanager
def opened(folder: Path, **declared: Mapping[str, Any]) -> Iterator[Declared]:
    tables = Declared(folder, declared)
    try:
        yield tables
    finally:
        tables.close()


def plant(folder: Path) -> None:
    """The rows `ann: first`, `bob: second` in every form that a file can have."""
    (folder / "rows.csv").write_text("name,value\nAnn,first\nbob,second\nann,shadowed\n")
    (folder / "regex").write_text("# people\n^ann$ first\n^BOB$ second\nbob third\n")
    database = sqlite3.connect(folder / "rows.db")
    with database:
        database.execute("CREATE TABLE people (name TEXT PRIMARY KEY, word TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?)", [("ann", "first"), ("bob", "second")])
    database.close()


QUERY = "SELECT word FROM people WHERE name = :key"
READABLE: Mapping[str, Mapping[str, Any]] = {
    "inline": {"type": "inline", "entries": {"Ann": "first", "bob": "second"}},
    "csv": {"type": "csv", "path": "rows.csv"},
    "regex": {"type": "regex", "path": "regex"},
    "query": {"type": "sqlite", "path": "rows.db", "query": QUERY},
    "cached": {"type": "sqlite", "path": "rows.db", "query": QUERY, "cache": "1m"},
    "searched": {"type": "csv", "path": "rows.csv", "search": ["address", "domain"]},
    "one": {"type": "inline", "entries": {"ann": "first"}},
    "union": {"type": "union", "tables": ["@one", "@query"]},
    "keys": {"type": "inline", "entries": {"ann": "ANN", "bob": "Bob", "eve": "nobody"}},
    "chain": {"type": "chain", "tables": ["@keys", "@csv"]},
}
WRITABLE: Mapping[str, Mapping[str, Any]] = {
    "csv": {
        "type": "csv", "path": "new.csv", "writable": True,
        "columns": {"word": "text", "count": "number", "room": "size", "on": "bool", "pass": "secret"},
    },
    "sqlite": {
        "type": "sqlite", "path": "new.db", "writable": True,
        "columns": {"word": "text", "count": "number", "room": "size", "on": "bool", "pass": "secret"},
    },
    "searched": {
        "type": "sqlite", "path": "searched.db", "writable": True, "search": ["untagged"],
        "columns": {"word": "text", "count": "number", "room": "size", "on": "bool", "pass": "secret"},
    },
}  # fmt: skip
