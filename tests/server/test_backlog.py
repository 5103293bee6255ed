"""What waits in a spool is taken when it is due, whenever the news of it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tests.queue.fake_spool import FakeSpool, Store
from vsmtp.queue.records import (
    ACTIVE,
    Addressee,
    Change,
    NewMessage,
    Reschedule,
    StoredMessage,
    StoredRecipient,
)
from vsmtp.queue.spool import Spool
from vsmtp.server.backlog import Backlog
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content

NOW = 1_800_000_000.0


class Taker:
    """Takes what it is given, if it has room."""

    def __init__(self) -> None:
        self.has_room = True
        self.taken: list[int] = []

    def take(self, spool: Spool, message: StoredMessage, recipients: Iterable[StoredRecipient]) -> None:
        assert spool.name(message.number)
        assert list(recipients)
        self.taken.append(message.number)


async def queued(spool: FakeSpool) -> int:
    number = spool.number(NOW)
    message = NewMessage(
        number, NOW, Address("a", "src.test"), eight_bit=False, smtputf8=False, session="S", state=ACTIVE,
        recipients=(Addressee(Address("b", "relay.test")),), content=Content(b"\r\n"),
    )  # fmt: skip
    await changed(spool, Change(accepted=(message,)))
    return number


async def changed(spool: FakeSpool, change: Change) -> None:
    done = asyncio.get_running_loop().create_future()
    spool.submit(change, done.set_result)
    await done


async def soon(backlog: Backlog) -> asyncio.Task[None]:
    task = asyncio.create_task(backlog.run())
    for _ in range(50):
        await asyncio.sleep(0)
    return task


def test_a_due_that_comes_while_the_spool_is_asked_for_the_next_is_not_forgotten() -> None:
    async def scene() -> float:
        spool, taker = FakeSpool(Store()), Taker()
        backlog = Backlog(spool, -1, taker, lambda: NOW)
        number = await queued(spool)
        ask = spool.next_due

        def asked() -> asyncio.Future[float | None]:
            """Give the answer of before, and the news of a reschedule before the asker has had it."""
            answer = ask()
            entry = Reschedule(number, 0, 1, NOW + 60, "lane", "451")
            spool.submit(Change(rescheduled=(entry,)), lambda _: None)
            backlog.expect(NOW + 60)
            return answer

        spool.next_due = asked  # type: ignore[method-assign]
        task = await soon(backlog)
        task.cancel()
        return backlog._next_due

    assert asyncio.run(scene()) == NOW + 60


def test_what_was_left_for_want_of_room_is_read_when_there_is_some() -> None:
    async def scene() -> list[int]:
        spool, taker = FakeSpool(Store()), Taker()
        backlog = Backlog(spool, -1, taker, lambda: NOW)
        task = await soon(backlog)
        taker.has_room = False
        number = await queued(spool)
        backlog.leave(number)
        backlog.nudge()
        for _ in range(50):
            await asyncio.sleep(0)
        assert taker.taken == []
        taker.has_room = True
        backlog.nudge()  # nothing is unread any more: what was picked up waits for room
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
        return taker.taken

    assert len(asyncio.run(scene())) == 1
