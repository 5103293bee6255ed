"""How the server speaks SMTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import (
    Duration,
    Listed,
    check_template,
    choice,
    describe,
    nearest,
    refusal,
    text_of,
)
from vsmtp.vocabulary.replies import REPLIES, REWORDABLE, rewording

Extension: TypeAlias = Literal[
    "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES",
    "DSN", "CHUNKING", "LIMITS", "REQUIRETLS",
]  # fmt: skip
Vrfy: TypeAlias = Literal["vague", "answer", "off"]

BareNewline: TypeAlias = Literal["reject", "normalize"]
MixedRecipients: TypeAlias = Literal["separate", "strictest"]
ReceivedClient: TypeAlias = Literal["always", "not-authenticated"]

_MAX_REPLY: Final = 400  # room for the server's name within the 512 octets of RFC 5321 4.5.3.1.5
# RFC 5321 3.8: with it the server says that it closes.
_CLOSING: Final = 421


def _extension(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _replies(value: object) -> dict[str, str]:
    """The replies as they are written; every fault stands at its own key."""
    if not isinstance(value, dict):
        raise refusal("wrong-type", f"expected a table, found {describe(value)}")
    faults = []
    for name, written in value.items():
        try:
            _check_reply(name, written)
        except _UnknownReplyError as unknown:
            faults.append(InitErrorDetails(type=unknown.fault, loc=(name, "[key]"), input=written))
        except PydanticCustomError as fault:
            faults.append(InitErrorDetails(type=fault, loc=(name,), input=written))
    if faults:
        raise ValidationError.from_exception_data("replies", faults)
    return value


class _UnknownReplyError(Exception):
    """No reply has this name."""

    def __init__(self, name: str) -> None:
        near = nearest(name, REWORDABLE)
        remedy = f"did you mean `{near}`?" if near else "`docs/replies.md` lists the names"
        self.fault = refusal("unknown-key", f"no reply is called `{name}`", remedy)


def _check_reply(name: str, value: object) -> None:
    if name not in REWORDABLE:
        raise _UnknownReplyError(name)
    usual = REPLIES[name]
    written = check_template(text_of(value, "a reply in quotes"), ("server.name",))
    try:
        reply = rewording(name, written)
    except ValueError as error:
        raise refusal("bad-reply", str(error)) from None
    if name == "greeting" and not written.startswith("220 {server.name}"):
        raise refusal("bad-reply", "a greeting begins with `220 {server.name}` (RFC 5321 4.2)")
    if reply.code // 100 != usual.code // 100:
        message = f"`{name}` is a {usual.code // 100}yz reply, this is another kind of answer"
        raise refusal("bad-reply", message, f"begin with a code like {usual.code}")
    if (reply.code == _CLOSING) is not (usual.code == _CLOSING):
        message = f"421 and nothing else ends a connection, and `{name}` is {usual.code}"
        raise refusal("bad-reply", message, f"begin with {usual.code}")
    if not (written.isascii() and written.isprintable()) or len(written) > _MAX_REPLY:
        raise refusal("bad-reply", f"it is one line of at most {_MAX_REPLY} ASCII characters")


class Errors(Section):
    """When a client has made too many mistakes."""

    soft: Annotated[int, Field(ge=0, le=10_000)] = 5
    """After so many refused commands each further one is answered `delay` later."""
    delay: Annotated[Duration, Field(le=60)] = 1.0
    """How much later; `"0s"` for not at all."""
    hard: Annotated[int, Field(ge=1, le=10_000)] = 20
    """After so many refused commands the connection is closed with 421."""


class Timeouts(Section):
    """How long the server waits for a client; dripping bytes do not prolong it (RFC 5321 4.5.3.2)."""

    greeting: Annotated[Duration, Field(gt=0)] = 30.0
    """From the greeting to the first command."""
    command: Annotated[Duration, Field(gt=0)] = 300.0
    """From one reply to the end of the next command."""
    data: Annotated[Duration, Field(gt=0)] = 600.0
    """The longest silence within a message."""
    message: Annotated[Duration, Field(gt=0)] = 3600.0
    """From 354 to the end of the message."""
    handshake: Annotated[Duration, Field(gt=0)] = 30.0
    """From the beginning to the end of a TLS handshake, or of a PROXY header."""
    session: Annotated[Duration, Field(gt=0)] = 86400.0
    """The longest that a client may stay connected."""


class Smtp(Section):
    """The SMTP dialogue."""

    max_recipients: Annotated[int, Field(ge=100, le=100_000)] = 1000
    """Recipients of one message; RFC 5321 4.5.3.1.8 wants at least 100."""
    max_line_length: Annotated[int, Field(ge=1000, le=1_000_000)] = 1000
    """Octets of a line of a message, its CRLF included (RFC 5321 4.5.3.1.6)."""
    max_hops: Annotated[int, Field(ge=10, le=1000)] = 50
    """Received fields of a message that has gone in circles; it is refused (RFC 5321 6.3)."""
    bare_newline: Annotated[BareNewline, choice(BareNewline)] = "reject"
    """What becomes of a message with a bare CR or LF: `reject` it, or `normalize` each to CRLF. Either way
    only CRLF.CRLF ends a message."""
    greeting_delay: Annotated[Duration, Field(le=60)] = 0.0
    """How long the greeting is held back; a client that speaks before it gets 554 and is cut. Trusted clients
    are greeted at once."""
    mixed_recipients: Annotated[MixedRecipients, choice(MixedRecipients)] = "separate"
    """A stranger's recipients whose domains have rules of their own about the message: `separate` puts off
    the later ones to a transaction of their own, with `strictest` one refusal is for all."""
    vrfy: Annotated[Vrfy, choice(Vrfy)] = "vague"
    """What VRFY is answered: `vague` says to everybody that mail would be tried; `answer` tells trusted
    clients, and those who have logged in, whether a user exists; `off` does not know the command."""
    received_client: Annotated[ReceivedClient, choice(ReceivedClient)] = "always"
    """Whose name and address stand in the Received field: everybody's (`always`), or with `not-authenticated`
    not those of a client that has logged in."""
    disable_extensions: Listed[Annotated[Extension, choice(Extension), BeforeValidator(_extension)]] = ()
    """Extensions that are not offered, by their names in EHLO: `["CHUNKING", "SMTPUTF8"]`."""
    errors: Errors = Errors()
    """Limits on mistakes."""
    timeouts: Timeouts = Timeouts()
    """Limits on waiting."""
    replies: Annotated[Mapping[str, str], BeforeValidator(_replies)] = {}
    """Replies in other words, by the names in `docs/replies.md`: `greeting = "220 {server.name} ESMTP"`. The
    kind of answer stays what it is."""
