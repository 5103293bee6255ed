from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.smtp.script import TERMS
from tests.smtp.session import Message, Session
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import MOVES, State
from vsmtp.smtp.questions import (
    CONNECTED,
    DATA,
    END_OF_MESSAGE,
    QUIT,
    RESET,
    Chunk,
    EndOfMessage,
    Hello,
    Mail,
    Quit,
    Rcpt,
    Reset,
)
from vsmtp.smtp.terms import Terms
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.reply import Reply

ALICE = Address("alice", "example.net")
BOB = Address("bob", "example.org")
OPENING = ("HELO c.example", "MAIL FROM:<alice@example.net>", "RCPT TO:<bob@example.org>")
NO = Reply(550, "5.7.1", "No")


def greeted() -> Session:
    session = Session()
    session.talk("EHLO c.example")
    return session


def receiving(terms: Terms = TERMS) -> Session:
    session = Session(terms)
    session.talk(*OPENING, "DATA")
    assert session.engine.state is State.RECEIVING
    return session


def test_the_first_question_comes_before_any_octet() -> None:
    engine = Conversation(TERMS)
    engine.feed(b"HELO early.example\r\n")
    assert engine.ask() == CONNECTED
    assert engine.ask() is None
    assert engine.take_output() == b""
    assert engine.backlog == 20
    engine.accept()
    assert engine.ask() == Hello("early.example", esmtp=False)


def test_a_message_asks_these_questions() -> None:
    session = Session()
    session.talk(*OPENING, "DATA", "hi", "..", ".", "QUIT")
    assert session.events == [
        CONNECTED,
        Hello("c.example", esmtp=False),
        Mail(ALICE, None, eight_bit=False, smtputf8=False),
        Rcpt(BOB),
        DATA,
        Message(b"hi\r\n.\r\n"),
        END_OF_MESSAGE,
        QUIT,
    ]
    assert session.engine.closed


def test_parameters_reach_the_driver() -> None:
    session = greeted()
    session.talk("MAIL FROM:<> SIZE=7 BODY=8BITMIME SMTPUTF8")
    assert session.events[-1] == Mail(NULL_SENDER, 7, eight_bit=True, smtputf8=True)


def test_octets_wait_while_a_question_is_open() -> None:
    session = receiving()
    engine = session.engine
    engine.feed(b"x\r\n.\r\nMAIL FROM:<>\r\n")
    assert engine.ask() == Chunk(b"x\r\n")
    assert engine.ask() == EndOfMessage()
    engine.feed(b"RCPT TO:<bob@example.org>\r\n")
    assert engine.ask() is None
    assert engine.take_output() == b""
    assert engine.backlog == 41
    engine.accept(Reply(250, "2.0.0", "Queued as 1"))
    assert engine.take_output() == b"250 2.0.0 Queued as 1\r\n"
    assert isinstance(engine.ask(), Mail)


@pytest.mark.parametrize("last", ["RSET", "EHLO again.example", "HELO again.example"])
@pytest.mark.parametrize("lines", [OPENING[:2], OPENING])
def test_a_transaction_that_ends_early_is_told(lines: tuple[str, ...], last: str) -> None:
    session = Session()
    session.talk(*lines, last)
    assert session.events[-1] == RESET
    assert session.engine.state is State.GREETED


@pytest.mark.parametrize("last", ["RSET", "EHLO again.example"])
def test_nothing_is_told_where_no_transaction_was_under_way(last: str) -> None:
    session = greeted()
    session.talk(last)
    assert RESET not in session.events


def test_a_refused_ehlo_leaves_the_transaction_alone() -> None:
    session = Session(answers=(None, None, None, None, NO))
    session.talk(*OPENING, "EHLO other.example")
    assert RESET not in session.events
    assert session.engine.state is State.RECIPIENT_KNOWN


def test_an_unsound_message_is_told_and_the_next_one_goes_through() -> None:
    session = receiving()
    assert session.talk("a\nb", ".")[-1].startswith("550 5.6.11 ")
    assert session.events[-1] == RESET
    session.talk(*OPENING[1:], "DATA", "x", ".")
    assert session.events[-2:] == [Message(b"x\r\n"), END_OF_MESSAGE]


