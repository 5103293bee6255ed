from __future__ import annotations

import re
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsmtp.smtp.intake import Intake
from vsmtp.smtp.lines import BareNewline, LineRules

BARE_NEWLINES: tuple[BareNewline, ...] = ("reject", "normalize")


def decode(
    pieces: list[bytes], max_size: int = 1000, max_line: int = 20, bare_newline: BareNewline = "reject"
) -> tuple[bytes, str | None, bytes | None]:
    """Give the message or b"", its fault, and what follows it, None while it has no end."""
    intake = Intake(LineRules(max_size, max_line, bare_newline))
    text, rest = b"", None
    for index, piece in enumerate(pieces):
        data, rest = intake.take(piece)
        text += data
        if rest is not None:
            rest += b"".join(pieces[index + 1 :])
            break
    return b"" if intake.rules.fault else text, intake.rules.fault, rest


def by_lines(
    stream: bytes, max_size: int = 1000, max_line: int = 20, bare_newline: BareNewline = "reject"
) -> tuple[bytes, str | None, bytes | None]:
    """Do the same the slow way, a line at a time, for a stream that has an end: the oracle."""
    lines: list[bytes] = []
    while True:
        line, end, stream = stream.partition(b"\r\n")
        assert end
        if line == b".":
            break
        lines.append(line[1:] if line.startswith(b".") else line)
    text = b"".join(line + b"\r\n" for line in lines)
    bare = (b"\0",) if bare_newline == "normalize" else (b"\r", b"\n", b"\0")
    if any(octet in line for line in lines for octet in bare):
        return b"", "bad_octets", stream
    lines = re.split(rb"\r\n|\r|\n", text)[:-1]
    text = b"".join(line + b"\r\n" for line in lines)
    if len(text) > max_size:
        return b"", "message_too_big", stream
    if any(len(line) + 2 > max_line for line in lines):
        return b"", "text_line_too_long", stream
    return text, None, stream


@pytest.mark.parametrize("end", [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n",
    b"\0\r\n", b"\r\r\n", b"\n\r.\n\r", b"\r\n.\r\r\n", b"\r\n..\r\n", b"\r\n. \r\n",
])  # fmt: skip
def test_nothing_but_crlf_dot_crlf_ends_a_message_wherever_it_is_cut(end: bytes) -> None:
    stream = b"a" + end + b"b"
    for cut in range(len(stream)):
        assert decode([stream[:cut], stream[cut:]])[2] is None
    for bare_newline in BARE_NEWLINES:
        whole = decode([stream + b"\r\n.\r\nRSET\r\n"], bare_newline=bare_newline)
        assert whole == by_lines(stream + b"\r\n.\r\nRSET\r\n", bare_newline=bare_newline)
        assert whole[2] == b"RSET\r\n"


def test_every_short_stream_is_read_as_line_by_line_in_whole_and_byte_by_byte() -> None:
    for length in range(7):
        for letters in product(b"\r\n.x", repeat=length):
            stream = bytes(letters) + b"\r\n.\r\n"
            wanted = by_lines(stream)
            assert decode([stream]) == wanted, stream
            assert decode([bytes([octet]) for octet in stream]) == wanted, stream


@pytest.mark.parametrize("length", range(6))
def test_every_short_stream_is_normalized_as_line_by_line(length: int) -> None:
    for letters in product(b"\r\n.x", repeat=length):
        stream = bytes(letters) + b"\r\n.\r\n"
        wanted = by_lines(stream, bare_newline="normalize")
        assert decode([stream], bare_newline="normalize") == wanted, stream
        assert decode([bytes([octet]) for octet in stream], bare_newline="normalize") == wanted, stream


@pytest.mark.parametrize(("stream", "text"), [
    (b"a\n.\nb", b"a\r\n.\r\nb\r\n"),
    (b"a\n.\r\nb", b"a\r\n.\r\nb\r\n"),
    (b"a\r.\rb", b"a\r\n.\r\nb\r\n"),
    (b"a\r\n.\rb", b"a\r\n\r\nb\r\n"),
    (b"a\n..b\r\n..c", b"a\r\n..b\r\n.c\r\n"),
])  # fmt: skip
def test_only_what_a_client_has_stuffed_is_unstuffed(stream: bytes, text: bytes) -> None:
    for cut in range(len(stream)):
        pieces = [stream[:cut], stream[cut:], b"\r\n.\r\n"]
        assert decode(pieces, bare_newline="normalize") == (text, None, b"")


ATOMS = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b".", b"\r\n.", b"\0", b"abc", b"x" * 18, b"y" * 19, b"\r\n.\r\n"]
)
# Mostly sound streams, so that sizes and long lines are reached too.
SOUND = st.lists(st.sampled_from([b"\r\n", b".", b"abc", b"x" * 9, b"\r\n..", b"\r\n.a"]), max_size=40)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(st.lists(ATOMS, max_size=30), SOUND).map(b"".join),
    st.lists(st.integers(0, 300), max_size=6),
    st.integers(0, 120),
    st.sampled_from(BARE_NEWLINES),
)
def test_any_stream_in_any_cuts_is_read_as_line_by_line(
    body: bytes, cuts: list[int], max_size: int, bare_newline: BareNewline
) -> None:
    stream = body + b"\r\n.\r\nNOOP\r\n"
    bounds = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(bounds)]
    wanted = by_lines(stream, max_size, bare_newline=bare_newline)
    assert decode(pieces, max_size, bare_newline=bare_newline) == wanted


@given(st.lists(st.binary(max_size=15).map(lambda line: re.sub(rb"[\r\n\0]", b"", line)), max_size=20))
def test_a_stuffed_message_comes_back(lines: list[bytes]) -> None:
    text = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    assert decode([stuffed + b".\r\n"]) == (text, None, b"")


def test_an_immediate_dot_is_an_empty_message() -> None:
    assert decode([b".\r\nQUIT\r\n"]) == (b"", None, b"QUIT\r\n")


@pytest.mark.parametrize(("length", "fault"), [(998, None), (999, "text_line_too_long")])
def test_a_line_has_at_most_a_thousand_octets(length: int, fault: str | None) -> None:
    stream = b"x\r\n" * 700 + b"a" * length + b"\r\n" + b"x\r\n" * 700 + b".\r\n"
    for size in (1, 7, 997, 998, 999, 1000, 1001, 4000, 10_000):
        pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert decode(pieces, max_size=100_000, max_line=1000)[1] == fault
