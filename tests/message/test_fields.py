from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.message.hostile import swift
from vsmtp.message.fields import Field, Header, Limits, header_end, scan
from vsmtp.values.answer import Unavailable

HEAD = (
    b"Received: from a\r\n\tby b\r\n"
    b"Subject : =?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?= dear\r\n all\r\n"
    b"X-Empty:\r\n"
    b"received: from c\r\n"
    b"\r\n"
    b"Not: a field\r\n"
)


def header(head: bytes) -> Header:
    found = scan(head)
    assert isinstance(found, Header)
    return found


def test_fields_are_found_with_their_places() -> None:
    found = header(HEAD)
    assert [field.name for field in found.fields] == [b"received", b"subject", b"x-empty", b"received"]
    assert found.fields[0] == Field(b"received", 0, 25, 9)
    assert HEAD[found.fields_end : found.body_start] == b"\r\n"
    assert HEAD[found.body_start :] == b"Not: a field\r\n"
    assert found.defects == ()


def test_values_are_unfolded_and_decoded() -> None:
    found = header(HEAD)
    assert found.values("SUBJECT") == ["Grüße dear all"]
    assert found.unfolded("subject") == ["=?utf-8?Q?Gr=C3=BC?= =?utf-8?Q?=C3=9Fe?= dear all"]
    assert found.raw("received") == [b" from a\r\n\tby b", b" from c"]
    assert found.values("received") == ["from a\tby b", "from c"]
    assert found.values("x-empty") == [""]
    assert found.values("absent") == []
    assert found.count("Received") == 2


def test_octets_that_are_no_utf8_are_read_as_latin1() -> None:
    assert header(b"Subject: caf\xe9\r\n\r\n").values("subject") == ["café"]
    assert header("Subject: café\r\n\r\n".encode()).values("subject") == ["café"]


@pytest.mark.parametrize("bad", [b"no colon here\r\n", b": no name\r\n", b"two words: x\r\n", b"\xe9: x\r\n"])
def test_a_malformed_line_begins_the_body(bad: bytes) -> None:
    found = header(b"A: 1\r\n" + bad + b"B: 2\r\n\r\n")
    assert [field.name for field in found.fields] == [b"a"]
    assert found.body_start == found.fields_end == 6
    assert found.defects == ("malformed-header-line",)


def test_a_continuation_of_nothing_is_malformed() -> None:
    assert header(b" lost\r\nA: 1\r\n\r\n").fields == ()


@pytest.mark.parametrize("head", [b"", b"\r\n", b"\r\nA: 1\r\n"])
def test_no_header_is_no_defect(head: bytes) -> None:
    found = header(head)
    assert found.fields == ()
    assert found.defects == ()


def test_a_header_without_a_body_ends_where_it_ends() -> None:
    found = header(b"A: 1\r\nB: 2")
    assert found.values("b") == ["2"]
    assert found.body_start == 10
    assert found.defects == ()


def test_limits_are_limits() -> None:
    assert isinstance(scan(b"A: 1\r\n" * 11, Limits(fields=10)), Unavailable)
    assert isinstance(scan(b"A: 1\r\n" * 10, Limits(fields=10)), Header)
    assert isinstance(scan(b"A: 1\r\n" * 10, Limits(size=59)), Unavailable)
    assert isinstance(scan(b"A: 1\r\n" * 10 + b"\r\n" + b"x" * 100, Limits(size=60)), Header)


@pytest.mark.parametrize(("data", "end"), [
    (b"", -1), (b"A: 1\r\n", -1), (b"A: 1\r\n\r", -1), (b"A: 1\r\n\r\n", 8), (b"\r\nbody", 2),
    (b"A: 1\r\n\r\n\r\n\r\n", 8),
])  # fmt: skip
def test_the_headers_end_is_found(data: bytes, end: int) -> None:
    assert header_end(data) == end


@given(
    st.lists(st.sampled_from([b"a: b", b"\r\n", b" ", b"\t", b":", b"\n", b"x", b"\r", b"\xff"])).map(
        b"".join
    )
)
def test_the_fields_and_the_rest_are_all_there_is(head: bytes) -> None:
    found = header(head)
    at = 0
    for field in found.fields:
        assert field.start == at < field.value_start <= field.end
        at = field.end
    assert found.fields_end == at <= found.body_start <= len(head)
    for field in found.fields:
        found.values(field.name.decode())
    places = [(field.name, head[field.value_start : field.end]) for field in found.fields]
    assert {name: list(values) for name, values in found.named.items()} == {
        name: [value for other, value in places if other == name] for name, _ in places
    }


@given(st.binary())
def test_any_octets_are_scanned(head: bytes) -> None:
    header(head)


@pytest.mark.parametrize("head", [
    b"Subject: " + b"x" * 200_000 + b"\r\n\r\n",
    b"A: b\r\n" * 50_000,
    b"A:" + b"\r\n " * 60_000,
    b"A" * 200_000,
    b"A" + b" " * 200_000,
    b"A: b\r\n" + b"\r" * 200_000,
])  # fmt: skip
def test_a_hostile_header_is_scanned_swiftly(head: bytes) -> None:
    match swift(lambda: scan(head)):
        case Header() as found:
            swift(lambda: found.values("a"))
        case Unavailable(reason):
            assert reason