def test_no_chunk_follows_the_first_fault() -> None:
    engine = receiving().engine
    engine.feed(b"good\r\n")
    assert engine.ask() == Chunk(b"good")
    engine.feed(b"bad\nworse\r\n")
    engine.feed(b"good again\r\n")
    assert engine.ask() is None
    engine.feed(b".\r\n")
    assert engine.ask() == RESET
    assert engine.ask() is None


def test_what_the_dialect_allows_is_forgotten_with_the_transaction() -> None:
    session = greeted()
    session.talk("MAIL FROM:<> SMTPUTF8")
    assert session.talk("RCPT TO:<ä@example.org>")[0].startswith("250")
    session.talk("RSET", "MAIL FROM:<>")
    assert session.talk("RCPT TO:<ä@example.org>")[0].startswith("553 5.6.7")


def test_recipients_count_per_transaction_and_only_when_accepted() -> None:
    terms = Terms("mx", 1000, max_recipients=1)
    session = Session(terms, answers=(None, None, None, NO))
    assert [line[:3] for line in session.talk(*OPENING, OPENING[2], OPENING[2])] == [
        "250", "250", "550", "250", "452",
    ]  # fmt: skip
    session.talk("RSET", OPENING[1])
    assert session.talk(OPENING[2])[0].startswith("250")


def test_a_421_from_the_driver_closes() -> None:
    engine = greeted().engine
    engine.feed(b"MAIL FROM:<>\r\nNOOP\r\n")
    assert isinstance(engine.ask(), Mail)
    engine.refuse(Reply(421, "4.3.2", "Shutting down"))
    assert engine.closed
    assert engine.take_output() == b"421 4.3.2 Shutting down\r\n"
    assert engine.ask() is None


@pytest.mark.parametrize("state", ["greeting", "greeted", "receiving", "pending"])
def test_close_ends_at_any_moment_and_once(state: str) -> None:
    engine = {"greeting": lambda: Conversation(TERMS), "greeted": lambda: greeted().engine}.get(
        state, lambda: receiving().engine
    )()
    if state == "pending":
        engine.feed(b".\r\n")
        assert engine.ask() == END_OF_MESSAGE
    engine.close(Reply(421, "4.4.2", "Timeout"))
    engine.close(Reply(421, "4.3.2", "Shutting down"))
    engine.feed(b"NOOP\r\n")
    assert engine.take_output() == b"421 4.4.2 Timeout\r\n"
    assert engine.closed
    assert engine.ask() is None
    assert engine.backlog == 0


def test_an_answer_after_the_close_is_dropped() -> None:
    engine = receiving().engine
    engine.feed(b".\r\n")
    assert engine.ask() == END_OF_MESSAGE
    engine.close(Reply(421, "4.4.2", "Timeout"))
    engine.take_output()
    engine.accept()
    engine.refuse(NO)
    assert engine.take_output() == b""


def test_an_answer_to_no_question_is_the_drivers_mistake() -> None:
    engine = greeted().engine
    with pytest.raises(RuntimeError, match="no question"):
        engine.accept()
    with pytest.raises(RuntimeError, match="no question"):
        engine.refuse(NO)


def test_ehlo_in_other_words_still_offers_the_extensions() -> None:
    engine = Conversation(TERMS)
    engine.ask()
    engine.accept(Reply(220, "", "Welcome"))
    engine.feed(b"EHLO c.example\r\n")
    engine.ask()
    engine.accept(Reply(250, "2.7.1", "Good to see you"))
    lines = engine.take_output().split(b"\r\n")
    assert lines[:3] == [b"220 Welcome", b"250-Good to see you", b"250-PIPELINING"]
    assert lines[-2] == b"250 ENHANCEDSTATUSCODES"


def test_refusals_by_the_driver_count_as_errors_when_permanent() -> None:
    terms = Terms("mx", 1000, 10, hard_error_limit=2)
    later = Reply(450, "4.2.1", "Later")
    session = Session(terms, answers=(None, None, None, later, later, NO, NO))
    lines = session.talk(*OPENING[:2], *(OPENING[2],) * 5)
    assert [line[:3] for line in lines] == ["250", "250", "450", "450", "550", "550", "421"]
    assert session.engine.closed


