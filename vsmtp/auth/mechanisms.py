"""The server's half of the SASL mechanisms, pure: whoever drives them fetches what they want.

PLAIN is RFC 4616, LOGIN draft-murchison-sasl-login, CRAM-MD5 RFC 2195, SCRAM RFC 5802 and 7677, EXTERNAL RFC
4422. An identity to act as, where the client names one, must be its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]  # it has no types

from vsmtp.auth.exchange import (
    Challenge,
    Check,
    ClearSecret,
    Course,
    Exchange,
    Failure,
    Granted,
    ScramSecret,
    Success,
    Told,
    Wants,
)
from vsmtp.auth.scram import ScramKeys
from vsmtp.auth.secrets import is_password
from vsmtp.values.answer import Found, Unavailable
from vsmtp.values.secret import Secret

MAX_USER: Final = 255
# More than any mechanism here has to say.
MAX_RESPONSE: Final = 4096
# What Python can bind a login to: its `ssl` exports no keying material for `tls-exporter` (RFC 9266).
BINDING: Final = "tls-server-end-point"

Fetched: TypeAlias = Generator[Challenge | Wants, "bytes | Told", "bytes | Failure"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What an exchange needs of its surroundings.

    `nonce` is fresh printable ASCII without commas, of 18 characters at least; `host` is the server's name;
    `binding` is the hash of the server's certificate that RFC 5929 4.1 asks for, empty without TLS and where
    no mechanism with -PLUS is offered; `external` is who the client's certificate says it is, empty where
    there is none.
    """

    nonce: str
    host: str
    binding: bytes = b""
    external: str = ""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A mechanism and what it asks for.

    `clear`: the password travels as it is; `wants_secret`: the back end must tell secrets; `wants_binding`:
    TLS and its certificate; `wants_certificate`: the client's.
    """

    course: Callable[[bytes | None, Setting], Course]
    clear: bool = False
    wants_secret: bool = False
    wants_binding: bool = False
    wants_certificate: bool = False


def begin(name: str, initial: bytes | None, setting: Setting) -> Exchange:
    """An exchange of a mechanism that is in `MECHANISMS`; `initial` is None where the client sent nothing."""
    return Exchange(MECHANISMS[name].course(initial, setting))


def _plain(initial: bytes | None, _setting: Setting) -> Course:
    said = yield from _first(initial, b"")
    if isinstance(said, Failure):
        return said
    parts = said.split(b"\0")
    if len(parts) != 3:  # noqa: PLR2004 RFC 4616: who to act as, who one is, the password
        return Failure("malformed", "PLAIN has three parts")
    actor, user, password = (_text(part) for part in parts)
    return (yield from _checked(user, password, actor))


def _login(initial: bytes | None, _setting: Setting) -> Course:
    user = yield from _first(initial, b"Username:")
    if isinstance(user, Failure):
        return user
    password = yield from _first(None, b"Password:")
    if isinstance(password, Failure):
        return password
    return (yield from _checked(_text(user), _text(password), ""))


def _cram_md5(initial: bytes | None, setting: Setting) -> Course:
    if initial:
        return Failure("malformed", "in CRAM-MD5 the server speaks first")
    challenge = f"<{setting.nonce}@{setting.host}>".encode()
    said = yield from _first(None, challenge)
    if isinstance(said, Failure):
        return said
    name, _, digest = said.rpartition(b" ")
    user = _text(name)
    if user is None or not _is_user(user):
        return Failure("malformed", "CRAM-MD5 has a user and a digest")
    match (yield ClearSecret(user)):
        case Found(Secret(text=password)):
            wanted = hmac.new(password.encode(), challenge, hashlib.md5).hexdigest().encode()
            return Success(user) if hmac.compare_digest(wanted, digest.lower()) else _denied(user)
        case Unavailable(reason):
            return Failure("unavailable", reason, user)
        case _:
            return _denied(user)


def _external(initial: bytes | None, setting: Setting) -> Course:
    said = yield from _first(initial, b"")
    if isinstance(said, Failure):
        return said
    actor = _text(said)
    if not setting.external:
        return Failure("denied", "the client has shown no certificate", actor or "")
    if actor is None or not _is_same(actor, setting.external):
        return Failure("denied", "the certificate is another one's", actor or "")
    return Success(setting.external)


def _scram(name: str, initial: bytes | None, setting: Setting) -> Course:
    said = yield from _first(initial, b"")
    first = said if isinstance(said, Failure) else _text(said)
    if isinstance(first, Failure) or first is None:
        return first or Failure("malformed", "this is no UTF-8")
    user = _scram_user(name, first, setting)
    if isinstance(user, Failure):
        return user
    match (yield ScramSecret(user)):
        case Found(ScramKeys() as keys):
            return (yield from _prove(_scram_server(name, setting, keys), first, user))
        case Unavailable(reason):
            return Failure("unavailable", reason, user)
        case _:
            return _denied(user)


def _scram_user(name: str, first: str, setting: Setting) -> str | Failure:
    # scramp asks for keys while it reads the first message; they cannot be fetched then, so it is read twice.
    named: list[str] = []

    def tell(user: str) -> object:
        named.append(user)
        raise LookupError(user)

    server = ScramMechanism(name).make_server(tell, _bound(setting), setting.nonce)
    try:
        server.set_client_first(first)
    except ScramException as error:
        if not named:
            return _scram_failure(error, "")
    user = "".join(named)
    return user if _is_user(user) else Failure("malformed", "the user is empty or too long")


def _scram_server(name: str, setting: Setting, keys: ScramKeys) -> ScramMechanism:
    parts = keys.salt, keys.stored_key, keys.server_key, keys.iterations
    return ScramMechanism(name).make_server(lambda _user: parts, _bound(setting), setting.nonce)


def _prove(server: ScramMechanism, first: str, user: str) -> Course:
    try:
        server.set_client_first(first)
        said = yield Challenge(server.get_server_first().encode())
        assert isinstance(said, bytes)
        final = _text(said)
        if final is None:
            return Failure("malformed", "this is no UTF-8", user)
        server.set_client_final(final)
        # RFC 4954 4: what the server has to say at the end goes in a challenge, which is answered by nothing.
        said = yield Challenge(server.get_server_final().encode())
    except ScramException as error:
        return _scram_failure(error, user)
    return Success(user) if said == b"" else Failure("malformed", "nothing should follow", user)


def _scram_failure(error: ScramException, user: str) -> Failure:
    known = error.server_error
    spoken = known is None or known.value in ("other-error", "invalid-encoding")
    return Failure("malformed" if spoken else "denied", str(error), user)


def _bound(setting: Setting) -> tuple[str, bytes] | None:
    return (BINDING, setting.binding) if setting.binding else None


def _first(initial: bytes | None, prompt: bytes) -> Fetched:
    """The client's octets: those it sent at once, else its answer to `prompt`."""
    said: bytes | Told = initial if initial is not None else (yield Challenge(prompt))
    assert isinstance(said, bytes)
    return said if len(said) <= MAX_RESPONSE else Failure("malformed", "the response is too long")


