from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.message.hostile import swift
from vsmtp.message.fields import Header, scan
from vsmtp.message.mailboxes import MAX_MAILBOXES, addresses, mailboxes, survey
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable


def found(value: str) -> list[str]:
    some = mailboxes(value)
    assert not isinstance(some, Unavailable)
    return [str(address) for address in some]


@pytest.mark.parametrize(("value", "wanted"), [
    ("a@b", ["a@b"]),
    ("Alice Jones <a@b.example>", ["a@b.example"]),
    ('"x@y" <a@b>', ["a@b"]),
    ('"x\\"@y, <c@d>" <a@b>', ["a@b"]),
    ("x@y <a@b>", ["a@b"]),
    ("a@b, c@d", ["a@b", "c@d"]),
    ("a@b; c@d", ["a@b", "c@d"]),
    ("Team: a@b, C <c@d>; , e@f", ["a@b", "c@d", "e@f"]),
    ("undisclosed-recipients:;", []),
    ("<@x,@y.example:a@b>", ["a@b"]),
    ("a@b (x@y)", ["a@b"]),
    ("(a(b)c\\)@d) a@b", ["a@b"]),
    ("a(one)@(two)b(three).c", ["a@b.c"]),
    ("a . b @ c . d", ["a.b@c.d"]),
    ('"a b"@c', ['"a b"@c']),
    ("a@[192.0.2.1]", ["a@[192.0.2.1]"]),
    ("Alice a@b", ["a@b"]),
    ("a@b c@d", ["a@b", "c@d"]),
    ("<a@b> <c@d>", ["a@b", "c@d"]),
    ("<a@b, c@d>", ["a@b", "c@d"]),
    ("<a@b", ["a@b"]),
    ("a@b>", ["a@b"]),
    ("a@b <c@d> e@f", ["c@d", "e@f"]),
    ("=?utf-8?Q?x=40y?= <a@b>", ["a@b"]),
    ("jürgen@bücher.example", ["jürgen@bücher.example"]),
    ("<>", []), ("", []), (",,,", []), ("alice", []), ("a@b@c", []), ("(a@b", []), ('"a@b', []), ("@", []),
])  # fmt: skip
def test_addresses_are_found(value: str, wanted: list[str]) -> None:
    assert found(value) == wanted


def test_addresses_of_all_fields_of_a_name_are_found() -> None:
    header = scan(b"To: a@b,\r\n c@d\r\nFrom: x@y\r\nto: e@f\r\n\r\n")
    assert isinstance(header, Header)
    assert addresses(header, "To") == (Address("a", "b"), Address("c", "d"), Address("e", "f"))
    assert addresses(header, "cc") == ()


def test_too_many_addresses_are_unavailable() -> None:
    assert len(found("a@b," * MAX_MAILBOXES)) == MAX_MAILBOXES
    assert isinstance(mailboxes("a@b," * (MAX_MAILBOXES + 1)), Unavailable)
    for head in (b"To: a@b\r\n" * (MAX_MAILBOXES + 1), b"To: " + b"a@b," * (MAX_MAILBOXES + 1)):
        header = scan(head)
        assert isinstance(header, Header)
        assert isinstance(addresses(header, "to"), Unavailable)


LOCALS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=10)
NAMES = st.sampled_from(["", "Alice", '"Doe, J. <x@y>"', "(c@d) A", "=?utf-8?q?a?="])


@given(st.lists(st.tuples(NAMES, LOCALS), max_size=10))
def test_what_is_written_is_found(people: list[tuple[str, str]]) -> None:
    wanted = [Address(local, "example.org") for _, local in people]
    assert mailboxes(
        ", ".join(f"{name} <{Address(local, 'example.org')}>" for name, local in people)
    ) == tuple(wanted)


@given(
    st.lists(st.sampled_from([*'<>@,:;.()[]"\\ ', "a", "b", "@c", "\t", "é", "\0"]), max_size=40).map("".join)
)
def test_any_value_is_read(value: str) -> None:
    mailboxes(value)


USUAL = st.sampled_from([
    "", "Alice ", "A. B. ", "J\u00fcrgen ", '"Doe, J." ', '"x@y"', '"\\"', "a b@c ", "<", ">", " ", "\t",
    "a@b", "a.b@c.d", "<a@b>", "<a@b.c>", "a..b@c", "a@-b", "<a@b.>", ".a@b", "a@b@c", "\u00e9@b",
    "a@" + "b" * 64, "b." * 130 + "a@b",
])  # fmt: skip


@given(st.lists(USUAL, max_size=4).map("".join))
def test_the_usual_is_read_as_anything_else(value: str) -> None:
    places = survey(value)
    assert not isinstance(places, Unavailable)
    assert mailboxes(value) == tuple(place.address for place in places.found)


@pytest.mark.parametrize("value", [
    "(" * 3000 + ")" * 3000 + "a@b",
    "(" * 200_000,
    "()" * 100_000,
    "a@b," * 50_000,
    ", " * 100_000,
    '"' * 200_000,
    '"\\' * 100_000,
    "[" * 200_000,
    "a." * 100_000 + "@b",
    "a" * 200_000 + "@b",
    "<" * 200_000,
    "(\\" * 100_000,
    " " * 200_000,
])  # fmt: skip
def test_a_hostile_value_is_read_swiftly(value: str) -> None:
    swift(lambda: mailboxes(value))


def test_deeply_nested_comments_are_passed_over() -> None:
    assert found("(" * 3000 + ")" * 3000 + "a@b") == ["a@b"]
