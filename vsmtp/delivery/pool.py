"""Connections to one destination: as many as allowed, used again while they are young."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.delivery.session import Broken, Session


@dataclass(frozen=True, slots=True)
class Limits:
    """How connections are used.

    `idle`: seconds one is kept unused; `uses`: messages before it is closed; `connections` at a time;
    `unreachable`: seconds for which a destination that could not be reached is not tried again.
    """

    connections: int = 20
    idle: float = 30.0
    uses: int = 100
    unreachable: float = 10.0


@dataclass(slots=True)
class Lease:
    """A connection in use. `uses` counts the messages before this one: after any, it may be stale."""

    session: Session
    uses: int = 0


Connect: TypeAlias = Callable[[], Awaitable[Session]]


class Pool:
    """The connections to one destination."""

    def __init__(self, connect: Connect, limits: Limits) -> None:
        self._connect = connect
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.connections)
        self._idle: list[tuple[Lease, asyncio.TimerHandle]] = []
        self._down: tuple[float, Broken] | None = None

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """A connection, an idle one if there is one; raises Broken where there is none to be had.

        If the block ends by an exception or the peer has hung up, the connection is closed.
        """
        async with self._turns:
            lease = self._take() or Lease(await self._open())
            usable = False
            try:
                yield lease
                usable = True
            finally:
                self._give(lease, usable=usable)

    async def renew(self, lease: Lease) -> None:
        """The leased connection is replaced by a fresh one; raises Broken."""
        lease.session.close()
        lease.session, lease.uses = await self._open(), 0

    async def close(self) -> None:
        """Every connection is closed, after all that was to be sent before."""
        async with AsyncExitStack() as turns:
            for _ in range(self._limits.connections):
                await turns.enter_async_context(self._turns)
            async with asyncio.TaskGroup() as partings:
                while (lease := self._take()) is not None:
                    partings.create_task(lease.session.quit())

    def _take(self) -> Lease | None:
        while self._idle:
            lease, timer = self._idle.pop()
            timer.cancel()
            if lease.session.is_open:
                return lease
            lease.session.close()
        return None

    def _give(self, lease: Lease, *, usable: bool) -> None:
        lease.uses += 1
        if not usable:
            lease.session.close()
            return
        if lease.uses >= self._limits.uses or not lease.session.is_open:
            lease.session.leave()
            return
        timer = asyncio.get_running_loop().call_later(self._limits.idle, self._expire, lease)
        self._idle.append((lease, timer))

    def _expire(self, lease: Lease) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not lease]
        lease.session.leave()

    async def _open(self) -> Session:
        now = asyncio.get_running_loop().time()
        if self._down is not None and now < self._down[0]:
            raise Broken(self._down[1].reply)
        try:
            session = await self._connect()
        except Broken as fault:
            self._down = (asyncio.get_running_loop().time() + self._limits.unreachable, fault)
            raise
        self._down = None
        return session
