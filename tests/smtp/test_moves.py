"""Every command in every state, against the table that says what may follow what."""

from __future__ import annotations

import pytest

from tests.smtp.script import Challenge, with_terms
from tests.smtp.session import Session
from vsmtp.smtp.commands import VERBS
from vsmtp.smtp.moves import MOVES, WRONG_TURNS, State

TERMS = with_terms("+CHUNKING", "tls=may", "auth=PLAIN", "vrfy=ask", "expn=ask", "xclient=true")
LINES = {
    "EHLO": "EHLO a", "HELO": "HELO a", "STARTTLS": "STARTTLS", "AUTH": "AUTH PLAIN YQ==",
    "MAIL": "MAIL FROM:<a@b>",
    "RCPT": "RCPT TO:<c@d>", "DATA": "DATA", "BDAT": "BDAT 2 LAST\r\n", "RSET": "RSET", "NOOP": "NOOP",
    "VRFY": "VRFY a", "EXPN": "EXPN a", "XCLIENT": "XCLIENT ADDR=192.0.2.1", "HELP": "HELP", "QUIT": "QUIT",
}  # fmt: skip
WAYS = {
    State.CONNECTED: (),
    State.GREETED: ("EHLO a",),
    State.SENDER_KNOWN: ("EHLO a", "MAIL FROM:<a@b>"),
    State.RECIPIENT_KNOWN: ("EHLO a", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"),
    State.IN_CHUNKS: ("EHLO a", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "BDAT 0"),
}
# Those that end where no table says: a last chunk at the end of its message, QUIT and XCLIENT further on.
ELSEWHERE = {"BDAT": State.GREETED, "XCLIENT": State.CONNECTED}


def test_every_granted_command_is_tried() -> None:
    assert {verb.decode() for verb in TERMS.verbs} == set(LINES)


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("verb", LINES)
def test_a_command_moves_as_the_table_says_or_nothing_moves(state: State, verb: str) -> None:
    session = Session(TERMS)
    session.talk(*WAYS[state])
    assert session.engine.state is state
    reply = session.talk(LINES[verb])[-1]
    move = VERBS[verb.encode()].move
    if move is None:
        assert reply[0] == "2"
        assert session.engine.state is state
    elif move in MOVES[state]:
        assert reply[0] in "23"
        assert session.engine.state is ELSEWHERE.get(verb, MOVES[state][move])
    else:
        name = WRONG_TURNS.get(state, {}).get(move, "bad_sequence")
        assert reply == str(TERMS.said[name])
        assert session.engine.state is state


@pytest.mark.parametrize("verb", LINES)
def test_no_command_is_obeyed_within_a_message(verb: str) -> None:
    session = Session(TERMS)
    session.talk("EHLO a", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
    assert session.talk(LINES[verb]) == []
    assert session.engine.state is State.RECEIVING


@pytest.mark.parametrize("verb", LINES)
def test_no_command_is_obeyed_within_an_exchange(verb: str) -> None:
    session = Session(TERMS, answers=(None, None, Challenge(b"")))
    session.talk("EHLO a", "AUTH PLAIN")
    assert session.engine.state is State.AUTHENTICATING
    assert session.talk(LINES[verb])[0][:3] in {"235", "501"}
