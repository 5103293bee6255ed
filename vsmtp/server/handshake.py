"""TLS handshakes, each a step at a time and in turn with those of others.

A step with the server's key in it keeps the processor for a millisecond. When hundreds of clients come at
once, those who are already served must not wait for all of them: each turn of the loop takes one step.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable

from vsmtp.net.tls import TlsError, Tunnel


class Turns:
    """Steps that wait; one is taken in each turn of the loop, in the order in which they came."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, step: Callable[[], None]) -> None:
        """Let the step wait for its turn."""
        self._waiting.append(step)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        try:
            self._waiting[0]()
        finally:
            self._waiting.popleft()
            if self._waiting:
                self._loop.call_soon(self._next)


class Handshake:
    """The handshake of one tunnel: octets go out by `send`, the end is told to `settled`.

    `settled` gets None when the tunnel is ready, else why it will never be; it is called once, and not at all
    after `forget`.
    """

    __slots__ = ("_over", "_send", "_settled", "_turns", "_waits", "tunnel")

    def __init__(
        self,
        tunnel: Tunnel,
        turns: Turns,
        send: Callable[[bytes], None],
        settled: Callable[[TlsError | None], None],
    ) -> None:
        self.tunnel = tunnel
        self._turns = turns
        self._send = send
        self._settled = settled
        self._waits = False
        self._over = False

    def take(self, octets: bytes) -> None:
        """Go on with what the client has sent, as soon as it is this handshake's turn."""
        try:
            self.tunnel.feed(octets)
        except TlsError as fault:
            self._end(fault)
            return
        if not self._waits:
            self._waits = True
            self._turns.take(self._step)

    def forget(self) -> None:
        """The client is gone."""
        self._over = True

    def _step(self) -> None:
        self._waits = False
        if self._over:
            return
        try:
            owed = self.tunnel.shake()
        except TlsError as fault:
            self._end(fault)
            return
        if owed:
            self._send(owed)
        if self.tunnel.is_ready:
            self._end(None)

    def _end(self, fault: TlsError | None) -> None:
        if not self._over:
            self._over = True
            self._settled(fault)
