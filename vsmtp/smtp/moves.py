"""The order of an SMTP session as a table (RFC 5321 4.1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, auto
from typing import Final, TypeAlias

from vsmtp.smtp.questions import Connected, Data, EndOfMessage, Hello, Mail, Quit, Rcpt, Reset


class State(IntEnum):
    """How far a session has come; integers only because those are hashed without a call into Python."""

    CONNECTING = auto()
    CONNECTED = auto()
    GREETED = auto()
    SENDER_KNOWN = auto()
    RECIPIENT_KNOWN = auto()
    RECEIVING = auto()
    CLOSED = auto()


Move: TypeAlias = type[Connected | Hello | Mail | Rcpt | Data | EndOfMessage | Reset | Quit]

# Where each accepted command leads. NOOP, HELP and VRFY lead nowhere and are welcome in every command state.
MOVES: Final[Mapping[State, Mapping[Move, State]]] = {
    State.CONNECTING: {Connected: State.CONNECTED},
    State.CONNECTED: {Hello: State.GREETED, Reset: State.CONNECTED, Quit: State.CLOSED},
    State.GREETED: {
        Hello: State.GREETED,
        Mail: State.SENDER_KNOWN,
        Reset: State.GREETED,
        Quit: State.CLOSED,
    },
    State.SENDER_KNOWN: {
        Hello: State.GREETED,
        Rcpt: State.RECIPIENT_KNOWN,
        Reset: State.GREETED,
        Quit: State.CLOSED,
    },
    State.RECIPIENT_KNOWN: {
        Hello: State.GREETED,
        Rcpt: State.RECIPIENT_KNOWN,
        Data: State.RECEIVING,
        Reset: State.GREETED,
        Quit: State.CLOSED,
    },
    State.RECEIVING: {EndOfMessage: State.GREETED, Reset: State.GREETED},
    State.CLOSED: {},
}

# The reply to a command that is out of order; where nothing is said here, `bad_sequence`.
WRONG_TURNS: Final[Mapping[State, Mapping[Move, str]]] = {
    State.CONNECTED: {Mail: "hello_first", Rcpt: "hello_first", Data: "hello_first"},
    State.GREETED: {Rcpt: "mail_first", Data: "mail_first"},
    # RFC 2920 3.1: a pipelined DATA whose recipients were all refused gets a 554, not a 354.
    State.SENDER_KNOWN: {Mail: "nested_mail", Data: "no_recipients"},
    State.RECIPIENT_KNOWN: {Mail: "nested_mail"},
}

# A transaction is under way: somebody holds a sender, recipients, perhaps half a message.
IN_TRANSACTION: Final = frozenset({State.SENDER_KNOWN, State.RECIPIENT_KNOWN, State.RECEIVING})
