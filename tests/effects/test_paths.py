from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.bench import LiteralFacts
from vsmtp.effects.paths import MAX_NAME, encode, render_path
from vsmtp.effects.unfit import Unfit
from vsmtp.rules.template import Slot, Template, parse_template


def path(text: str, value: str = "") -> str | Unfit:
    return render_path(parse_template(text), LiteralFacts({"helo.name": value}))


@pytest.mark.parametrize(("value", "name"), [
    ("mail.example", "mail.example"), ("../../etc", "%2E.%2F..%2Fetc"), ("..", "%2E."), (".", "%2E"),
    ("a\0b", "a b"), ("100%", "100%25"), ("a\\b", "a%5Cb"), ("ä", "ä"),
])  # fmt: skip
def test_a_value_stays_in_its_name(value: str, name: str) -> None:
    assert path("d/{helo.name}", value) == f"d/{name}"


@pytest.mark.parametrize("text", ["{helo.name}", "a/{helo.name}", "a/../b", "a/.", "", "/"])
def test_a_path_that_names_nothing_is_unfit(text: str) -> None:
    assert isinstance(path(text), Unfit)


def test_a_row_of_a_table_may_begin_a_path() -> None:
    template = Template((Slot("lookup:0.home"), "/Maildir/", Slot("helo.name")))
    facts = {"lookup:0.home": "/home/ann", "helo.name": "a/b"}
    assert render_path(template, LiteralFacts(facts)) == "/home/ann/Maildir/a%2Fb"
    assert isinstance(render_path(template, LiteralFacts({**facts, "lookup:0.home": "/home/.."})), Unfit)
    assert isinstance(render_path(template, LiteralFacts({**facts, "lookup:0.home": "home"})), Unfit)
    assert isinstance(render_path(template, LiteralFacts({"helo.name": "x"})), Unfit)


def test_long_names_are_cut_and_stay_apart() -> None:
    one, other = path("{helo.name}", "ä" * 500), path("{helo.name}", "ä" * 501)
    assert isinstance(one, str)
    assert len(one.encode()) <= MAX_NAME
    assert one != other


def test_a_path_that_is_too_long_is_unfit() -> None:
    assert isinstance(path("abc/" * 1000 + "x"), Unfit)


@given(st.text())
def test_no_value_leaves_its_name(value: str) -> None:
    found = path("top/x{helo.name}", value)
    assert isinstance(found, str)
    assert found.count("/") == 1
    assert "\0" not in found
    assert found.split("/")[1] not in {".", ".."}


@given(st.text("ab/%.\\"), st.text("ab/%.\\"))
def test_different_values_have_different_names(one: str, other: str) -> None:
    assert (encode(one) == encode(other)) == (one == other)
