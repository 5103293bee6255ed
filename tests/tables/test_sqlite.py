from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.tables.opened import Declared, opened
from vsmtp.config.models.tables import Sqlite
from vsmtp.tables.cells import ContentError
from vsmtp.tables.contract import Writable
from vsmtp.tables.sqlite import check_database
from vsmtp.values.answer import MISSING, Found, Unavailable

GREYLIST = {
    "type": "sqlite", "path": "grey.db", "writable": True, "expire": "1h",
    "columns": {"count": "number", "who": "text"},
}  # fmt: skip
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n WHERE :key != ''"


def grey(tables: Declared) -> Writable:
    table = tables["grey"]
    assert isinstance(table, Writable)
    return table


def test_a_row_is_forgotten_when_its_time_has_passed(tmp_path: Path) -> None:
    with opened(tmp_path, grey=GREYLIST) as tables:
        asyncio.run(grey(tables).set("a", {"count": 1}))
        asyncio.run(grey(tables).set("b", {"count": 1}, expire=7200.0))
        tables.clock.now += 3601
        assert asyncio.run(grey(tables).find("a")) == MISSING
        assert asyncio.run(grey(tables).find("b")) == Found({"count": 1})
        assert asyncio.run(grey(tables).remove("a")) is False


def test_a_forgotten_row_is_absent_for_who_wants_to_be_first(tmp_path: Path) -> None:
    with opened(tmp_path, grey=GREYLIST) as tables:
        assert asyncio.run(grey(tables).set("a", {"count": 1}, if_absent=True)) is True
        assert asyncio.run(grey(tables).set("a", {"count": 2}, if_absent=True)) is False
        tables.clock.now += 3601
        assert asyncio.run(grey(tables).set("a", {"count": 3}, if_absent=True)) is True
        assert asyncio.run(grey(tables).find("a")) == Found({"count": 3})


def test_a_counter_whose_time_has_passed_begins_anew(tmp_path: Path) -> None:
    with opened(tmp_path, grey=GREYLIST) as tables:
        asyncio.run(grey(tables).set("a", {"count": 5, "who": "ann"}))
        tables.clock.now += 3601
        assert asyncio.run(grey(tables).add("a", "count", 2)) == 2
        assert asyncio.run(grey(tables).find("a")) == Found({"count": 2})


def test_what_is_forgotten_leaves_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path, grey=GREYLIST) as tables:
        for n in range(5):
            asyncio.run(grey(tables).set(f"a{n}", {"count": 1}))
        tables.clock.now += 3601
        asyncio.run(grey(tables).set("b", {"count": 1}))
    database = sqlite3.connect(tmp_path / "grey.db")
    assert database.execute('SELECT "key" FROM entries').fetchall() == [("b",)]
    database.close()


def test_a_question_that_takes_too_long_is_unavailable_and_the_next_is_answered(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    query = f"SELECT CASE WHEN :key = 'slow' THEN ({SLOW}) ELSE 'quick' END"
    declared = {"type": "sqlite", "path": "x.db", "query": query, "timeout": "100ms"}
    with opened(tmp_path, x=declared) as tables:
        slow = asyncio.run(tables["x"].find("slow"))
        assert slow == Unavailable("`x.db` did not answer in time")
        assert asyncio.run(tables["x"].find("other")) == Found({"value": "quick"})


def test_a_database_that_another_one_holds_is_unavailable(tmp_path: Path) -> None:
    with opened(tmp_path, grey=GREYLIST | {"timeout": "100ms"}) as tables:
        asyncio.run(grey(tables).set("a", {"count": 1}))
        other = sqlite3.connect(tmp_path / "grey.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert isinstance(asyncio.run(grey(tables).set("b", {"count": 1})), Unavailable)
        assert asyncio.run(grey(tables).find("a")) == Found({"count": 1})
        other.close()
        assert asyncio.run(grey(tables).set("b", {"count": 1})) is True


def test_a_database_that_is_no_more_one_is_unavailable_and_back_when_it_is_back(tmp_path: Path) -> None:
    declared = {"type": "sqlite", "path": "x.db", "query": "SELECT :key AS value"}
    with opened(tmp_path, x=declared) as tables:
        assert isinstance(asyncio.run(tables["x"].find("a")), Unavailable)
        sqlite3.connect(tmp_path / "x.db").close()
        assert asyncio.run(tables["x"].find("a")) == Found({"value": "a"})


def test_a_closed_table_is_unavailable(tmp_path: Path) -> None:
    with opened(tmp_path, grey=GREYLIST) as tables:
        tables["grey"].close()
        assert asyncio.run(tables["grey"].find("a")) == Unavailable("the table is closed")


def test_a_query_cannot_write(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "x.db")
    database.execute("CREATE TABLE t (a)")
    database.close()
    declared = {"type": "sqlite", "path": "x.db", "query": "INSERT INTO t VALUES (:key) RETURNING a AS value"}
    with opened(tmp_path, x=declared) as tables:
        answer = asyncio.run(tables["x"].find("a"))
        assert isinstance(answer, Unavailable)
        assert "readonly" in answer.reason


def test_a_cell_that_its_type_cannot_read_is_unavailable(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    declared = {"type": "sqlite", "path": "x.db", "query": "SELECT 'much' AS q", "columns": {"q": "size"}}
    with opened(tmp_path, x=declared) as tables:
        assert isinstance(asyncio.run(tables["x"].find("a")), Unavailable)


def test_an_answer_is_remembered_as_long_as_the_tree_says(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    database.execute("CREATE TABLE entries (key, value)")
    with opened(tmp_path, x={"type": "sqlite", "path": "x.db", "cache": "1m"}) as tables:
        assert asyncio.run(tables["x"].find("a")) == MISSING
        database.execute("INSERT INTO entries VALUES ('a', 'b')")
        tables.clock.now += 59
        assert asyncio.run(tables["x"].find("A")) == MISSING
        tables.clock.now += 2
        assert asyncio.run(tables["x"].find("a")) == Found({"value": "b"})
        database.close()


def test_a_second_table_of_a_database_need_not_be_there_to_be_sound(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "grey.db")) as database, database:
        database.execute("CREATE TABLE another (a)")
    settings = Sqlite.model_construct(type="sqlite", path=tmp_path / "grey.db", writable=True)
    check_database(settings)
    with pytest.raises(ContentError):
        check_database(settings.model_copy(update={"writable": False}))
