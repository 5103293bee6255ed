"""What every kind of table promises, held for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tables.opened import READABLE, WRITABLE, Declared, opened, plant
from vsmtp.tables.contract import MAX_KEY, Instant, Row, Table, Writable
from vsmtp.values.answer import MISSING, Found, Unavailable
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.answers import UNASKED

KINDS = [name for name in READABLE if name not in ("one", "keys")]


@pytest.fixture
def readable(tmp_path: Path) -> Iterator[Declared]:
    plant(tmp_path)
    with opened(tmp_path, **READABLE) as tables:
        yield tables


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_found_however_its_key_is_spelled(kind: str, readable: Declared) -> None:
    for key in ("ann", "Ann", "ANN"):
        assert asyncio.run(readable[kind].find(key)) == Found({"value": "first"})
    assert asyncio.run(readable[kind].find("BOB")) == Found({"value": "second"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", ["", "eve", "ann ", "ann\0", "x" * (MAX_KEY + 1), "\ud800", "' OR 1=1 --"])
def test_what_is_not_there_is_missing(kind: str, key: str, readable: Declared) -> None:
    assert asyncio.run(readable[kind].find(key)) == MISSING


@pytest.mark.parametrize("kind", KINDS)
def test_an_instant_answer_is_the_answer(kind: str, readable: Declared) -> None:
    table = readable[kind]
    assert isinstance(table, Instant)
    for key in ("ann", "eve"):
        assert table.look_up(key) in (UNASKED, asyncio.run(table.find(key)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_can_be_closed_twice(kind: str, readable: Declared) -> None:
    readable[kind].close()
    readable[kind].close()


@pytest.fixture(params=WRITABLE)
def declared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Declared]:
    with opened(tmp_path, table=WRITABLE[request.param]) as tables:
        yield tables


@pytest.fixture
def table(declared: Declared) -> Writable:
    found: Table = declared["table"]
    assert isinstance(found, Writable)
    return found


ROW: Row = {"word": 'a, "b"\r\nc', "count": -3, "room": 1 << 40, "on": False, "pass": Secret("s3cret")}


def test_what_is_set_is_found(table: Writable) -> None:
    assert asyncio.run(table.set("Ann", ROW)) is True
    assert asyncio.run(table.find("aNN")) == Found(ROW)
    assert asyncio.run(table.find("bob")) == MISSING


def test_a_row_that_is_set_again_is_replaced_whole(table: Writable) -> None:
    asyncio.run(table.set("ann", ROW))
    assert asyncio.run(table.set("ANN", {"word": "new"})) is True
    assert asyncio.run(table.find("ann")) == Found({"word": "new"})


def test_a_row_that_must_be_absent_leaves_the_one_that_is_there(table: Writable) -> None:
    assert asyncio.run(table.set("ann", {"word": "a"}, if_absent=True)) is True
    assert asyncio.run(table.set("Ann", {"word": "b"}, if_absent=True)) is False
    assert asyncio.run(table.find("ann")) == Found({"word": "a"})


def test_what_is_removed_is_missing(table: Writable) -> None:
    asyncio.run(table.set("ann", ROW))
    asyncio.run(table.set("bob", {"word": "stays"}))
    assert asyncio.run(table.remove("ANN")) is True
    assert asyncio.run(table.remove("ann")) is False
    assert asyncio.run(table.find("ann")) == MISSING
    assert asyncio.run(table.find("bob")) == Found({"word": "stays"})


def test_a_counter_begins_with_nothing_and_leaves_the_rest_of_the_row(table: Writable) -> None:
    assert asyncio.run(table.add("ann", "count", 2)) == 2
    assert asyncio.run(table.add("Ann", "count", 3)) == 5
    asyncio.run(table.set("bob", {"word": "w"}))
    assert asyncio.run(table.add("bob", "count", -1)) == -1
    assert asyncio.run(table.find("bob")) == Found({"word": "w", "count": -1})


def test_counts_at_the_same_time_all_count(table: Writable) -> None:
    async def many() -> None:
        await asyncio.gather(*(table.add("ann", "count", 1) for _ in range(20)))

    asyncio.run(many())
    assert asyncio.run(table.find("ann")) == Found({"count": 20})


def test_an_empty_text_is_as_good_as_none(table: Writable) -> None:
    asyncio.run(table.set("ann", {"word": "", "count": 1}))
    assert asyncio.run(table.find("ann")) == Found({"count": 1})


@pytest.mark.parametrize("key", ["", "x" * (MAX_KEY + 1), "\ud800"])
def test_a_key_that_cannot_be_is_not_written(key: str, table: Writable) -> None:
    assert isinstance(asyncio.run(table.set(key, {})), Unavailable)
    assert isinstance(asyncio.run(table.add(key, "count", 1)), Unavailable)
    assert isinstance(asyncio.run(table.remove(key)), Unavailable)


def test_a_column_that_is_not_there_is_not_written(table: Writable) -> None:
    assert isinstance(asyncio.run(table.set("ann", {"other": 1})), Unavailable)
    assert isinstance(asyncio.run(table.add("ann", "other", 1)), Unavailable)
    assert asyncio.run(table.find("ann")) == MISSING


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    for name, declared in WRITABLE.items():
        with opened(tmp_path, **{name: declared}) as tables:
            table = tables[name]
            assert isinstance(table, Writable)
            asyncio.run(table.set("ann", ROW))
        with opened(tmp_path, **{name: declared}) as tables:
            assert asyncio.run(tables[name].find("ann")) == Found(ROW)


@pytest.mark.parametrize("kind", ["csv", "query", "searched"])
def test_a_table_that_is_not_writable_says_so(kind: str, readable: Declared) -> None:
    table = readable[kind]
    assert isinstance(table, Writable)
    assert isinstance(asyncio.run(table.set("ann", {"value": "x"})), Unavailable)
    assert isinstance(asyncio.run(table.add("ann", "value", 1)), Unavailable)
    assert isinstance(asyncio.run(table.remove("ann")), Unavailable)
    assert asyncio.run(table.find("ann")) == Found({"value": "first"})
