"""The order of an SMTP session as a table (RFC 5321 4.1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, auto
from typing import Final, TypeAlias

from vsmtp.smtp.questions import (
    Authenticate,
    AuthResponse,
    Bdat,
    Connected,
    Data,
    EndOfMessage,
    Expand,
    Hello,
    Mail,
    Quit,
    Rcpt,
    Reset,
    StartTls,
    Verify,
    Xclient,
)


class State(IntEnum):
    """How far a session has come; integers only because those are hashed without a call into Python."""

    CONNECTING = auto()
    CONNECTED = auto()
    GREETED = auto()
    SENDER_KNOWN = auto()
    RECIPIENT_KNOWN = auto()
    RECEIVING = auto()
    # Between the first BDAT of a message and its end: commands and octets take turns.
    IN_CHUNKS = auto()
    AUTHENTICATING = auto()
    # STARTTLS was accepted, and what the client sends is for TLS.
    SECURING = auto()
    CLOSED = auto()


Move: TypeAlias = type[
    Connected | Hello | Mail | Rcpt | Data | Bdat | EndOfMessage | Reset | Quit
    | StartTls | Authenticate | AuthResponse | Verify | Expand | Xclient
]  # fmt: skip

# Where each accepted command leads. NOOP, HELP and a VRFY that nobody is asked lead nowhere and are welcome
# in every command state.
MOVES: Final[Mapping[State, Mapping[Move, State]]] = {
    State.CONNECTING: {Connected: State.CONNECTED},
    State.CONNECTED: {
        Hello: State.GREETED,
        Xclient: State.CONNECTING,
        Reset: State.CONNECTED,
        Quit: State.CLOSED,
    },
    State.GREETED: {
        Hello: State.GREETED,
        Mail: State.SENDER_KNOWN,
        StartTls: State.SECURING,
        Authenticate: State.GREETED,
        Verify: State.GREETED,
        Expand: State.GREETED,
        Xclient: State.CONNECTING,
        Reset: State.GREETED,
        Quit: State.CLOSED,
    },
    State.SENDER_KNOWN: {
        Hello: State.GREETED,
        Rcpt: State.RECIPIENT_KNOWN,
        Verify: State.SENDER_KNOWN,
        Expand: State.SENDER_KNOWN,
        Reset: State.GREETED,
        Quit: State.CLOSED,
    },
    State.RECIPIENT_KNOWN: {
        Hello: State.GREETED,
        Rcpt: State.RECIPIENT_KNOWN,
        Data: State.RECEIVING,
        Bdat: State.IN_CHUNKS,
        Verify: State.RECIPIENT_KNOWN,
        Expand: State.RECIPIENT_KNOWN,
        Reset: State.GREETED,
        Quit: State.CLOSED,
    },
    State.RECEIVING: {EndOfMessage: State.GREETED, Reset: State.GREETED},
    State.IN_CHUNKS: {
        Hello: State.GREETED,
        Bdat: State.IN_CHUNKS,
        EndOfMessage: State.GREETED,
        Reset: State.GREETED,
        Quit: State.CLOSED,
    },
    State.AUTHENTICATING: {AuthResponse: State.GREETED},
    State.SECURING: {},
    State.CLOSED: {},
}

# The reply to a command that is out of order; where nothing is said here, `bad_sequence`.
WRONG_TURNS: Final[Mapping[State, Mapping[Move, str]]] = {
    State.CONNECTED: dict.fromkeys(
        (Mail, Rcpt, Data, Bdat, StartTls, Authenticate, Verify, Expand), "hello_first"
    ),
    State.GREETED: dict.fromkeys((Rcpt, Data, Bdat), "mail_first"),
    # RFC 2920 3.1: a pipelined DATA whose recipients were all refused gets a 554, not a 354.
    State.SENDER_KNOWN: {Mail: "nested_mail", Data: "no_recipients", Bdat: "no_recipients"},
    State.RECIPIENT_KNOWN: {Mail: "nested_mail"},
    # RFC 3030 2: DATA and BDAT do not go together.
    State.IN_CHUNKS: {Data: "chunks_begun"},
}

# A transaction is under way: somebody holds a sender, recipients, perhaps half a message.
IN_TRANSACTION: Final = frozenset({
    State.SENDER_KNOWN, State.RECIPIENT_KNOWN, State.RECEIVING, State.IN_CHUNKS
})  # fmt: skip
