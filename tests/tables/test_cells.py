from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.config.models.tables import ColumnType
from vsmtp.tables.cells import read_cell, write_cell
from vsmtp.tables.contract import Cell
from vsmtp.values.secret import Secret


@pytest.mark.parametrize(
    ("kind", "written", "cell"),
    [
        ("text", "a", "a"), ("text", 5, "5"), ("text", True, "true"), ("text", b"a", "a"),
        ("secret", "a", Secret("a")), ("number", "-12", -12), ("number", "1.5", 1.5), ("number", " 7 ", 7),
        ("size", "1 KiB", 1024), ("size", 7, 7), ("duration", "5m", 300.0), ("duration", "90", 90.0),
        ("duration", 1.5, 1.5), ("bool", "Yes", True), ("bool", "off", False), ("bool", 1, True),
        ("text", "", None), ("size", None, None),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_its_column_wants(kind: ColumnType, written: object, cell: Cell | None) -> None:
    read = read_cell(kind, written)
    assert read == cell
    assert type(read) is type(cell)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("number", "x"), ("number", "nan"), ("number", "1e999"), ("number", "--1"), ("size", "-1"),
        ("size", -1),
        ("duration", "-5m"), ("duration", "1e300"), ("bool", "maybe"), ("bool", 2), ("text", b"\xff"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_a_reason(kind: ColumnType, written: object) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        read_cell(kind, written)


@given(
    st.tuples(
        st.just("number"), st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    )
    | st.tuples(st.just("size"), st.integers(0, 1 << 50))
    | st.tuples(st.just("duration"), st.floats(0, 1e8))
    | st.tuples(st.just("bool"), st.booleans())
    | st.tuples(st.sampled_from(["text", "secret"]), st.text(min_size=1))
)
def test_what_is_written_is_read(typed: tuple[ColumnType, bool | float | str]) -> None:
    kind, value = typed
    cell = Secret(str(value)) if kind == "secret" else value
    assert read_cell(kind, write_cell(cell)) == cell
