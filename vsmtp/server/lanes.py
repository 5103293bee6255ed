"""The lanes that deliveries go in: made when first needed, closed when nobody has used them for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeAlias

from vsmtp.delivery.route import Local, Smarthost
from vsmtp.effects.transports import ToHost, ToRelay
from vsmtp.server.parcel import Lane
from vsmtp.values.outcome import Deferred

# Where a lane may lead; mail into a Maildir of a rule's choosing goes in the lane of all Maildirs.
Goal: TypeAlias = Local | Smarthost | ToRelay | ToHost
# A way that rules chose with what facts they like: how long its lane is kept unused, seconds.
IDLE: Final = 60.0
# How long a peer may take over its goodbye, seconds.
PARTING: Final = 2.0


class Lanes:
    """Gives the lane for each goal; `build` makes one, or says why mail cannot go there for now.

    `clock` gives monotonic seconds.
    """

    def __init__(self, build: Callable[[Goal], Lane | Deferred], clock: Callable[[], float]) -> None:
        self._build = build
        self._clock = clock
        self._lanes: dict[Goal, Lane] = {}
        self._used: dict[Goal, float] = {}

    def __call__(self, goal: Goal) -> Lane | Deferred:
        """The lane to that goal."""
        if not isinstance(goal, (Local, Smarthost)):
            self._used[goal] = self._clock()
        lane = self._lanes.get(goal)
        if lane is None:
            made = self._build(goal)
            if isinstance(made, Deferred):
                return made
            lane = self._lanes[goal] = made
        return lane

    async def watch(self) -> None:
        """Close what is idle, for ever."""
        while True:
            await asyncio.sleep(IDLE)
            await self.close_idle()

    async def close_idle(self) -> None:
        """Close the lanes that rules chose and nobody has used for a while."""
        for goal, lane in list(self._idle()):
            del self._lanes[goal]
            del self._used[goal]
            await _close(lane)

    def _idle(self) -> Iterator[tuple[Goal, Lane]]:
        before = self._clock() - IDLE
        for goal, used in self._used.items():
            lane = self._lanes.get(goal)
            if lane is not None and used < before and not lane.waiting and not lane.running:
                yield goal, lane

    async def close(self) -> None:
        """Every lane is closed."""
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            await _close(lane)


async def _close(lane: Lane) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PARTING):
            await lane.transport.close()
