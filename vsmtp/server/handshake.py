"""TLS handshakes, their steps taken in threads.

A step with the server's key in it keeps a processor for a millisecond, and OpenSSL lets go of the GIL for it.
When hundreds of clients come at once, those who are already served wait for none of them, and the steps of
several clients run on several processors.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from vsmtp.net.tls import MAX_HANDSHAKE, TlsError, Tunnel


class Turns:
    """Steps are taken in the threads of `pool`, in the order in which they came."""

    def __init__(self, loop: AbstractEventLoop, pool: Executor) -> None:
        self._loop = loop
        self._pool = pool

    def take(self, step: Callable[[], bytes], then: Callable[[Future[bytes]], None]) -> None:
        """Let the step wait for its turn; what it gives or raises is told to `then` on the loop."""
        self._loop.run_in_executor(self._pool, step).add_done_callback(then)


class Handshake:
    """The handshake of one tunnel: octets go out by `send`, the end is told to `settled`.

    `settled` gets None when the tunnel is ready, else why it will never be; it is called once, and not at all
    after `forget`.
    """

    __slots__ = ("_came", "_is_stepping", "_over", "_send", "_settled", "_turns", "tunnel")

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
        # The tunnel is the thread's during a step: what comes meanwhile waits here.
        self._came = b""
        self._is_stepping = False
        self._over = False

    def take(self, octets: bytes) -> None:
        """Go on with what the client has sent, as soon as it is this handshake's turn."""
        if self._over:
            return
        self._came += octets
        if len(self._came) > MAX_HANDSHAKE:
            self._end(TlsError("too many octets before the end of the handshake"))
        elif not self._is_stepping:
            self._begin()

    def forget(self) -> None:
        """The client is gone."""
        self._over = True

    def _begin(self) -> None:
        octets, self._came = self._came, b""
        self._is_stepping = True
        self._turns.take(partial(self._step, octets), self._stepped)

    def _step(self, octets: bytes) -> bytes:
        """In a thread: what is to be sent now. Raises TlsError."""
        if self._over:
            return b""
        self.tunnel.feed(octets)
        return self.tunnel.shake()

    def _stepped(self, step: Future[bytes]) -> None:
        self._is_stepping = False
        fault = step.exception()
        if self._over:
            return
        if isinstance(fault, TlsError):
            self._end(fault)
            return
        if owed := step.result():
            self._send(owed)
        if self.tunnel.is_ready:
            self._hand_on()
        elif self._came:
            self._begin()

    def _hand_on(self) -> None:
        """Leave to the tunnel what came during the last step; much of it is no client that waits for us."""
        try:
            self.tunnel.feed(self._came)
        except TlsError as fault:
            self._end(fault)
        else:
            self._end(None)

    def _end(self, fault: TlsError | None) -> None:
        self._over = True
        self._settled(fault)
