"""Mail of a spool that is not in memory: found after a start, too much at a time, or due again.

Messages are read a few at a time, when the delivery loop has room: a queue of a million costs no more memory
than one of a hundred.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from vsmtp.queue.records import RecipientKey, StoredMessage, StoredRecipient
from vsmtp.queue.spool import Spool

READ_AT_ONCE: Final = 64
PAGE: Final = 1000
LEASE: Final = 256
REST: Final = 0.25
# A clock that jumps, or a due that was written by another hand: look again at least so often, seconds.
LOOK_EVERY: Final = 30.0


class Taker(Protocol):
    """Who takes what is read."""

    @property
    def has_room(self) -> bool:
        """Whether more may be read."""
        ...

    def take(self, spool: Spool, message: StoredMessage, recipients: Iterable[StoredRecipient]) -> None:
        """Deliver `message` to `recipients`, for whom an earlier attempt may have happened."""
        ...


class Backlog:
    """What waits in one spool, handed to `taker` as it has room.

    `last` is the highest number that was given before the start: what is above came in since, and is known.
    `clock` gives seconds since the epoch.
    """

    def __init__(self, spool: Spool, last: int, taker: Taker, clock: Callable[[], float]) -> None:
        self._spool = spool
        self._last = last
        self._taker = taker
        self._clock = clock
        self._unread: deque[int] = deque()
        self._wake = asyncio.Event()
        self._next_due = float("-inf")
        self._is_crowded = False

    def leave(self, number: int) -> None:
        """Read a message later: there is no room for it now, or it was only let go."""
        self._unread.append(number)
        if not self._is_crowded:
            self._wake.set()

    def expect(self, due: float) -> None:
        """A recipient will be due then."""
        if due < self._next_due:
            self._next_due = due
            self._wake.set()

    def nudge(self) -> None:
        """There is room again."""
        if self._is_crowded or self._unread:
            self._wake.set()

    async def run(self) -> None:
        """Hand over what was found at the start, then what comes due, for ever."""
        await self._recover()
        while True:
            while self._unread:
                await self._read(
                    [self._unread.popleft() for _ in range(min(READ_AT_ONCE, len(self._unread)))]
                )
            if self._next_due <= self._clock():
                await self._take_due()
            await self._rest()

    async def _recover(self) -> None:
        after = -1
        while page := await self._spool.page_active(after, PAGE):
            found = [number for number in page if number <= self._last]
            for start in range(0, len(found), READ_AT_ONCE):
                await self._read(found[start : start + READ_AT_ONCE])
            if len(found) < PAGE:
                return
            after = page[-1]

    async def _read(self, numbers: list[int]) -> None:
        await self._room()
        for message in await self._spool.read(numbers):
            self._taker.take(self._spool, message, [to for to in message.recipients if to.due is None])

    async def _take_due(self) -> None:
        while leased := await self._lease():
            wanted = set(leased)
            numbers = sorted({number for number, _ in leased})
            for start in range(0, len(numbers), READ_AT_ONCE):
                await self._room()
                for message in await self._spool.read(numbers[start : start + READ_AT_ONCE]):
                    to = [one for one in message.recipients if (message.number, one.number) in wanted]
                    self._taker.take(self._spool, message, to)
        # What is rescheduled while the spool is asked says so by `expect`, perhaps before the answer is here.
        self._next_due = float("inf")
        due = await self._spool.next_due()
        if due is not None:
            # Due already, and not leased: on a full disk nobody is. Ask again soon, not at once.
            self.expect(max(due, self._clock() + REST))

    async def _lease(self) -> list[RecipientKey]:
        await self._room()
        return await self._spool.lease_due(self._clock(), LEASE)

    async def _room(self) -> None:
        while not self._taker.has_room:
            self._is_crowded = True
            self._wake.clear()
            await self._wait(LOOK_EVERY)
        self._is_crowded = False

    async def _rest(self) -> None:
        self._wake.clear()
        if not self._unread:
            await self._wait(min(self._next_due - self._clock(), LOOK_EVERY))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._wake.wait()
        except TimeoutError:
            return
