from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.delivery.stuffing import Stuffing


def stuff(*pieces: bytes) -> bytes:
    stuffing = Stuffing()
    return b"".join([*map(stuffing.feed, pieces), stuffing.end()])


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n..\r\n", b"..\r\n...\r\n.\r\n"),
        (b"\r\n.a\r\n", b"\r\n..a\r\n.\r\n"),
    ],
)
def test_each_leading_dot_is_doubled(content: bytes, sent: bytes) -> None:
    assert stuff(content) == sent


def test_the_cut_makes_no_difference() -> None:
    content = b".x\r\n\r\n..\r\n.\r\nz.\r\n."
    whole = stuff(content)
    for cut in range(len(content) + 1):
        assert stuff(content[:cut], content[cut:]) == whole
    assert stuff(*(bytes([octet]) for octet in content)) == whole


@given(st.lists(st.text(".a ").map(str.encode), min_size=1))
def test_unstuffing_gives_the_content_back(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    sent = stuff(content).split(b"\r\n")
    assert sent[-2:] == [b".", b""]
    assert b"." not in sent[:-2]
    assert [line.removeprefix(b".") for line in sent[:-2]] == lines
