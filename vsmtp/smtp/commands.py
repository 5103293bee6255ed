"""Command lines read: octets in, a question or the name of a reply out (RFC 5321 4.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from vsmtp.smtp.moves import Move
from vsmtp.smtp.questions import DATA, QUIT, RESET, Data, Hello, Mail, Quit, Rcpt, Reset
from vsmtp.smtp.terms import Terms
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

Meaning: TypeAlias = Hello | Mail | Rcpt | Data | Reset | Quit | Say
Reading: TypeAlias = Callable[[bytes, Terms, Dialect], Meaning]


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
_SIZE: Final = re.compile(r"[0-9]{1,20}")  # RFC 1870 4
# Underscores, a single label, a final dot: what real machines call themselves is for the rules to judge.
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,255}|\[[!-Z^-~]{1,253}\]")
# The same few addresses come again and again, and are read twice as fast as read anew.
_address: Final = lru_cache(maxsize=1024)(Address.parse)
_BODIES: Final = {"7BIT": False, "8BITMIME": True}


def _ehlo(argument: bytes, _terms: Terms, _dialect: Dialect) -> Hello | Say:
    return _hello(argument, Dialect(esmtp=True))


def _helo(argument: bytes, _terms: Terms, _dialect: Dialect) -> Hello | Say:
    return _hello(argument, Dialect())


def _hello(argument: bytes, dialect: Dialect) -> Hello | Say:
    if not argument.isascii():
        return Say("not_text")
    name = argument.decode("ascii").strip(" ")
    if _NAME.fullmatch(name) is None:
        return Say("bad_argument", "a domain or an address literal is wanted" if name else "no name given")
    return Hello(name, dialect.esmtp)


def _mail(argument: bytes, terms: Terms, dialect: Dialect) -> Mail | Say:
    try:
        match = _FROM.fullmatch(argument.decode())
    except UnicodeDecodeError:
        return Say("not_text")
    if match is None:
        return Say("bad_argument", "MAIL FROM:<address> is wanted")
    path, written = match.groups()
    parameters = _parameters(written, terms.parameters if dialect.esmtp else frozenset()) if written else {}
    if isinstance(parameters, Say):
        return parameters
    try:
        sender = _address(_without_route(path)) if path else NULL_SENDER
    except ValueError as reason:
        return Say("bad_sender", str(reason))
    if path and not sender.domain:
        return Say("bad_sender", "no domain")
    return _declared(sender, parameters, terms) if parameters else _plain_mail(sender)


def _plain_mail(sender: Address) -> Mail | Say:
    return Mail(sender, None, False, False) if sender.is_ascii else Say("needs_smtputf8")


def _declared(sender: Address, parameters: Mapping[str, str], terms: Terms) -> Mail | Say:
    size = parameters.get("SIZE")
    body = parameters.get("BODY", "7BIT").upper()
    if size is not None and _SIZE.fullmatch(size) is None:
        return Say("bad_parameter", "SIZE is a number of octets")
    if body not in _BODIES:
        return Say("bad_parameter", "BODY is 7BIT or 8BITMIME")
    if parameters.get("SMTPUTF8"):
        return Say("bad_parameter", "SMTPUTF8 takes no value")
    if "SMTPUTF8" not in parameters and not sender.is_ascii:
        return Say("needs_smtputf8")
    if size is not None and int(size) > terms.max_message_size:
        return Say("message_too_big")  # RFC 1870 6.1
    return Mail(sender, None if size is None else int(size), _BODIES[body], "SMTPUTF8" in parameters)


def _parameters(written: str, offered: frozenset[str]) -> dict[str, str] | Say:
    parameters: dict[str, str] = {}
    for word in written.split():
        name, equals, value = word.partition("=")
        keyword = name.upper()
        if keyword not in offered:
            return Say("unknown_parameter")
        if keyword in parameters or (equals and not value):
            return Say("bad_parameter")
        parameters[keyword] = value
    return parameters


def _rcpt(argument: bytes, _terms: Terms, dialect: Dialect) -> Rcpt | Say:
    try:
        match = _TO.fullmatch(argument.decode())
    except UnicodeDecodeError:
        return Say("not_text")
    if match is None:
        return Say("bad_argument", "RCPT TO:<address> is wanted")
    if match[2]:
        return Say("unknown_parameter")
    try:
        recipient = _address(_without_route(match[1]))
    except ValueError as reason:
        return Say("bad_recipient", str(reason))
    if not dialect.smtputf8 and not recipient.is_ascii:
        return Say("needs_smtputf8")
    return Rcpt(recipient)


def _without_route(path: str) -> str:
    # RFC 5321 F.2: a source route is taken, and ignored.
    if not path.startswith("@"):
        return path
    route = _ROUTE.match(path)
    return path[route.end() :] if route else path


def _alone(meaning: Data | Reset | Quit) -> Reading:
    def read(argument: bytes, _terms: Terms, _dialect: Dialect) -> Meaning:
        return Say("bad_argument", "no argument is wanted") if argument.strip(b" ") else meaning

    return read


def _noop(_argument: bytes, _terms: Terms, _dialect: Dialect) -> Say:
    return Say("noop")


def _help(_argument: bytes, _terms: Terms, _dialect: Dialect) -> Say:
    return Say("help")


def _vrfy(argument: bytes, _terms: Terms, _dialect: Dialect) -> Say:
    return Say("vrfy") if argument.strip(b" ") else Say("bad_argument", "VRFY wants a name")


VERBS: Final[Mapping[bytes, Verb]] = {
    b"EHLO": Verb(Hello, _ehlo),
    b"HELO": Verb(Hello, _helo),
    b"MAIL": Verb(Mail, _mail),
    b"RCPT": Verb(Rcpt, _rcpt),
    b"DATA": Verb(Data, _alone(DATA)),
    b"RSET": Verb(Reset, _alone(RESET)),
    b"QUIT": Verb(Quit, _alone(QUIT)),
    b"NOOP": Verb(None, _noop),
    b"HELP": Verb(None, _help),
    b"VRFY": Verb(None, _vrfy),
}

# Verbs of SMTP and its extensions that are understood and not offered (RFC 5321 4.2.4: 502, not 500).
NOT_OFFERED: Final = frozenset({
    b"ATRN", b"AUTH", b"BDAT", b"BURL", b"ETRN", b"EXPN", b"LHLO", b"SAML", b"SEND", b"SOML", b"STARTTLS",
    b"TURN", b"XCLIENT", b"XFORWARD",
})  # fmt: skip

# A browser, or somebody who makes one talk to us, instead of a mail client.
WEB_VERBS: Final = frozenset({b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT"})
