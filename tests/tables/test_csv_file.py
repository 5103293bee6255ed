from __future__ import annotations

import asyncio
import fcntl
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tables.opened import Declared, opened
from vsmtp.config.models.tables import Csv
from vsmtp.tables import rewriting
from vsmtp.tables.cells import ContentError
from vsmtp.tables.contract import Instant, Row, Writable
from vsmtp.tables.sheet import Layout, parse_sheet, sheet_of, sheet_text
from vsmtp.values.answer import MISSING, Found, Unavailable
from vsmtp.values.secret import Secret

USERS = {"type": "csv", "path": "users.csv", "columns": {"password": "secret", "quota": "size"}}


def put(folder: Path, text: str) -> None:
    new = folder / "new"
    new.write_text(text)
    new.replace(folder / "users.csv")


def later(tables: Declared, seconds: float = 1.5) -> None:
    tables.clock.now += seconds


def test_cells_have_the_types_of_their_columns(tmp_path: Path) -> None:
    put(tmp_path, "name,password,quota,note\nann,s3cret,1 GiB,hello\nbob,,,\n")
    with opened(tmp_path, users=USERS) as tables:
        row = {"password": Secret("s3cret"), "quota": 1 << 30, "note": "hello"}
        assert asyncio.run(tables["users"].find("ann")) == Found(row)
        assert asyncio.run(tables["users"].find("bob")) == Found({})


def test_columns_can_be_named_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("x:ann:/home/ann\n")
    declared = {
        "type": "csv",
        "path": "passwd",
        "delimiter": ":",
        "header": ["a", "user", "home"],
        "key": "user",
    }
    with opened(tmp_path, users=declared) as tables:
        assert asyncio.run(tables["users"].find("ann")) == Found({"a": "x", "home": "/home/ann"})


