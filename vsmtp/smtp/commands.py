"""Command lines read: octets in, a question or the name of a reply out (RFC 5321 4.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from vsmtp.smtp import exchange, xclient
from vsmtp.smtp.chunks import SIZE as CHUNK_SIZE
from vsmtp.smtp.moves import Move
from vsmtp.smtp.parameters import (
    BARE,
    NO_MAIL_PARAMETERS,
    BadParameterError,
    mail_parameters,
    rcpt_parameters,
)
from vsmtp.smtp.questions import (
    DATA,
    QUIT,
    RESET,
    START_TLS,
    Authenticate,
    Bdat,
    Data,
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
from vsmtp.values.address import NULL_SENDER, Address


@dataclass(frozen=True, slots=True)
class Say:
    """Give the reply called `name`, with `detail` after a colon where one is known."""

    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the client has claimed so far: EHLO, and SMTPUTF8 for the transaction under way."""

    esmtp: bool = False
    smtputf8: bool = False


SILENT: Final = Dialect()


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server takes: octets of a message, parameters of MAIL and RCPT after EHLO, AUTH mechanisms."""

    max_message_size: int
    mail_parameters: frozenset[str]
    rcpt_parameters: frozenset[str]
    mechanisms: frozenset[str]


Meaning: TypeAlias = (
    Hello | Mail | Rcpt | Data | Reset | Quit | Say
    | Bdat | StartTls | Authenticate | Verify | Expand | Xclient
)  # fmt: skip
Reading: TypeAlias = Callable[[bytes, Offer, Dialect], Meaning]


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: the move it asks for, None where it may stand anywhere, and how its argument is read."""

    move: Move | None
    read: Reading


# RFC 5321 4.1.2. The space that many clients put after the colon is tolerated, as every server does. The
# group is possessive, so that a line of quotes costs no more than its length.
_PATH: Final = r": {0,2}<((?:[^\"<>\ \t]++|\"(?:[^\"\\]++|\\.)*+\")*+)>"
_PARAMETERS: Final = r"(?: +([^ ].*)?)?"
_FROM: Final = re.compile(rf"FROM{_PATH}{_PARAMETERS}", re.IGNORECASE)
_TO: Final = re.compile(rf"TO{_PATH}{_PARAMETERS}", re.IGNORECASE)
_ROUTE: Final = re.compile(r"@[^\":,@]+(?:,@[^\":,@]+)*:")
_SMTPUTF8: Final = re.compile(r" +SMTPUTF8 *$", re.IGNORECASE)  # RFC 6531 3.7.4.2
_SIZE: Final = re.compile(r"[0-9]{1,20}")  # RFC 1870 4
# Underscores, a single label, a final dot: what real machines call themselves is for the rules to judge.
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,255}|\[[!-Z^-~]{1,253}\]")
# The same few addresses come again and again, and are read twice as fast as read anew.
_address: Final = lru_cache(maxsize=1024)(Address.parse)
_BODIES: Final = {"7BIT": False, "8BITMIME": True}
_NOTHING: Final[frozenset[str]] = frozenset()
_OF_THE_MESSAGE: Final = frozenset({"SIZE", "BODY", "SMTPUTF8"})


def _ehlo(argument: bytes, _offer: Offer, _dialect: Dialect) -> Hello | Say:
    return _hello(argument, Dialect(esmtp=True))


def _helo(argument: bytes, _offer: Offer, _dialect: Dialect) -> Hello | Say:
    return _hello(argument, Dialect())


def _hello(argument: bytes, dialect: Dialect) -> Hello | Say:
    if not argument.isascii():
        return Say("not_text")
    name = argument.decode("ascii").strip(" ")
    if _NAME.fullmatch(name) is None:
        return Say("bad_argument", "a domain or an address literal is wanted" if name else "no name given")
    return Hello(name, dialect.esmtp)


