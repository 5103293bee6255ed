from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from vsmtp.config.models.settings import Settings
from vsmtp.config.validate import validate
from vsmtp.tables.kinds import static_elements, table_faults, traits
from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.types import Type


def declared(folder: Path, **tables: Any) -> Settings:
    settings = validate({"server": {"name": "mx.example.org"}, "tables": tables}, folder)
    assert isinstance(settings, Settings), settings
    return settings


def test_tables_that_do_not_change_give_their_keys(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# friends\n  One.example \n\n#two\nthree\n")
    settings = declared(
        tmp_path,
        l={"type": "list", "path": "list"},
        i={"type": "inline", "entries": {"a": {}, "b": {}}},
        c={"type": "cidr", "entries": ["192.0.2.0/24", "::1"]},
        s={"type": "inline", "entries": ["a"], "search": ["domain"]},
        r={"type": "regex", "entries": ["a"]},
    )
    assert static_elements(settings.tables) == {
        "l": ("One.example", "three"), "i": ("a", "b"), "c": ("192.0.2.0/24", "::1/128"),
    }  # fmt: skip


def test_a_broken_table_has_no_elements(tmp_path: Path) -> None:
    assert static_elements(declared(tmp_path, x={"type": "list", "path": "none"}).tables) == {"x": ()}


def test_rules_know_the_columns_and_what_asking_costs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,quota,home\nann,1,2\n")
    settings = declared(
        tmp_path,
        c={"type": "csv", "path": "a.csv", "columns": {"quota": "size"}, "writable": True},
        q={"type": "sqlite", "path": "x", "query": "", "columns": {"on": "bool"}},
        u={"type": "union", "tables": ["@c", "@q"]},
        n={"type": "chain", "tables": ["@r", "@c"]},
        r={"type": "regex", "entries": {"a": "b"}},
        l={"type": "list", "path": "x"},
    )
    found = traits(settings.tables)
    assert found["c"].columns == {"quota": Type.SIZE, "home": Type.TEXT}
    assert (found["c"].cost, found["c"].writable) == (Cost.MEMORY, True)
    assert (found["q"].columns, found["q"].cost) == ({"on": Type.BOOL}, Cost.LOCAL)
    assert found["u"].columns == {"quota": Type.SIZE, "home": Type.TEXT, "on": Type.BOOL}
    assert (found["u"].cost, found["u"].writable) == (Cost.LOCAL, False)
    assert (found["n"].columns, found["n"].cost) == (found["c"].columns, Cost.MEMORY)
    assert found["r"].columns == {"value": Type.TEXT}
    assert found["l"].columns == {}


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"type": "list", "path": "none"}, "path: `/none` cannot be read: No such file or directory"),
    ({"type": "csv", "path": "a.csv"}, "path: line 2 of `a.csv` is broken: 2 cells are wanted, there are 1"),
    ({"type": "cidr", "entries": ["192.0.2.1/24"]}, "entries: the entry `192.0.2.1/24` is no network"),
    ({"type": "cidr", "path": "a.csv"}, "path: line 1 of `a.csv` is no network"),
    ({"type": "regex", "entries": ["("]}, "entries: the entry `(` is no pattern: missing )"),
    ({"type": "regex", "entries": {"a": "{b}"}}, "entries: the entry `a` names a group `b`"),
    ({"type": "inline", "entries": {"a": {"b": 1}}}, "entries: the entry `a` has a column `b`"),
    ({"type": "inline", "entries": {"a": {"b": "x"}}, "columns": {"b": "size"}}, "entries: the entry `a` is"),
    ({"type": "sqlite", "path": "none"}, "path: `none`: unable to open database file"),
    ({"type": "sqlite", "path": "x.db"}, "path: `x.db`: no such table: entries"),
    ({"type": "sqlite", "path": "x.db", "query": "SELEC"}, 'query: `x.db`: near "SELEC": syntax error'),
    (
        {"type": "sqlite", "path": "x.db", "query": "SELECT 1 WHERE 1 = :k"},
        "query: `x.db`: You did not supply",
    ),
    (
        {"type": "sqlite", "path": "x.db", "query": "SELECT 1 AS a, 2 AS b"},
        "query: `x.db`: the result has no",
    ),
    ({"type": "chain", "tables": ["@two", "@one"]}, "tables: what `@two` has for the next key is not clear"),
    ({"type": "union", "tables": ["@two", "@one"]}, "tables: `@one` and `@two` disagree about the type"),
]


@pytest.mark.parametrize(("table", "said"), FAULTS)
def test_what_is_wrong_with_a_table_is_said_where_it_is_declared(
    table: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("a,b\nc\n")
    sqlite3.connect(tmp_path / "x.db").close()
    one = {"type": "inline", "entries": [], "columns": {"a": "size"}}
    two = {"type": "inline", "entries": [], "columns": {"a": "text", "b": "text"}}
    (fault,) = table_faults(declared(tmp_path, x=table, one=one, two=two).tables)
    assert fault.code == "bad-table"
    assert f"{fault.path[2]}: {fault.message}".replace(str(tmp_path), "").startswith(said)


def test_sound_tables_have_no_faults(tmp_path: Path) -> None:
    settings = declared(
        tmp_path,
        new={"type": "csv", "path": "new.csv", "writable": True},
        base={"type": "sqlite", "path": "new.db", "writable": True},
        both={"type": "union", "tables": ["@new", "@base"]},
    )
    assert table_faults(settings.tables) == ()
