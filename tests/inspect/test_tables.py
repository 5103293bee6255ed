from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.tables.opened import WRITABLE, opened
from vsmtp.config.models.tables import Inline
from vsmtp.inspect.tables import Down, Draft, drafts
from vsmtp.tables.contract import Instant, Row, Table, Writable
from vsmtp.values.answer import MISSING, Found, Unavailable
from vsmtp.vocabulary.answers import UNASKED

ROWS = {"ann": {"value": "first"}}


class Slow:
    """A table that takes its time."""

    async def find(self, key: str) -> Found[Row]:
        return Found({"value": key})

    def close(self) -> None:
        pass


def test_a_draft_and_a_table_that_is_down_are_instant_and_writable() -> None:
    for table in (Draft(None, ROWS), Down()):
        assert isinstance(table, Instant)
        assert isinstance(table, Writable)


def test_supposed_rows_are_all_there_is() -> None:
    table = Draft(None, ROWS)
    assert table.look_up("Ann") == asyncio.run(table.find("ANN")) == Found({"value": "first"})
    assert table.look_up("bob") == asyncio.run(table.find("bob")) == MISSING


def test_a_draft_says_what_the_table_below_says() -> None:
    table = Draft(Slow(), {})
    assert table.look_up("x") is UNASKED
    assert asyncio.run(table.find("x")) == Found({"value": "x"})
    assert Draft(Draft(None, ROWS), {}).look_up("ann") == Found({"value": "first"})


def test_what_is_set_is_found_and_may_be_kept_from_being_set_again() -> None:
    table = Draft(None, ROWS)
    assert asyncio.run(table.set("Bob", {"n": 1})) is True
    assert table.look_up("bob") == Found({"n": 1})
    assert asyncio.run(table.set("BOB", {"n": 2}, if_absent=True)) is False
    assert table.look_up("bob") == Found({"n": 1})


def test_amounts_add_up_from_nothing_and_keep_the_rest_of_the_row() -> None:
    table = Draft(None, {"ann": {"n": 2, "word": "x"}})
    assert asyncio.run(table.add("ann", "n", 3)) == 5
    assert asyncio.run(table.add("bob", "n", 1)) == 1
    assert table.look_up("ann") == Found({"n": 5, "word": "x"})


def test_what_is_removed_is_missing_whatever_the_table_below_says() -> None:
    table = Draft(Draft(None, ROWS), {})
    assert asyncio.run(table.remove("Ann")) is True
    assert table.look_up("ann") == MISSING
    assert asyncio.run(table.remove("ann")) is False


def test_a_table_that_is_down_does_nothing() -> None:
    table = Down()
    for answer in (table.find("a"), table.set("a", {}), table.add("a", "n", 1), table.remove("a")):
        assert isinstance(asyncio.run(answer), Unavailable)


def test_drafts_over_a_table_that_is_down_stay_down() -> None:
    table = Draft(Down(), {})
    assert isinstance(asyncio.run(table.add("a", "n", 1)), Unavailable)
    assert isinstance(asyncio.run(table.remove("a")), Unavailable)
    assert isinstance(asyncio.run(table.set("a", {}, if_absent=True)), Unavailable)


@pytest.mark.parametrize("kind", WRITABLE)
def test_nothing_that_a_rehearsal_writes_reaches_the_table(kind: str, tmp_path: Path) -> None:
    with opened(tmp_path, table=WRITABLE[kind]) as tables:
        below = tables["table"]
        draft: Table = drafts({}, {"table": below}, {}, "+")["table"]
        assert isinstance(draft, Writable)
        asyncio.run(draft.set("ann", {"word": "x"}))
        assert asyncio.run(draft.find("ann")) == Found({"word": "x"})
        assert asyncio.run(below.find("ann")) == MISSING


def test_supposed_tables_stand_in_place_of_the_trees() -> None:
    settings = Inline.model_construct(type="inline", entries=())
    opened: dict[str, Table] = {"a": Draft(None, ROWS), "b": Slow()}
    tables = drafts({"a": settings, "b": settings}, opened, {"a": {}, "b": None}, "+")
    assert asyncio.run(tables["a"].find("ann")) == MISSING
    assert isinstance(asyncio.run(tables["b"].find("ann")), Unavailable)
