"""The delivery loop carries batches, records what became of them, and stops in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.queue.fake_spool import FakeSpool, Store
from tests.server.test_ledger import Said
from vsmtp.delivery.consignment import Consignment
from vsmtp.queue.records import ACTIVE, Addressee, Broken, Change, NewMessage
from vsmtp.queue.schedule import Schedule
from vsmtp.queue.spool import Spool
from vsmtp.server.dispatch import Desk, Dispatch
from vsmtp.server.ledger import Books
from vsmtp.server.parcel import Destination, Dropped, Into, Lane, Parcel
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Delivered, Failed, Outcome
from vsmtp.values.reply import Reply

NOW = 1_800_000_000.0
DONE = Delivered("there", Reply(250, "2.0.0", "ok"))
OUTCOMES: dict[str, Outcome] = {
    "later": Deferred("there", Reply(451, "4.3.0", "later")),
    "never": Failed("there", Reply(550, "5.1.1", "nobody")),
}


class Ways:
    """A transport that notes its batches; `gate` holds it up."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        self.batches.append([str(one.recipient) for one in batch])
        await self.gate.wait()
        return [OUTCOMES.get(one.recipient.local, DONE) for one in batch]

    async def close(self) -> None:
        """Nothing to give back."""


class Loop:
    """A delivery loop with one lane, a spool in memory, and what it told of itself."""

    def __init__(self, *, batch: int = 2, mixes: bool = True) -> None:
        self.ways = Ways()
        self.lane = Lane("there", self.ways, batch, 1, mixes=mixes)
        self.store = Store()
        self.spool = FakeSpool(self.store)
        self.dues: list[float] = []
        self.broken: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()
        books = Books("mx.test", Schedule((60.0,), 0.0, 1e6), Said(), lambda: NOW, lambda: 0.5)
        self.dispatch = Dispatch(
            Desk(books, self._settle, self._spawn, self._waits, self.broken.append, lambda: None)
        )

    def _settle(self, parcel: Parcel, place: Callable[[Parcel, Destination], None]) -> None:
        dropped = parcel.address.local == "drop"
        place(parcel, Dropped() if dropped else Into(self.lane, parcel.held.mail.content))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _waits(self, _: Spool, due: float) -> None:
        self.dues.append(due)

    def mail(self, *locals_: str) -> NewMessage:
        """A message to these recipients."""
        recipients = tuple(Addressee(Address(to, "there.test")) for to in locals_)
        return NewMessage(
            self.spool.number(NOW), NOW, Address.parse("s@here.test"), eight_bit=False, smtputf8=False,
            session="", state=ACTIVE, recipients=recipients, content=Content(b"Subject: s\r\n\r\n"),
        )  # fmt: skip

    async def send(self, *locals_: str) -> NewMessage:
        """Queue a message to these recipients and hand it to the loop, as an accepted one is."""
        mail = self.mail(*locals_)
        queued = asyncio.get_running_loop().create_future()
        self.spool.submit(Change(accepted=(mail,)), queued.set_result)
        await queued
        self.dispatch.take_new(self.spool, mail)
        return mail

    async def rest(self) -> None:
        """Until nothing is under way and all that was submitted has been answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        for _ in range(10):
            await asyncio.sleep(0)


def test_a_delivered_message_leaves_the_queue() -> None:
    async def run() -> None:
        loop = Loop()
        await loop.send("a", "b", "drop")
        await loop.rest()
        assert loop.ways.batches == [["a@there.test", "b@there.test"]]
        assert loop.store.messages == {}

    asyncio.run(run())


def test_what_gathers_while_a_batch_is_carried_makes_the_next() -> None:
    async def run() -> None:
        loop = Loop(batch=3)
        loop.ways.gate.clear()
        await loop.send("a")
        await asyncio.sleep(0)
        for name in ("b", "c", "d", "e"):
            await loop.send(name)
        loop.ways.gate.set()
        await loop.rest()
        assert [len(batch) for batch in loop.ways.batches] == [1, 3, 1]

    asyncio.run(run())


def test_a_lane_that_does_not_mix_carries_one_message_at_a_time() -> None:
    async def run() -> None:
        loop = Loop(batch=9, mixes=False)
        loop.ways.gate.clear()
        await loop.send("a", "b")
        await loop.send("c")
        loop.ways.gate.set()
        await loop.rest()
        assert loop.ways.batches == [["a@there.test", "b@there.test"], ["c@there.test"]]

    asyncio.run(run())


def test_one_deferred_recipient_waits_while_the_others_leave() -> None:
    async def run() -> None:
        loop = Loop(batch=9)
        mail = await loop.send("a", "later")
        await loop.rest()
        assert [key for key in loop.store.recipients if key[0] == mail.number] == [(mail.number, 1)]
        assert loop.dues == [NOW + 60.0]

    asyncio.run(run())


def test_a_failure_sends_its_report_on_its_own_way() -> None:
    async def run() -> None:
        loop = Loop()
        await loop.send("never")
        await loop.rest()
        assert loop.ways.batches == [["never@there.test"], ["s@here.test"]]
        assert loop.store.messages == {}

    asyncio.run(run())


def test_a_stop_waits_for_what_is_under_way_and_begins_nothing_more() -> None:
    async def run() -> None:
        loop = Loop(batch=1)
        loop.ways.gate.clear()
        await loop.send("a")
        await loop.send("b")
        await asyncio.sleep(0)
        stopping = asyncio.get_running_loop().create_task(loop.dispatch.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        loop.ways.gate.set()
        await stopping
        await loop.rest()
        assert loop.ways.batches == [["a@there.test"]]
        assert len(loop.store.messages) == 1
        assert not loop.dispatch.has_room

    asyncio.run(run())


def test_an_outcome_that_could_not_be_written_is_heard_of() -> None:
    async def run() -> None:
        loop = Loop()
        loop.spool.answer = Broken("the disk is gone")
        loop.dispatch.take_new(loop.spool, loop.mail("a"))
        await loop.rest()
        assert loop.broken == ["the disk is gone"]

    asyncio.run(run())