def _mail(argument: bytes, offer: Offer, dialect: Dialect) -> Mail | Say:
    try:
        match = _FROM.fullmatch(argument.decode())
    except UnicodeDecodeError:
        return Say("not_text")
    if match is None:
        return Say("bad_argument", "MAIL FROM:<address> is wanted")
    path, written = match.groups()
    parameters = _parameters(written, offer.mail_parameters if dialect.esmtp else _NOTHING) if written else {}
    if isinstance(parameters, Say):
        return parameters
    try:
        sender = _address(_without_route(path)) if path else NULL_SENDER
    except ValueError as reason:
        return Say("bad_sender", str(reason))
    if path and not sender.domain:
        return Say("bad_sender", "no domain")
    return _declared(sender, parameters, offer) if parameters else _plain_mail(sender)


def _plain_mail(sender: Address) -> Mail | Say:
    return Mail(sender, None, False, False) if sender.is_ascii else Say("needs_smtputf8")


def _declared(sender: Address, parameters: Mapping[str, str], offer: Offer) -> Mail | Say:
    size = parameters.get("SIZE")
    body = parameters.get("BODY", "7BIT").upper()
    if size is not None and _SIZE.fullmatch(size) is None:
        return Say("bad_parameter", "SIZE is a number of octets")
    if body not in _BODIES:
        return Say("bad_parameter", "BODY is 7BIT or 8BITMIME")
    if "SMTPUTF8" not in parameters and not sender.is_ascii:
        return Say("needs_smtputf8")
    octets = None if size is None else int(size)
    if octets is not None and octets > offer.max_message_size:
        return Say("message_too_big")  # RFC 1870 6.1
    try:
        more = NO_MAIL_PARAMETERS if _OF_THE_MESSAGE.issuperset(parameters) else mail_parameters(parameters)
    except BadParameterError as reason:
        return Say("bad_parameter", str(reason))
    return Mail(sender, octets, _BODIES[body], "SMTPUTF8" in parameters, more)


def _parameters(written: str, offered: frozenset[str]) -> dict[str, str] | Say:
    parameters: dict[str, str] = {}
    for word in written.split():
        name, equals, value = word.partition("=")
        keyword = name.upper()
        if keyword not in offered:
            return Say("unknown_parameter")
        if keyword in parameters:
            return Say("bad_parameter", f"{keyword} is given twice")
        if bool(value) is (keyword in BARE) or (equals and not value):
            return Say("bad_parameter", f"{keyword} takes {'no' if keyword in BARE else 'a'} value")
        parameters[keyword] = value
    return parameters


def _rcpt(argument: bytes, offer: Offer, dialect: Dialect) -> Rcpt | Say:
    try:
        match = _TO.fullmatch(argument.decode())
    except UnicodeDecodeError:
        return Say("not_text")
    if match is None:
        return Say("bad_argument", "RCPT TO:<address> is wanted")
    path, written = match.groups()
    try:
        plain = _recipient(path)
    except ValueError as reason:
        return Say("bad_recipient", str(reason))
    if not dialect.smtputf8 and not plain.recipient.is_ascii:
        return Say("needs_smtputf8")
    return _extended_rcpt(plain.recipient, written, offer, dialect) if written else plain


# As for `_address`: most recipients come again, and most come without parameters.
@lru_cache(maxsize=1024)
def _recipient(path: str) -> Rcpt:
    return Rcpt(Address.parse(_without_route(path)))


def _extended_rcpt(recipient: Address, written: str, offer: Offer, dialect: Dialect) -> Rcpt | Say:
    parameters = _parameters(written, offer.rcpt_parameters if dialect.esmtp else _NOTHING)
    if isinstance(parameters, Say):
        return parameters
    try:
        return Rcpt(recipient, rcpt_parameters(parameters, smtputf8=dialect.smtputf8))
    except BadParameterError as reason:
        return Say("bad_parameter", str(reason))


def _without_route(path: str) -> str:
    # RFC 5321 F.2: a source route is taken, and ignored.
    if not path.startswith("@"):
        return path
    route = _ROUTE.match(path)
    return path[route.end() :] if route else path


def _alone(meaning: Data | Reset | Quit | StartTls) -> Reading:
    def read(argument: bytes, _offer: Offer, _dialect: Dialect) -> Meaning:
        return Say("bad_argument", "no argument is wanted") if argument.strip(b" ") else meaning

    return read


def _noop(_argument: bytes, _offer: Offer, _dialect: Dialect) -> Say:
    return Say("noop")


