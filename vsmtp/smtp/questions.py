"""What a conversation asks of whoever drives it, and what it tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from vsmtp.values.address import Address


@dataclass(frozen=True, slots=True)
class Connected:
    """Asked first, before any octet is looked at: may this client speak at all?"""


@dataclass(frozen=True, slots=True)
class Hello:
    """HELO or EHLO (`esmtp`) with the name the client gives itself, a domain or a literal in brackets."""

    name: str
    esmtp: bool


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL: `sender` may be the null sender; `size` is what SIZE declared, in octets (RFC 1870)."""

    sender: Address
    size: int | None
    eight_bit: bool
    smtputf8: bool


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT: `recipient` has no domain only as `<Postmaster>`."""

    recipient: Address


@dataclass(frozen=True, slots=True)
class Data:
    """DATA, after at least one accepted recipient; accepting it is the 354."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A notice: the next octets of the message, CRLF line ends, dots unstuffed; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The message is complete and sound; whatever the answer, its transaction is over afterwards."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A notice: the transaction that was under way is gone, with all of its message seen so far."""


@dataclass(frozen=True, slots=True)
class Quit:
    """A notice: the client has said QUIT; the 221 is in the output and the conversation is closed."""


Question: TypeAlias = Connected | Hello | Mail | Rcpt | Data | Chunk | EndOfMessage | Reset | Quit

# Those that say nothing but their name are made once.
CONNECTED: Final = Connected()
DATA: Final = Data()
END_OF_MESSAGE: Final = EndOfMessage()
RESET: Final = Reset()
QUIT: Final = Quit()
