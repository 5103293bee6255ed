from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.message.mime.budget import LIMITS, Budget, Limits
from vsmtp.message.mime.parameters import Parsed, parse


def read(value: str) -> Parsed:
    return parse(value, Budget(LIMITS))


@pytest.mark.parametrize(("value", "main"), [
    ("text/plain", "text/plain"), ("TEXT / Plain ; a=b", "text/plain"), ("(c (d)) text/html (e)",
    "text/html"),
    ("attachment; filename=x", "attachment"), ("filename=x", ""), ("", ""), ("; a=b", ""),
    ("(never closed", ""),
])  # fmt: skip
def test_the_main_word_is_read(value: str, main: str) -> None:
    assert read(value).main == main


@pytest.mark.parametrize(("parameters", "readings"), [
    ("name=a.txt", ("a.txt",)),
    ('NAME = "a b; c.txt" ', ("a b; c.txt",)),
    ("name=a b (1).txt; x=y", ("a b (1).txt",)),
    ("(c) name (d) = a", ("a",)),
    ("((c;)) name=a", ("a",)),
    ('name="a \\"b\\\\"', ('a "b\\',)),
    ('name="C:\\a\\b.exe"', ("C:ab.exe", "C:\\a\\b.exe")),
    ('name="never closed', ("never closed",)),
    ('name="a"x=y', ("a", "ax=y")),
    ('name="a" name="b"', ("a", "b")),
    ("name=a; name=b; name=a", ("a", "b")),
    ('name="=?utf-8?q?=C3=BC?= =?utf-8?q?x?="', ("üx",)),
    ("name*=utf-8'de'%C3%BC", ("ü",)),
    ("name*=nonsense''%C3%BC", ("ü",)),
    ("name*=%C3%BC", ("ü",)),
    ("name*=iso-8859-1''%FC; name=u", ("ü", "u")),
    ("name*0*=utf-8''%C3; name*1*=%BC; name*2=.txt", ("ü.txt",)),
    ("name*1=b; name*0=a", ("ab",)),
    ("name*0=a; name*2=c", ("ac",)),
    ("name*0=a; name*0=b; name*1=c", ("ac", "bc")),
    ("name=", ()), ("name", ()), ("names=a", ()), ("name*x=a", ()), ("=a", ()), ('"name"=a', ()),
])  # fmt: skip
def test_a_parameter_has_all_its_readings(parameters: str, readings: tuple[str, ...]) -> None:
    assert read(f"a/b; {parameters}").readings("name") == readings


def test_parameters_are_paid_for() -> None:
    budget = Budget(Limits(parameters=2))
    assert len(parse("a/b; a=b; c=d; e=f", budget).parameters) == 2
    assert "names" in budget.over


@given(
    st.lists(
        st.sampled_from([*"=;\"\\()*'% ", "name", "name*0", "=?utf-8?q?", "?=", "é", "a/b", "\0"]),
        max_size=40,
    )
)
def test_any_value_is_read(pieces: list[str]) -> None:
    """Whatever comes: no reading is empty, or stands twice."""
    readings = read("".join(pieces)).readings("name")
    assert all(readings)
    assert len(set(readings)) == len(readings)