def _help(_argument: bytes, _offer: Offer, _dialect: Dialect) -> Say:
    return Say("help")


def _vague(argument: bytes, _offer: Offer, _dialect: Dialect) -> Say:
    return Say("vrfy") if argument.strip(b" ") else Say("bad_argument", "VRFY wants a name")


def _asked(question: type[Verify | Expand]) -> Reading:
    def read(argument: bytes, _offer: Offer, _dialect: Dialect) -> Verify | Expand | Say:
        try:
            text = _SMTPUTF8.sub("", argument.decode()).strip(" ")
        except UnicodeDecodeError:
            return Say("not_text")
        return question(text) if text else Say("bad_argument", "a name is wanted")

    return read


def _bdat(argument: bytes, _offer: Offer, _dialect: Dialect) -> Bdat | Say:
    match = CHUNK_SIZE.fullmatch(argument.strip(b" "))
    # Where the chunk ends nobody knows, and its octets must not be taken for commands: this reply closes.
    return Say("bad_chunk") if match is None else Bdat(int(match[1]), match[2] is not None)


def _auth(argument: bytes, offer: Offer, dialect: Dialect) -> Authenticate | Say:
    if not dialect.esmtp:
        return Say("ehlo_first")  # RFC 4954 4: AUTH is for those who have said EHLO
    wanted = exchange.command(argument)
    if wanted is None:
        return Say("bad_argument", "AUTH mechanism is wanted")
    mechanism, encoded = wanted
    if mechanism not in offer.mechanisms:
        return Say("unknown_mechanism")
    initial = None if encoded is None else exchange.initial(encoded)
    if encoded is not None and initial is None:
        return Say("bad_base64")
    return Authenticate(mechanism, initial)


def _xclient(argument: bytes, _offer: Offer, _dialect: Dialect) -> Xclient | Say:
    if not argument.isascii():
        return Say("not_text")
    try:
        return Xclient(xclient.attributes(argument.decode("ascii")))
    except ValueError as reason:
        return Say("bad_argument", str(reason))


def insisting(verb: Verb, name: str) -> Verb:
    """The same command, which may only stand where it may, and is always answered by the reply `name`."""
    return Verb(verb.move, lambda _argument, _offer, _dialect: Say(name))


# All that can be granted; which of them a client is granted is for its terms to say.
VERBS: Final[Mapping[bytes, Verb]] = {
    b"EHLO": Verb(Hello, _ehlo),
    b"HELO": Verb(Hello, _helo),
    b"LHLO": Verb(Hello, _ehlo),
    b"STARTTLS": Verb(StartTls, _alone(START_TLS)),
    b"AUTH": Verb(Authenticate, _auth),
    b"MAIL": Verb(Mail, _mail),
    b"RCPT": Verb(Rcpt, _rcpt),
    b"DATA": Verb(Data, _alone(DATA)),
    b"BDAT": Verb(Bdat, _bdat),
    b"RSET": Verb(Reset, _alone(RESET)),
    b"NOOP": Verb(None, _noop),
    b"VRFY": Verb(Verify, _asked(Verify)),
    b"EXPN": Verb(Expand, _asked(Expand)),
    b"XCLIENT": Verb(Xclient, _xclient),
    b"HELP": Verb(None, _help),
    b"QUIT": Verb(Quit, _alone(QUIT)),
}

# VRFY where nobody is asked: 252 whatever the name (RFC 5321 3.5.3).
VAGUE_VRFY: Final = Verb(None, _vague)

# Verbs of SMTP and its extensions that are understood and not offered (RFC 5321 4.2.4: 502, not 500). EHLO
# and HELO are not among them: RFC 2033 4.1 wants a 500 from a server that speaks LMTP.
NOT_OFFERED: Final = frozenset({
    b"ATRN", b"AUTH", b"BDAT", b"BURL", b"ETRN", b"EXPN", b"LHLO", b"SAML", b"SEND", b"SOML", b"STARTTLS",
    b"TURN", b"VRFY", b"XCLIENT", b"XFORWARD",
})  # fmt: skip

# A browser, or somebody who makes one talk to us, instead of a mail client.
WEB_VERBS: Final = frozenset({b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT"})
