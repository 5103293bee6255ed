"""A TLS tunnel as octets in and octets out (RFC 5246, RFC 8446): no socket, no loop, the same on every loop.

OpenSSL reads and writes two memory buffers. What a peer has sent goes in whole and is read out at once, so
that never more than one unfinished record waits inside; what is to be sent is taken out after every step.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

# Most a peer may send before the handshake is done: a hello, a chain of certificates.
MAX_HANDSHAKE: Final = 128 * 2**10
_RECORD: Final = 16 * 2**10


class TlsError(Exception):
    """The peer does not speak TLS as it must; `farewell` is the alert to send before closing."""

    def __init__(self, reason: str, farewell: bytes = b"") -> None:
        super().__init__(reason)
        self.farewell = farewell


class Served(ssl.SSLObject):
    """The server's end of a tunnel; `asked` is the server name that the client asked for, or empty."""

    asked: str = ""


class Shown(ssl.SSLContext):
    """A server's context; `binding` is the hash of its certificate for RFC 5929's `tls-server-end-point`."""

    binding: bytes = b""


class Tunnel:
    """One end of a connection under TLS.

    First `shake` until `is_ready`, then `open` what comes and `seal` what goes. `ended` holds once the peer
    has said that it sends no more.
    """

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "is_ready")

    def __init__(self, context: ssl.SSLContext, server_name: str | None = None) -> None:
        """Begin as a server, or as a client of `server_name`, as the purpose of the context is."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        is_server = context.protocol is ssl.PROTOCOL_TLS_SERVER
        self._object = context.wrap_bio(self._incoming, self._outgoing, is_server, server_name)
        self.is_ready = False
        self.ended = False

    def feed(self, octets: bytes) -> None:
        """Let what the peer has sent wait for `shake`. Raises TlsError when it is too much."""
        self._incoming.write(octets)
        if self._incoming.pending > MAX_HANDSHAKE:
            raise TlsError("too many octets before the end of the handshake")

    def shake(self) -> bytes:
        """Go on with the handshake; what is to be sent now. This may take a millisecond. Raises TlsError."""
        try:
            self._object.do_handshake()
            self.is_ready = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, ssl.CertificateError) as fault:
            raise self._fault(fault) from None
        return self._outgoing.read()

    def open(self, octets: bytes) -> bytes:
        """What the peer's octets say, as far as it is complete. Raises TlsError."""
        self._incoming.write(octets)
        said = []
        try:
            while some := self._object.read(_RECORD):
                said.append(some)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as fault:
            raise self._fault(fault) from None
        return said[0] if len(said) == 1 else b"".join(said)

    def seal(self, text: bytes) -> bytes:
        """The octets that say `text` to the peer. Raises TlsError when the tunnel has broken."""
        at = 0
        view = memoryview(text)
        try:
            while at < len(view):
                at += self._object.write(view[at:])
        except ssl.SSLError as fault:
            raise self._fault(fault) from None
        return self._outgoing.read()

    def owed(self) -> bytes:
        """What TLS itself has to say to the peer, such as the answer to an update of its keys."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def close(self) -> bytes:
        """The octets that end the conversation in order (close_notify)."""
        with suppress(ssl.SSLError):  # the peer has not said the same yet, and nobody waits for it
            self._object.unwrap()
        return self._outgoing.read()

    @property
    def version(self) -> str:
        """The version spoken, as `1.3`."""
        return (self._object.version() or "").removeprefix("TLSv")

    @property
    def cipher(self) -> str:
        """The cipher suite, as OpenSSL calls it."""
        cipher = self._object.cipher()
        return cipher[0] if cipher else ""

    @property
    def asked(self) -> str:
        """The server name that the client asked for, in lower case; empty for none."""
        return self._object.asked if isinstance(self._object, Served) else ""

    @property
    def binding(self) -> bytes:
        """The hash of the certificate shown, which logins can be bound to; empty where there is none."""
        context = self._object.context
        return context.binding if isinstance(context, Shown) else b""

    @property
    def peer(self) -> str:
        """Whose certificate the peer has shown: its common name, or where there is none its first other name.

        Empty without a verified certificate.
        """
        # What typeshed says of it is too vague to take it apart.
        shown = cast("Mapping[str, Any]", self._object.getpeercert() or {})
        common = [text for part in shown.get("subject", ()) for key, text in part if key == "commonName"]
        others = [text for _, text in shown.get("subjectAltName", ())]
        return str(next(iter([*common, *others]), ""))

    def _fault(self, fault: ssl.SSLError) -> TlsError:
        return TlsError(_in_words(fault), self._outgoing.read())


def _in_words(fault: ssl.SSLError) -> str:
    return (fault.reason or str(fault) or "unknown").replace("_", " ").lower()
