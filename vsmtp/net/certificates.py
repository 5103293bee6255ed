"""The certificates a server shows: chosen by the name that a client asks for, read anew when files change."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]  # it has no types

from vsmtp.net.tls import Served, Shown
from vsmtp.values.answer import Unavailable

# Whether clients are asked for a certificate of theirs.
Ask: TypeAlias = Literal["none", "ask", "require"]
TlsVersion: TypeAlias = Literal["1.2", "1.3"]

_VERSIONS: Final[Mapping[TlsVersion, ssl.TLSVersion]] = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_ASKED: Final[Mapping[Ask, ssl.VerifyMode]] = {
    "none": ssl.CERT_NONE,
    "ask": ssl.CERT_OPTIONAL,
    "require": ssl.CERT_REQUIRED,
}
_PEM: Final = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
# RFC 5929 4.1: in place of these SHA-256 is taken.
_WEAK: Final = frozenset({"md5", "sha1"})
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,255}")

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with those that lead to its root, and its key: two files in PEM."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Policy:
    """What is shown, and what is spoken.

    `others` are certificates for single names, in lower case; `ciphers` are OpenSSL's names of suites of TLS
    1.2, none for its own choice; a client's certificate is judged by the authorities in `client_ca`.
    """

    pair: KeyPair
    others: Mapping[str, KeyPair]
    min_version: TlsVersion = "1.2"
    ciphers: tuple[str, ...] = ()
    client_ca: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that matter."""
        pairs = (self.pair, *self.others.values())
        files = tuple(path for pair in pairs for path in (pair.chain, pair.key))
        return files if self.client_ca is None else (*files, self.client_ca)


class Certificates:
    """The contexts that sessions begin with; one that has begun keeps its own.

    Raises OSError (ssl.SSLError is one) when the files cannot be used.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._stamp = _stamp(policy)
        self._contexts = _contexts(policy)

    def context(self, ask: Ask) -> Callable[[], ssl.SSLContext]:
        """What gives the context of now, for clients that are asked for a certificate as `ask` says."""
        return lambda: self._contexts[ask]

    def renew(self) -> bool | Unavailable:
        """Read the files anew if they have changed; whether they had, or why what is in use stays in use.

        Blocks for some milliseconds. A change that cannot be used is told of once.
        """
        stamp = _stamp(self._policy)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._contexts = _contexts(self._policy)
        except OSError as fault:
            return Unavailable(_in_words(fault))
        return True


def _stamp(policy: Policy) -> Stamp:
    """What changes when a file does; a file that is not there has no stamp."""
    return tuple(_stamp_of(path) for path in policy.files)


def _stamp_of(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _contexts(policy: Policy) -> dict[Ask, ssl.SSLContext]:
    """A context for each way to ask; all show the same certificates."""
    contexts: dict[Ask, ssl.SSLContext] = {}
    for ask, mode in _ASKED.items():
        if mode is not ssl.CERT_NONE and policy.client_ca is None:
            continue
        # Each name its own: where another name is asked for, its context judges the client's certificate.
        others = {name.lower(): _context(policy, pair, mode) for name, pair in policy.others.items()}
        contexts[ask] = _context(policy, policy.pair, mode)
        contexts[ask].sni_callback = _chooser(others)
    return contexts


def _context(policy: Policy, pair: KeyPair, mode: ssl.VerifyMode) -> ssl.SSLContext:
    context = Shown(ssl.PROTOCOL_TLS_SERVER)
    context.binding = binding_of(pair.chain)
    context.sslobject_class = Served
    context.minimum_version = _VERSIONS[policy.min_version]
    # Who may begin a handshake again and again makes us calculate (and RFC 8446 has no such thing).
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A mail client comes back by one connection at a time: a second ticket would only cost.
    context.num_tickets = 1
    if policy.ciphers:
        context.set_ciphers(":".join(policy.ciphers))
    context.load_cert_chain(pair.chain, pair.key, password=b"")  # an encrypted key must fail, not ask
    context.verify_mode = mode
    if mode is not ssl.CERT_NONE:
        context.load_verify_locations(policy.client_ca)
    return context


def binding_of(chain: Path) -> bytes:
    """The hash of the first certificate that logins can be bound to (RFC 5929 4.1).

    Empty where its signature has no hash function of its own, or it cannot be read.
    """
    found = _PEM.search(chain.read_text("ascii", "replace"))
    if found is None:
        return b""
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0])
        name = Certificate.load(der)["signature_algorithm"].hash_algo
    except ValueError:
        return b""
    return hashlib.new("sha256" if name in _WEAK else name, der).digest()


def _chooser(
    others: Mapping[str, ssl.SSLContext],
) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]:
    def choose(served: ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
        if asked is None or not isinstance(served, Served) or _NAME.fullmatch(asked) is None:
            return
        served.asked = asked.lower()
        if other := others.get(served.asked):
            served.context = other

    return choose


def _in_words(fault: OSError) -> str:
    if isinstance(fault, ssl.SSLError):
        return f"a certificate or its key cannot be used: {(fault.reason or str(fault)).lower()}"
    return f"`{fault.filename}` cannot be read: {fault.strerror or fault}" if fault.filename else str(fault)
