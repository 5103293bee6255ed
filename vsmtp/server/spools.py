"""The shards this worker owns: its own, and those whose worker has ended."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vsmtp.queue import rescue
from vsmtp.queue.adoption import free_shards, new_shard
from vsmtp.queue.committer import Committer
from vsmtp.queue.records import Change, Committed, Result
from vsmtp.queue.shard import ShardTaken, ShardUnfit
from vsmtp.telemetry.events import ShardAdopted, ShardSetAside
from vsmtp.telemetry.log import Log


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

        Raises OSError when the spool cannot be used.
        """
        owned = await self.adopt()
        return owned or [await self._new()]

    async def _new(self) -> Owned:
        path = new_shard(self.path, int(self.clock() * 1000), self.random(80))
        spool = Committer(self.loop, path)
        recovered = await spool.open()
        return Owned(spool, recovered.messages)

    async def adopt(self) -> list[Owned]:
        """Own the shards that nobody owns. What an unfit one holds is copied into one of them, or a new one."""
        owned: list[Owned] = []
        unfit: list[tuple[Path, str]] = []
        for path in free_shards(self.path):
            spool = Committer(self.loop, path)
            try:
                recovered = await spool.open()
            except ShardTaken:
                continue
            except ShardUnfit as fault:
                unfit.append((path, str(fault)))
                continue
            owned.append(Owned(spool, recovered.messages))
            self.log.emit(ShardAdopted(path.name, recovered.messages))
        for path, reason in unfit:
            if not owned:
                owned.append(await self._new())
            saved = await self._rescue(path, owned[0].spool)
            self.log.emit(ShardSetAside(path.name, reason, saved))
        return owned

    async def _rescue(self, path: Path, keeper: Committer) -> int:
        """Set a shard aside and copy its messages to `keeper`; how many that were."""
        aside = rescue.set_aside(path)
        saved = 0
        for message in rescue.readable_messages(aside):
            number = keeper.number(self.clock())
            try:
                copied = rescue.copy(message, number, keeper.path / "bodies")
            except OSError:
                continue  # its body cannot be read: it stays where it was set aside
            answer: Future[Result] = self.loop.create_future()
            keeper.submit(Change(accepted=(copied,)), partial(_settle, answer))
            saved += isinstance(await answer, Committed)
        return saved


def _settle(answer: Future[Result], result: Result) -> None:
    answer.set_result(result)
