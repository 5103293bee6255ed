"""What a conversation asks of whoever drives it, and what it tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from vsmtp.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS, MailParameters, RcptParameters
from vsmtp.smtp.xclient import Unknown
from vsmtp.values.address import Address


@dataclass(frozen=True, slots=True)
class Connected:
    """Asked first, before any octet is looked at: may this client speak at all?"""


@dataclass(frozen=True, slots=True)
class Hello:
    """HELO, or EHLO or LHLO (`esmtp`), with the name the client gives itself, a domain or a literal."""

    name: str
    esmtp: bool


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL: `sender` may be the null sender; `size` is what SIZE declared, in octets (RFC 1870)."""

    sender: Address
    size: int | None
    eight_bit: bool
    smtputf8: bool
    parameters: MailParameters = NO_MAIL_PARAMETERS


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT: `recipient` has no domain only as `<Postmaster>`."""

    recipient: Address
    parameters: RcptParameters = NO_RCPT_PARAMETERS


@dataclass(frozen=True, slots=True)
class Data:
    """DATA, after at least one accepted recipient; accepting it is the 354."""


@dataclass(frozen=True, slots=True)
class Bdat:
    """The first BDAT of a message (RFC 3030), after at least one accepted recipient; in place of `Data`.

    Accepting it says nothing yet: the engine answers each chunk when its octets are there. Refusing it ends
    the transaction, for what follows of the message is already on its way; the octets are taken and dropped.
    `size` is this chunk's, in octets; `last` says that it is the only one.
    """

    size: int
    last: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A notice: the next octets of the message, CRLF line ends, dots unstuffed; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The message is complete and sound; whatever the answer, its transaction is over afterwards.

    Over LMTP `accept_each` answers for each recipient; `accept` and `refuse` say the same for all.
    """


@dataclass(frozen=True, slots=True)
class Reset:
    """A notice: the transaction that was under way is gone, with all of its message seen so far."""


@dataclass(frozen=True, slots=True)
class Quit:
    """A notice: the client has said QUIT; the 221 is in the output and the conversation is closed."""


@dataclass(frozen=True, slots=True)
class StartTls:
    """STARTTLS (RFC 3207): after `accept` the 220 is written in clear, and all that follows is for TLS.

    The engine takes no more octets until `Conversation.secured` says that the handshake is done.
    """


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTH with one of the mechanisms granted, in upper case (RFC 4954); answered as `AuthResponse` is.

    `initial` is the decoded initial response: None where none was sent, empty where it was `=`.
    """

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """The decoded response to a challenge.

    `challenge` goes on, `accept` is the 235, `refuse` ends the exchange. What a mechanism says last of all,
    as SCRAM does, is one more challenge, to which the client gives an empty response (RFC 4954 4).
    """

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthAborted:
    """A notice: the exchange that was under way is over without a verdict; the refusal is in the output."""


@dataclass(frozen=True, slots=True)
class Verify:
    """VRFY, where the terms want it asked; `text` is a name or an address as the client wrote it."""

    text: str


@dataclass(frozen=True, slots=True)
class Expand:
    """EXPN, where the terms want it asked; `text` is a list's name or address as the client wrote it."""

    text: str


@dataclass(frozen=True, slots=True)
class Xclient:
    """XCLIENT from a client that may send it: what a proxy knows of the real one (`xclient.py`).

    Accepting it says nothing: `Connected` is asked anew, of the client as it is known now, and its answer is
    the greeting. Earlier state is gone, a login too.
    """

    attributes: Mapping[str, str | Unknown]


Question: TypeAlias = (
    Connected | Hello | Mail | Rcpt | Data | Bdat | Chunk | EndOfMessage | Reset | Quit
    | StartTls | Authenticate | AuthResponse | AuthAborted | Verify | Expand | Xclient
)  # fmt: skip

# Those that say nothing but their name are made once.
CONNECTED: Final = Connected()
DATA: Final = Data()
END_OF_MESSAGE: Final = EndOfMessage()
RESET: Final = Reset()
QUIT: Final = Quit()
START_TLS: Final = StartTls()
AUTH_ABORTED: Final = AuthAborted()