BROKEN = [
    ("name,quota\nann,1 GiB\nbob,lots\n", "line 3 of `users.csv` is broken: column `quota`: `lots` is not"),
    ('name,quota\n"a\nnn",1\nbob\n', "line 4 of `users.csv` is broken: 2 cells are wanted, there are 1"),
    ('name,quota\nann,1\n"bob,1\n', "line 3 of `users.csv` is broken: unexpected end of data"),
    ('name,quota\nann,"1"x\n', "line 2 of `users.csv` is broken: ',' expected"),
    ("name,quota\n,1\n", "line 2 of `users.csv` is broken: the key is empty"),
    ("name,name,quota\n", "line 1 of `users.csv` is broken: two columns have the same name"),
    ("name,quote\n", "line 1 of `users.csv` is broken: there is no column `quota`"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_broken_line_is_named_by_its_number(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ContentError) as caught:
        parse_sheet(text, Csv(type="csv", path=str(tmp_path / "users.csv"), columns={"quota": "size"}))  # type: ignore[arg-type]
    assert str(caught.value).startswith(said)


def test_a_file_that_changes_is_read_again_within_a_second(tmp_path: Path) -> None:
    put(tmp_path, "name,value\nann,old\n")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv"}) as tables:
        put(tmp_path, "name,value\nann,new\n")
        assert asyncio.run(tables["users"].find("ann")) == Found({"value": "old"})
        later(tables)
        assert asyncio.run(tables["users"].find("ann")) == Found({"value": "new"})


def test_who_cannot_wait_gets_the_last_rows_and_has_the_file_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "name,value\nann,old\n")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv"}) as tables:
        users = tables["users"]
        assert isinstance(users, Instant)
        put(tmp_path, "name,value\nann,new\n")
        later(tables)
        assert users.look_up("ann") in (Found({"value": "old"}), Found({"value": "new"}))
        tables.settle()
        assert users.look_up("ann") == Found({"value": "new"})


def test_a_file_that_breaks_keeps_its_last_good_rows_and_is_complained_of_once(tmp_path: Path) -> None:
    put(tmp_path, "name,value\nann,old\n")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv"}) as tables:
        put(tmp_path, "name,value\nann\n")
        for _ in range(3):
            later(tables)
            assert asyncio.run(tables["users"].find("ann")) == Found({"value": "old"})
        assert tables.complaints == [
            ("users", "line 2 of `users.csv` is broken: 2 cells are wanted, there are 1"),
        ]
        put(tmp_path, "name,value\nann,mended\n")
        later(tables)
        assert asyncio.run(tables["users"].find("ann")) == Found({"value": "mended"})


def test_a_file_that_goes_keeps_its_last_rows(tmp_path: Path) -> None:
    put(tmp_path, "name,value\nann,old\n")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv"}) as tables:
        (tmp_path / "users.csv").unlink()
        later(tables)
        assert asyncio.run(tables["users"].find("ann")) == Found({"value": "old"})
        assert "No such file" in tables.complaints[0][1]


def test_a_file_that_never_was_is_unavailable_until_it_comes(tmp_path: Path) -> None:
    with opened(tmp_path, users={"type": "csv", "path": "users.csv"}) as tables:
        assert isinstance(asyncio.run(tables["users"].find("ann")), Unavailable)
        put(tmp_path, "name,value\nann,new\n")
        later(tables)
        assert asyncio.run(tables["users"].find("ann")) == Found({"value": "new"})


def writable(tables: Declared) -> Writable:
    table = tables["users"]
    assert isinstance(table, Writable)
    return table


def test_writing_keeps_what_others_wrote_and_the_file_s_mode(tmp_path: Path) -> None:
    put(tmp_path, "name,value\nann,old\n\nBob,old\nann,shadowed\n")
    (tmp_path / "users.csv").chmod(0o640)
    with opened(tmp_path, users={"type": "csv", "path": "users.csv", "writable": True}) as tables:
        put(tmp_path, "name,value\nann,old\nBob,old\nann,shadowed\neve,theirs\n")
        (tmp_path / "users.csv").chmod(0o640)
        assert asyncio.run(writable(tables).set("ANN", {"value": "new"})) is True
        assert (tmp_path / "users.csv").read_text() == "name,value\nann,new\nBob,old\neve,theirs\n"
        assert (tmp_path / "users.csv").stat().st_mode & 0o777 == 0o640
        assert sorted(each.name for each in tmp_path.iterdir()) == [".users.csv.lock", "users.csv"]


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    put(tmp_path, "name,value\nann\n")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv", "writable": True}) as tables:
        assert isinstance(asyncio.run(writable(tables).set("bob", {"value": "x"})), Unavailable)
        assert (tmp_path / "users.csv").read_text() == "name,value\nann\n"


def test_who_holds_the_lock_for_ever_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "LOCK_WAIT", 0.05)
    put(tmp_path, "name,value\n")
    with (
        opened(tmp_path, users={"type": "csv", "path": "users.csv", "writable": True}) as tables,
        (tmp_path / ".users.csv.lock").open("w") as other,
    ):
        fcntl.flock(other, fcntl.LOCK_EX)
        assert isinstance(asyncio.run(writable(tables).set("ann", {"value": "x"})), Unavailable)
        fcntl.flock(other, fcntl.LOCK_UN)
        assert asyncio.run(writable(tables).set("ann", {"value": "x"})) is True


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    put(tmp_path, "name,value\n")
    (tmp_path / "real").mkdir()
    (tmp_path / "users.csv").rename(tmp_path / "real" / "users.csv")
    (tmp_path / "users.csv").symlink_to("real/users.csv")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv", "writable": True}) as tables:
        assert asyncio.run(writable(tables).set("ann", {"value": "x"})) is True
    assert (tmp_path / "users.csv").is_symlink()
    assert (tmp_path / "real" / "users.csv").read_text() == "name,value\nann,x\n"


def test_a_row_that_should_expire_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "name,value\n")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv", "writable": True}) as tables:
        assert isinstance(asyncio.run(writable(tables).set("ann", {"value": "x"}, expire=1.0)), Unavailable)
        assert asyncio.run(tables["users"].find("ann")) == MISSING


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(',;"\r\n \t\0', max_size=4)


@given(
    st.lists(st.tuples(CELLS.filter(bool), CELLS, CELLS), max_size=5),
    st.sampled_from([",", ";", "\t", " ", "|", ":"]),
    st.booleans(),
)
def test_what_is_written_is_read(records: list[tuple[str, str, str]], delimiter: str, headed: bool) -> None:  # noqa: FBT001 hypothesis gives it
    header = ("name", "one", "two")
    declared = Csv.model_validate(
        {"type": "csv", "path": "x", "delimiter": delimiter, **({} if headed else {"header": list(header)})}
    )
    sheet = sheet_of(Layout(header, 0, ("text", "text", "text")), records)
    again = parse_sheet(sheet_text(sheet, declared), declared)
    assert again.records == records
    assert again.index == sheet.index


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.dictionaries(CELLS.filter(bool), CELLS, max_size=4))
def test_any_text_goes_in_and_comes_out(tmp_path: Path, rows: dict[str, str]) -> None:
    put(tmp_path, "name,value\n")
    with opened(tmp_path, users={"type": "csv", "path": "users.csv", "writable": True}) as tables:
        wanted: dict[str, Row] = {}
        for key, value in rows.items():
            assert asyncio.run(writable(tables).set(key, {"value": value})) is True
            wanted[key.casefold()] = {"value": value} if value else {}
        for key, row in wanted.items():
            assert asyncio.run(tables["users"].find(key)) == Found(row)
