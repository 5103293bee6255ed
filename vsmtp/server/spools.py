"""The shards this worker owns: its own, and those whose worker has ended."""

from __future__ import annotations

import asyncio
import errno
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vsmtp.queue import rescue
from vsmtp.queue.adoption import free_shards, new_shard
from vsmtp.queue.committer import Committer
from vsmtp.queue.opening import ShardNotNow, ShardTaken, ShardUnfit
from vsmtp.queue.records import Change, Committed, Result
from vsmtp.telemetry.events import ShardAdopted, ShardNotOpened, ShardSetAside, WaitingForSpace
from vsmtp.telemetry.log import Log

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
LOOK_FOR_SPACE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Owned:
    """A shard of ours, and how many messages were found in it."""

    spool: Committer
    messages: int


@dataclass(frozen=True, slots=True)
class Spools:
    """Opens shards; `clock` gives seconds since the epoch, `random` that many random bits."""

    path: Path
    loop: AbstractEventLoop
    log: Log
    clock: Callable[[], float]
    random: Callable[[int], int]

    async def open(self) -> list[Owned]:
        """Own at least one shard, and all that nobody owns; the first is for new mail.

        On a full disk this waits for space: what is queued cannot be touched without. Raises OSError when the
        spool cannot be used at all.
        """
        while True:
            try:
                return await self.adopt() or [await self._new()]
            except OSError as fault:
                if fault.errno not in NO_SPACE:
                    raise
                self.log.emit(WaitingForSpace(str(self.path), str(fault)))
            await asyncio.sleep(LOOK_FOR_SPACE)

    async def _new(self) -> Owned:
        while True:
            path = new_shard(self.path, int(self.clock() * 1000), self.random(80))
            spool = Committer(self.loop, path)
            try:
                recovered = await spool.open()
            except ShardNotNow as fault:
                raise OSError(errno.ENOSPC, str(fault)) from fault
            except ShardTaken:
                continue  # another worker was quicker to adopt it than we to lock it
            return Owned(spool, recovered.messages)

    async def adopt(self) -> list[Owned]:
        """Own the shards that nobody owns. What an unfit one holds is copied into one of them, or a new one.

        Raises OSError when there is no space for a new one.
        """
        owned: list[Owned] = []
        unfit: dict[str, str] = {}
        for path in free_shards(self.path):
            spool = Committer(self.loop, path)
            try:
                recovered = await spool.open()
            except ShardNotNow as fault:
                self.log.emit(ShardNotOpened(path.name, str(fault)))
            except ShardTaken:
                continue
            except ShardUnfit as fault:
                with suppress(FileNotFoundError):  # another worker has set it aside
                    rescue.set_aside(path)
                unfit[path.name] = str(fault)
            else:
                owned.append(Owned(spool, recovered.messages))
                self.log.emit(ShardAdopted(path.name, recovered.messages))
        for aside in rescue.unfinished(self.path):
            reason = unfit.get(aside.name, "it was set aside earlier, not wholly copied")
            await self._rescue(aside, reason, owned)
        return owned

    async def _rescue(self, aside: Path, reason: str, owned: list[Owned]) -> None:
        """Copy what was set aside into the first of `owned`, or a new one which is owned then."""
        keeper = owned[0] if owned else await self._new()
        saved = await self._copy(aside, keeper.spool)
        self.log.emit(ShardSetAside(aside.name, reason, saved))
        if owned:
            return
        if saved:
            owned.append(keeper)
        else:
            await keeper.spool.close()

    async def _copy(self, aside: Path, keeper: Committer) -> int:
        """How many messages were copied; where the keeper takes no more, the rest waits for the next time."""
        saved = 0
        for message in rescue.readable_messages(aside):
            number = keeper.number(self.clock())
            try:
                copied = rescue.copy(message, number, keeper.path / "bodies")
            except OSError as fault:
                if fault.errno in NO_SPACE:
                    return saved
                continue  # its body cannot be read: it stays where it was set aside
            answer: Future[Result] = self.loop.create_future()
            keeper.submit(Change(accepted=(copied,)), answer.set_result)
            if not isinstance(await answer, Committed):
                return saved
            rescue.note_copied(aside, message.number)
            saved += 1
        rescue.note_all_copied(aside)
        return saved
