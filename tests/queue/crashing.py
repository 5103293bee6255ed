"""A process that accepts and finishes mail until it is killed, and says what it was promised.

Lines: `a 7` before message 7 is submitted, `A 7` when it is committed, `f 7` and `F 7` likewise for its end,
and `B` when the spool broke, upon which it ends with status 74. A message's octets follow from its number.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.queue.letters import accepting, commit, letter
from vsmtp.queue.bodies import BodyWriter
from vsmtp.queue.committer import Committer
from vsmtp.queue.records import Broken, Change, Committed, NewMessage, Reschedule, StoredMessage
from vsmtp.queue.shard import Shard

SCRIPT = (
    "import sys; from pathlib import Path; from tests.queue.crashing import main;"
    " main(Path(sys.argv[1]), int(sys.argv[2]))"
)
CLIENTS = 12
LARGE_ONE_IN = 8
BROKEN = 74


def body(number: int) -> bytes:
    """The octets of message `number`, some hundreds or thousands."""
    return (b"Subject: %d\r\n\r\n" % number) * (1 + number % 400)


def compose(shard: Path, number: int, rng: random.Random) -> NewMessage:
    if rng.randrange(LARGE_ONE_IN):
        return letter(number, 2, body(number))
    writer = BodyWriter(shard / "bodies" / f"large-{number}")
    writer.write([body(number)])
    writer.write([body(number)])
    return letter(number, 2, b"Subject: large\r\n\r\n", writer.finish(0))


def is_whole(message: StoredMessage) -> bool:
    """Whether the queue gives back what was put into it."""
    file = message.content.file
    if file is None:
        return message.content.data == body(message.number)
    return file.path.read_bytes() == body(message.number) * 2


@dataclass(frozen=True)
class Told:
    """What the process said: submitted, committed; begun to be finished, finished; and that it broke."""

    lines: list[str]

    def _of(self, letter_: str) -> set[int]:
        return {int(line[2:]) for line in self.lines if line[:2] == f"{letter_} "}

    @property
    def broke(self) -> bool:
        return "B" in self.lines

    def judge(self, found: set[int], before: set[int]) -> None:
        """Raise AssertionError for lost or risen mail: `before` was there at the start, `found` after."""
        kept = (before | self._of("A")) - self._of("f")
        assert kept <= found, f"acknowledged and lost: {sorted(kept - found)}"
        assert not found & self._of("F"), f"finished and risen: {sorted(found & self._of('F'))}"
        assert found <= before | self._of("a"), "from nowhere"


@dataclass
class Deed:
    """One client after the other, all at once: accept, then now and then finish or defer what is there."""

    spool: Committer
    rng: random.Random
    there: list[int] = field(default_factory=list)

    async def live(self) -> None:
        while True:
            number = self.spool.number(1_700_000_000.0)
            make = partial(compose, self.spool.path, number, self.rng)
            message = await asyncio.get_running_loop().run_in_executor(None, make)
            say(f"a {number}")
            await self.submit(accepting(message))
            say(f"A {number}")
            self.there.append(number)
            if self.rng.randrange(3):
                await self.finish(self.there.pop(self.rng.randrange(len(self.there))))

    async def finish(self, number: int) -> None:
        """End it in two steps, deferred between them now and then, or all at once."""
        if self.rng.randrange(2):
            later = Reschedule(number, 1, 1, 5.0, "route", "later")
            await self.submit(Change(finished=((number, 0),), rescheduled=(later,)))
            say(f"f {number}")
            await self.submit(Change(finished=((number, 1),)))
        else:
            say(f"f {number}")
            await self.submit(Change(removed=(number,)))
        say(f"F {number}")

    async def submit(self, change: Change) -> None:
        result = await commit(self.spool, change)
        if isinstance(result, Broken):
            say("B")
            await self.spool.close()
            os._exit(BROKEN)
        assert isinstance(result, Committed)


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main(path: Path, seed: int) -> None:
    rng = random.Random(seed)

    async def run() -> None:
        spool = Committer(asyncio.get_running_loop(), path)
        await spool.open()
        deed = Deed(spool, rng, await spool.page_active(-1, 10_000))
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(deed.live())

    try:
        asyncio.run(run())
    except* OSError:  # a large body that could not be written: its client would hear 451, the test need not
        say("B")
        sys.stdout.flush()
        os._exit(BROKEN)


def held(path: Path) -> set[int]:
    """The messages of the shard, each of them whole, found by opening it as the next owner does."""
    shard, recovered = Shard.open(path)
    try:
        numbers = shard.page_active(-1, 10**6)
        waiting = [number for number, _ in shard.lease_due(10.0, 10**6)]
        every = sorted({*numbers, *waiting})
        found = shard.read(every)
        assert len(found) == recovered.messages == len(every)
        broken = [message.number for message in found if not is_whole(message)]
        assert not broken, f"not whole: {broken}"
        assert recovered.last >= max(every, default=0)
        return set(every)
    finally:
        shard.abandon()
