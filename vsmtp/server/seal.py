"""TLS on a connection: from the handshake, in its turn, to the close; what is broken is told once."""

from __future__ import annotations

from ssl import SSLContext
from typing import Protocol

from vsmtp.net.tls import TlsError, Tunnel
from vsmtp.server.handshake import Handshake, Turns


class Carrier(Protocol):
    """The connection that a seal is put on."""

    def send(self, octets: bytes) -> None:
        """Write these octets as they are."""

    def sealed(self, tunnel: Tunnel) -> None:
        """The handshake is done; what the client said with its last step follows."""

    def hear(self, said: bytes) -> None:
        """The client has said this, or nothing, under TLS."""

    def broken(self, fault: TlsError) -> None:
        """Nothing more can be said or heard."""


class Seal:
    """One client's TLS; `is_whole` while there is a tunnel to speak by."""

    __slots__ = ("_carrier", "_handshake", "_tunnel")

    def __init__(self, context: SSLContext, turns: Turns, carrier: Carrier) -> None:
        self._carrier = carrier
        self._tunnel: Tunnel | None = None
        self._handshake: Handshake | None = Handshake(Tunnel(context), turns, carrier.send, self._settle)

    @property
    def is_whole(self) -> bool:
        """Whether the handshake is done and nothing has broken since."""
        return self._tunnel is not None

    @property
    def has_ended(self) -> bool:
        """Whether the client has said that it sends no more."""
        return self._tunnel is not None and self._tunnel.ended

    def take(self, octets: bytes) -> None:
        """Go on with what the client has sent."""
        if self._handshake is not None:
            self._handshake.take(octets)
        elif self._tunnel is not None:
            self._open(self._tunnel, octets)

    def put(self, text: bytes) -> bytes:
        """The octets that say `text`; none if the tunnel breaks by that."""
        if self._tunnel is None:
            return b""
        try:
            return self._tunnel.seal(text)
        except TlsError as fault:
            self._break(fault)
            return b""

    def close(self) -> bytes:
        """The octets that end TLS in order."""
        return self._tunnel.close() if self._tunnel is not None else b""

    def forget(self) -> None:
        """The client is gone: a handshake that waits for its turn is not gone on with."""
        if self._handshake is not None:
            self._handshake.forget()

    def _settle(self, fault: TlsError | None) -> None:
        handshake, self._handshake = self._handshake, None
        assert handshake is not None
        if fault is not None:
            self._break(fault)
            return
        self._tunnel = handshake.tunnel
        self._carrier.sealed(self._tunnel)
        # The last step of the handshake may have brought the first words.
        self.take(b"")

    def _open(self, tunnel: Tunnel, octets: bytes) -> None:
        try:
            said = tunnel.open(octets)
        except TlsError as fault:
            self._break(fault)
            return
        if owed := tunnel.owed():
            self._carrier.send(owed)
        self._carrier.hear(said)

    def _break(self, fault: TlsError) -> None:
        self._tunnel = None
        self._carrier.broken(fault)