def test_an_accepted_message_clears_the_errors() -> None:
    session = greeted()
    session.talk("FOO", "BAR")
    assert session.engine.errors == 2
    session.talk(*OPENING, "DATA", ".")
    assert session.engine.errors == 0


def test_commands_that_do_nothing_are_not_free_for_ever() -> None:
    session = Session(Terms("mx", 1000, 10, hard_error_limit=5, max_idle_commands=10))
    lines = session.talk(*("NOOP", "RSET", "HELP", "VRFY x") * 50)
    assert session.engine.closed
    assert len(lines) == 15
    assert lines[-1].startswith("421 4.7.0 ")


def test_a_refused_end_of_message_ends_the_transaction() -> None:
    session = Session(answers=(None, None, None, None, None, NO))
    session.talk(*OPENING, "DATA", "x")
    assert session.talk(".") == ["550 5.7.1 No"]
    assert session.engine.state is State.GREETED


def test_every_reply_but_the_first_ones_has_an_enhanced_code() -> None:
    bare = {"greeting", "helo", "ehlo", "data"}
    for name, reply in TERMS.said.items():
        assert bool(reply.enhanced) != (name in bare), name


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(State)


def test_a_line_without_an_end_is_not_kept() -> None:
    session = greeted()
    for _ in range(100):
        session.send(b"x" * 1000)
        assert session.engine.backlog <= 3048
    assert session.talk("") == ["500 5.5.2 Line too long"]


def test_a_message_without_an_end_is_not_kept() -> None:
    engine = receiving(Terms("mx", 10_000, 10)).engine
    for _ in range(100):
        engine.feed(b"x" * 70 + b"\r\n" * 15)
        while engine.ask() is not None:
            pass
        assert engine.backlog == 0
    engine.feed(b"\r\n.\r\n")
    assert engine.ask() == RESET
    assert engine.take_output().startswith(b"552 5.3.4 ")


WORDS = st.sampled_from([
    b"HELO a\r\n", b"EHLO a.b\r\n", b"MAIL FROM:<a@b>\r\n", b"MAIL FROM:<\xc3\xa9@b> SMTPUTF8 SIZE=9\r\n",
    b"RCPT TO:<c@d>\r\n", b"DATA\r\n", b"\r\n.\r\n", b".\r\n", b"RSET\r\n", b"QUIT\r\n", b"NOOP\r\n", b"\n",
    b"\r", b"\0", b".", b"RCPT TO:<", b'"', b"\\", b"@", b" ", b"x" * 3000, b"\xff", b"GET / HTTP/1.0\r\n",
])  # fmt: skip
STREAMS = st.lists(st.one_of(WORDS, st.binary(max_size=20)), max_size=30).map(b"".join)


def drive(engine: Conversation, answers: Random) -> bytes:
    while (question := engine.ask()) is not None:
        if isinstance(question, Chunk | Reset | Quit):
            continue
        code = answers.choice((0, 0, 0, 0, 0, 0, 450, 550, 421))
        if code:
            engine.refuse(Reply(code, f"{code // 100}.7.1", "No"))
        else:
            engine.accept()
    return engine.take_output()


@settings(max_examples=200, deadline=None)
@given(STREAMS, st.integers(0, 2**32), st.lists(st.integers(0, 400), max_size=8))
def test_any_octets_in_any_cuts_end_in_the_same_replies(stream: bytes, seed: int, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(stream)]
    said = []
    for pieces in ([stream], [stream[a:b] for a, b in itertools.pairwise(bounds)]):
        engine, answers = Conversation(TERMS), Random(seed)
        output = drive(engine, answers)
        for piece in pieces:
            engine.feed(piece)
            output += drive(engine, answers)
            assert engine.backlog <= TERMS.max_command_line
        assert output.endswith(b"\r\n")
        said.append((output, engine.state))
    assert said[0] == said[1]