def _checked(user: str | None, password: str | None, actor: str | None) -> Course:
    if user is None or password is None or actor is None or not _is_user(user):
        return Failure("malformed", "the user is empty, too long, or no UTF-8")
    if not is_password(password) or not _is_same(actor, user):
        return _denied(user)
    match (yield Check(user, Secret(password))):
        case Granted(known):
            return Success(known)
        case Unavailable(reason):
            return Failure("unavailable", reason, user)
        case _:
            return _denied(user)


def _denied(user: str) -> Failure:
    return Failure("denied", "wrong user or password", user)


def _is_user(user: str) -> bool:
    return 0 < len(user) <= MAX_USER and user.isprintable()


def _is_same(actor: str, user: str) -> bool:
    return not actor or actor.casefold() == user.casefold()


def _text(octets: bytes) -> str | None:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None


MECHANISMS: Final[Mapping[str, Mechanism]] = {
    "PLAIN": Mechanism(_plain, clear=True),
    "LOGIN": Mechanism(_login, clear=True),
    "CRAM-MD5": Mechanism(_cram_md5, wants_secret=True),
    "SCRAM-SHA-256": Mechanism(partial(_scram, "SCRAM-SHA-256"), wants_secret=True),
    "SCRAM-SHA-256-PLUS": Mechanism(
        partial(_scram, "SCRAM-SHA-256-PLUS"), wants_secret=True, wants_binding=True
    ),
    "EXTERNAL": Mechanism(_external, wants_certificate=True),
}
