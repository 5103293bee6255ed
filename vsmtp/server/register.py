"""The connections that are open: their deadlines, and their end when the server ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from vsmtp.net.limits import Connections
from vsmtp.server.connection import SHUTTING_DOWN, Connection
from vsmtp.server.listener import Client

# How often deadlines are looked at: they are that much late at most.
CHECK_EVERY: Final = 1.0
CHECK_AT_THE_END: Final = 0.05


class Register:
    """All connections of a worker; `limits` are told who has gone."""

    def __init__(self, limits: Connections) -> None:
        self.limits = limits
        self._open: set[Connection] = set()
        self._empty = asyncio.Event()

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Mind a connection from now on."""
        self._open.add(connection)
        self._empty.clear()

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        if not self._open:
            self._empty.set()
        self.limits.release(connection.client.ip)

    def moved(self, was: Client, now: Client) -> str:
        """Count a connection for another client than before; the reason, if that is one too many."""
        self.limits.release(was.ip)
        reason = self.limits.admit(now.ip, trusted=now.trusted)
        if reason:
            self.limits.hold(now.ip)
        return reason

    async def watch(self) -> None:
        """Close connections whose time is over, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_EVERY)
            now = loop.time()
            for connection in list(self._open):
                connection.check(now)

    async def empty(self, seconds: float) -> None:
        """End all connections in order; what is still under way after `seconds` is told to come again."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._open and loop.time() < end:
            for connection in list(self._open):
                connection.shut_down()
            await asyncio.sleep(CHECK_AT_THE_END)
        for connection in list(self._open):
            connection.dismiss(SHUTTING_DOWN, "shutdown")
        if self._open:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(end + 1):
                    await self._empty.wait()
        for connection in list(self._open):
            connection.abort()
