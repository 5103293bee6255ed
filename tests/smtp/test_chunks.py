from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.script import with_terms
from tests.smtp.session import Message, Session
from vsmtp.smtp.chunks import Chunks
from vsmtp.smtp.lines import BareNewline, LineRules
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import END_OF_MESSAGE, RESET, Bdat, Data
from vsmtp.values.reply import Reply

OPENING = ("EHLO c.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>")
TERMS = with_terms("+CHUNKING")


def decode(pieces: list[bytes], bare_newline: BareNewline = "reject") -> tuple[bytes, str | None]:
    chunks = Chunks(LineRules(1000, 100, bare_newline))
    text = b"".join(map(chunks.take, pieces)) + chunks.finish()
    return b"" if chunks.rules.fault else text, chunks.rules.fault


@pytest.mark.parametrize(("stream", "text", "fault"), [
    (b"", b"", None),
    (b"a\r\n", b"a\r\n", None),
    (b"a", b"a\r\n", None),
    (b"..\r\n.\r\n", b"..\r\n.\r\n", None),
    (b"a\r", b"", "bad_octets"),
    (b"\r", b"", "bad_octets"),
    (b"a\n", b"", "bad_octets"),
    (b"a\r\r\n", b"", "bad_octets"),
    (b"\0", b"", "bad_octets"),
    (b"a" * 98, b"a" * 98 + b"\r\n", None),
    (b"a" * 99, b"", "text_line_too_long"),
])  # fmt: skip
def test_the_line_rules_hold_wherever_chunks_end(stream: bytes, text: bytes, fault: str | None) -> None:
    for cut in range(len(stream) + 1):
        assert decode([stream[:cut], stream[cut:]]) == (text, fault)
    assert decode([stream[i : i + 1] for i in range(len(stream))]) == (text, fault)


@given(
    st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"ab"]), max_size=12).map(b"".join),
    st.lists(st.integers(0, 24), max_size=4),
)
def test_normalized_chunks_have_no_bare_ends_however_cut(stream: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(stream)]
    text, fault = decode([stream[a:b] for a, b in pairwise(bounds)], "normalize")
    assert fault is None
    lines = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    wanted = b"".join(line + b"\r\n" for line in (lines if lines[-1] else lines[:-1]))
    assert text == wanted


def test_chunks_ask_once_and_give_one_message() -> None:
    session = Session(TERMS)
    session.talk(*OPENING, "BDAT 3", "a", "BDAT 6 LAST", ".\r\nb")
    assert session.events[-3:] == [Bdat(3, last=False), Message(b"a\r\n.\r\nb\r\n"), END_OF_MESSAGE]
    assert not any(isinstance(event, Data) for event in session.events)


def test_a_refused_first_chunk_ends_the_transaction() -> None:
    session = Session(TERMS, answers=(None, None, None, None, Reply(450, "4.7.1", "No")))
    session.talk(*OPENING, "BDAT 6")
    assert session.events[-1] == RESET
    assert session.engine.state is State.GREETED
    assert session.said() == []
    assert session.talk("QUIT") == ["450 4.7.1 No"]
    assert not session.engine.closed


def test_a_reply_comes_after_the_octets_it_is_about() -> None:
    session = Session(TERMS)
    session.talk(*OPENING)
    assert session.talk("BDAT 4") == []
    assert session.talk("ab") == ["250 2.0.0 Chunk taken"]


def test_many_chunks_at_once_are_answered_in_a_loop() -> None:
    session = Session(TERMS)
    session.talk(*OPENING)
    session.send(b"BDAT 0\r\n" * 5000 + b"BDAT 2 LAST\r\nhi")
    assert len(session.said()) == 5001
    assert session.events[-2:] == [Message(b"hi\r\n"), END_OF_MESSAGE]


def test_a_huge_chunk_that_nobody_wants_is_not_kept() -> None:
    session = Session(TERMS)
    session.talk("EHLO a", f"BDAT {10**18 - 1} LAST")
    for _ in range(100):
        session.send(b"x" * 100_000)
        assert session.engine.backlog == 0
    assert session.said() == []
