"""What every engine behind the spool must do; the fake that other tests use passes it too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from tests.queue.fake_spool import FakeSpool, Store
from tests.queue.letters import ARRIVED, SHARD, accepting, commit, large_body, letter
from vsmtp.queue.committer import Committer
from vsmtp.queue.records import ACTIVE, HOLD, Addressee, Change, Committed, Reschedule, Result, Revision
from vsmtp.queue.spool import Spool
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content


class Engine(Protocol):
    """Something that opens the same spool again and again."""

    path: Path

    async def open(self) -> Spool: ...


class Real:
    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self) -> Spool:
        spool = Committer(asyncio.get_running_loop(), self.path)
        await spool.open()
        return spool


class Fake:
    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "bodies").mkdir(parents=True)
        self._store = Store()

    async def open(self) -> Spool:
        return FakeSpool(self._store)


@pytest.fixture(params=[Real, Fake], ids=["real", "fake"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    made: Engine = request.param(tmp_path / "shard" / SHARD)
    return made


def run(engine: Engine, *lives: Callable[[Spool], Awaitable[None]]) -> None:
    """Open the spool once for each of its lives."""

    async def live() -> None:
        for life in lives:
            spool = await engine.open()
            await life(spool)
            await spool.close()

    asyncio.run(live())


def later(
    number: int, recipient: int = 0, due: float = 100.0, route: str = "a", attempts: int = 1
) -> Reschedule:
    return Reschedule(number, recipient, attempts, due, route, "450 4.2.0 later")


def test_what_was_committed_is_there_in_the_next_life(engine: Engine) -> None:
    async def first(spool: Spool) -> None:
        assert await commit(spool, accepting(letter(5, 2), letter(7))) == Committed()

    async def second(spool: Spool) -> None:
        five, seven = await spool.read([7, 6, 5])
        new = letter(5, 2)
        assert (five.number, five.arrived, five.sender) == (5, ARRIVED, new.sender)
        assert (five.eight_bit, five.smtputf8, five.session, five.context) == (
            True, False, "session", '{"helo":"client"}',
        )  # fmt: skip
        assert five.content == new.content
        assert five.size == new.content.size
        assert [(to.number, to.address, to.attempts, to.due) for to in five.recipients] == [
            (n, one.address, 0, None) for n, one in enumerate(new.recipients)
        ]
        assert seven.number == 7

    run(engine, first, second)


def test_answers_come_in_the_order_of_their_changes(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        heard: list[int] = []
        results: list[Result] = []

        def done(number: int, result: Result) -> None:
            heard.append(number)
            results.append(result)

        for number in range(1, 40):
            spool.submit(accepting(letter(number)), lambda result, n=number: done(n, result))  # type: ignore[misc]
        assert heard == [], "nobody hears before the caller has ended"
        assert await commit(spool, Change()) == Committed()
        assert heard == list(range(1, 40))
        assert set(results) == {Committed()}

    run(engine, life)


def test_a_question_hears_of_what_was_submitted_before(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        spool.submit(accepting(letter(1)), lambda _: None)
        assert await spool.page_active(0, 10) == [1]

    run(engine, life)


def test_active_messages_are_paged_by_number(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        await commit(spool, accepting(letter(3, 5), letter(1), letter(2, state=HOLD), letter(9)))
        assert await spool.page_active(-1, 2) == [1, 3]
        assert await spool.page_active(3, 2) == [9]
        assert await spool.page_active(9, 2) == []

    run(engine, life)


def test_a_message_leaves_with_its_last_recipient(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, 3)))
        assert await commit(spool, Change(finished=((1, 0), (1, 2)))) == Committed()
        [left] = await spool.read([1])
        assert [to.number for to in left.recipients] == [1]
        assert await commit(spool, Change(finished=((1, 1),))) == Committed(frozenset({1}))
        assert await spool.read([1]) == []

    run(engine, life)


def test_finishing_twice_or_what_is_not_there_changes_nothing(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, 2)))
        for _ in range(2):
            change = Change(finished=((1, 0), (8, 0)), rescheduled=(later(8),), removed=(9,), expedited=(8,))
            assert await commit(spool, change) == Committed()
        assert await spool.page_active(0, 10) == [1]
        assert await spool.next_due() is None

    run(engine, life)


def test_a_report_enters_with_the_end_that_it_reports(engine: Engine) -> None:
    async def first(spool: Spool) -> None:
        await commit(spool, accepting(letter(1)))
        change = Change(accepted=(letter(2),), finished=((1, 0),))
        assert await commit(spool, change) == Committed(frozenset({1}))

    async def second(spool: Spool) -> None:
        assert await spool.page_active(0, 10) == [2]

    run(engine, first, second)


def test_what_waits_is_not_active_until_it_is_leased(engine: Engine) -> None:
    async def first(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, 2), letter(2)))
        await commit(spool, Change(rescheduled=(later(1, 1, 50.0), later(2, 0, 70.0, "b"))))
        assert await spool.page_active(0, 10) == [1], "its other recipient does not wait"
        assert await spool.next_due() == 50.0
        assert await spool.lease_due(49.0, 10) == []
        assert await spool.lease_due(50.0, 10) == [(1, 1)]
        assert await spool.lease_due(50.0, 10) == [], "what is leased is not waiting"
        assert await spool.next_due() == 70.0
        [one] = await spool.read([1])
        assert (one.recipients[1].attempts, one.recipients[1].route) == (1, "a")
        assert one.recipients[1].reply == "450 4.2.0 later"

    async def second(spool: Spool) -> None:
        assert await spool.page_active(0, 10) == [1]
        [one] = await spool.read([1])
        assert [to.due for to in one.recipients] == [None, None]
        assert await spool.next_due() == 70.0

    run(engine, first, second)


def test_each_route_has_its_own_share_of_a_lease(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, 6)))
        entries = [later(1, n, 10.0 + n, "slow" if n < 4 else f"quick{n}") for n in range(6)]
        await commit(spool, Change(rescheduled=tuple(entries)))
        assert sorted(await spool.lease_due(99.0, 2)) == [(1, 0), (1, 1), (1, 4), (1, 5)]
        assert await spool.next_due() == 12.0

    run(engine, life)


def test_what_is_expedited_is_due_at_once_and_only_what_waited(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, 2), letter(2)))
        await commit(spool, Change(rescheduled=(later(1, 0, 9e9), later(2, 0, 9e9))))
        await commit(spool, Change(expedited=(1,)))
        assert await spool.next_due() == 0.0
        assert await spool.lease_due(1.0, 10) == [(1, 0)]
        assert await spool.next_due() == 9e9

    run(engine, life)


def test_what_is_removed_leaves_whole(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, 2), letter(2, state=HOLD), letter(3)))
        await commit(spool, Change(rescheduled=(later(1),)))
        assert await commit(spool, Change(removed=(1, 2))) == Committed(frozenset({1, 2}))
        assert [message.number for message in await spool.read([1, 2, 3])] == [3]
        assert await spool.next_due() is None

    run(engine, life)


def test_a_revised_message_is_another_and_has_the_recipients_that_were_added(engine: Engine) -> None:
    new, third = Address("new", "b.test"), Address("third", "b.test")

    async def revise(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, recipients=2)))
        revision = Revision(
            1,
            "quarantine/x",
            Address("s", "a.test"),
            '{"a":1}',
            ((0, Addressee(new, "[1]")), (2, Addressee(third))),
        )
        await commit(
            spool, Change(revised=(revision, Revision(77, ACTIVE, new, "{}", ((0, Addressee(new)),))))
        )

    async def look(spool: Spool) -> None:
        (message,) = await spool.read([1, 77])
        assert (message.state, str(message.sender), message.context) == (
            "quarantine/x",
            "s@a.test",
            '{"a":1}',
        )
        assert [(to.number, str(to.address), to.notes) for to in message.recipients] == [
            (0, "new@b.test", "[1]"), (1, "user1@local.test", ""), (2, "third@b.test", ""),
        ]  # fmt: skip
        assert await spool.page_active(0, 9) == []

    run(engine, revise, look)


def test_what_is_released_becomes_active_and_says_so(engine: Engine) -> None:
    async def release(spool: Spool) -> None:
        await commit(spool, accepting(letter(1, state=HOLD), letter(2)))
        await commit(spool, Change(released=(1, 2, 3)))
        held, active = await spool.read([1, 2])
        assert held.state == ACTIVE
        assert held.context == '{"helo":"client","released":true}'
        assert active.context == '{"helo":"client"}'
        assert await spool.page_active(0, 9) == [1, 2]

    run(engine, release)


def test_a_large_body_stays_until_its_message_leaves(engine: Engine) -> None:
    async def first(spool: Spool) -> None:
        file = large_body(engine.path, "big")
        await commit(spool, accepting(letter(1, 2, b"Subject: big\r\n\r\n", file)))
        await commit(spool, Change(finished=((1, 0),)))

    async def second(spool: Spool) -> None:
        [one] = await spool.read([1])
        file = one.content.file
        assert file is not None
        assert one.size == one.content.size == 16 + file.size - 10
        assert file.path.stat().st_size == file.size
        await commit(spool, Change(finished=((1, 1),)))
        assert not file.path.exists()

    run(engine, first, second)


@pytest.mark.parametrize("data", [b"", b"\0\xff\r\n" * 5000], ids=["nothing", "any octets"])
def test_a_body_may_be_any_octets_and_none(engine: Engine, data: bytes) -> None:
    async def life(spool: Spool) -> None:
        assert await commit(spool, accepting(letter(1, 1, data))) == Committed()
        [one] = await spool.read([1])
        assert one.content == Content(data)

    run(engine, life)


def test_numbers_grow_whatever_the_clock_does(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        given = [spool.number(now) for now in (1000.0, 1000.0, 999.0, 1000.001, 3.0)]
        assert given == sorted(set(given))
        names = {spool.name(number) for number in given}
        assert len(names) == len(given)

    run(engine, life)


def test_a_number_never_comes_again_though_the_clock_goes_back(engine: Engine) -> None:
    given: list[int] = []

    async def first(spool: Spool) -> None:
        given.extend(spool.number(ARRIVED) for _ in range(3))
        # The second is finished before the end: no row is left to tell of it.
        await commit(spool, accepting(letter(given[0]), letter(given[1]), letter(given[2])))
        await commit(spool, Change(finished=((given[1], 0), (given[2], 0))))

    async def second(spool: Spool) -> None:
        assert spool.number(ARRIVED - 86400) > max(given)

    run(engine, first, second)


def test_an_engine_at_rest_is_not_strained_and_can_be_lent_to(engine: Engine) -> None:
    async def life(spool: Spool) -> None:
        spool.lend()
        assert not spool.is_strained

    run(engine, life)
