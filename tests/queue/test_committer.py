"""The commit thread: turns, full disks, I/O errors, and that everybody is answered whatever happens."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.queue.letters import SHARD, accepting, commit, left_by, letter, numbers, opened, with_committer
from vsmtp.queue.committer import IDLE_AFTER, MAX_CHANGES, Committer, SpoolBroken
from vsmtp.queue.opening import ShardTaken
from vsmtp.queue.records import Addressee, Broken, Change, Committed, DiskFull, Reschedule, Result
from vsmtp.queue.shard import Shard
from vsmtp.values.address import Address


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shard" / SHARD


@contextmanager
def files_of_at_most(octets: int) -> Iterator[None]:
    """Writes beyond so many octets of a file fail with EFBIG: to SQLite an I/O error like any other."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def pages(spool: Committer, more: int) -> None:
    """The database may grow by so many pages, then the disk is full."""

    def limit(shard: Shard) -> None:
        count = shard._database.execute("PRAGMA page_count").fetchone()[0]
        shard._database.execute(f"PRAGMA max_page_count = {count + more}")

    await spool.ask(limit)


async def answers(spool: Committer, *changes: Change) -> list[Result]:
    return await asyncio.gather(*(commit(spool, change) for change in changes))


def test_what_one_tick_brings_shares_a_turn(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        results = await answers(spool, *(accepting(letter(n)) for n in range(1, 101)))
        assert results == [Committed()] * 100
        assert len(spool.turns) == 1

    with_committer(path, scenario)


def test_a_turn_has_a_limit_and_all_of_them_are_answered(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        changes = [accepting(letter(n)) for n in range(1, MAX_CHANGES * 2 + 10)]
        assert await answers(spool, *changes) == [Committed()] * len(changes)
        assert len(spool.turns) == 3

    with_committer(path, scenario)


def test_everybody_of_a_turn_hears_who_left_with_it(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(letter(1), letter(2)))
        results = await answers(spool, Change(finished=((1, 0),)), Change(finished=((2, 0),)))
        assert results == [Committed(frozenset({1, 2}))] * 2

    with_committer(path, scenario)


def test_one_who_raises_costs_the_others_nothing(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        troubles: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: troubles.append(str(context["exception"])))

        def raising(_: Result) -> None:
            raise RuntimeError("a fault of ours")

        heard: list[Result] = []
        for n in range(1, 7):
            spool.submit(accepting(letter(n)), raising if n % 2 else heard.append)
        assert await commit(spool, Change()) == Committed()
        assert heard == [Committed()] * 3
        assert troubles == ["a fault of ours"] * 3

    with_committer(path, scenario)


def test_closing_answers_everything_first(path: Path) -> None:
    heard: list[Result] = []

    async def scenario(spool: Committer) -> None:
        for n in range(1, 1000):
            spool.submit(accepting(letter(n)), heard.append)

    with_committer(path, scenario)
    assert heard == [Committed()] * 999
    assert len(left_by(path)) == 999


def test_after_the_end_nothing_is_taken(path: Path) -> None:
    async def run() -> None:
        spool = Committer(asyncio.get_running_loop(), path)
        await spool.open()
        await spool.close()
        assert isinstance(await commit(spool, accepting(letter(1))), Broken)
        with pytest.raises(SpoolBroken, match="closed"):
            await spool.next_due()

    asyncio.run(run())


def test_a_shard_of_another_is_not_opened(path: Path) -> None:
    owner = opened(path)

    async def run() -> None:
        with pytest.raises(ShardTaken):
            await Committer(asyncio.get_running_loop(), path).open()

    asyncio.run(run())
    owner.close()


# A full disk.


def test_on_a_full_disk_new_mail_is_refused_and_outcomes_are_recorded(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(letter(1), letter(2)))
        await pages(spool, 1)
        results = await answers(
            spool,
            accepting(letter(3, data=b"x" * 50_000)),
            Change(finished=((1, 0),)),
            accepting(letter(4, data=b"x" * 50_000)),
            Change(rescheduled=(Reschedule(2, 0, 1, 9.0, "a", ""),)),
        )
        recorded = Committed(frozenset({1}))
        assert results == [DiskFull(), recorded, DiskFull(), recorded]
        assert await spool.next_due() == 9.0
        assert await spool.page_active(0, 9) == []
        await pages(spool, 1000)
        assert await commit(spool, accepting(letter(3))) == Committed()

    with_committer(path, scenario)


def test_the_ballast_comes_back_when_there_is_space(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        await pages(spool, 1)
        assert await commit(spool, accepting(letter(3, data=b"x" * 50_000))) == DiskFull()
        assert not (path / "ballast").exists()
        await pages(spool, 1000)
        await asyncio.sleep(IDLE_AFTER * 2)
        assert (path / "ballast").exists()

    with_committer(path, scenario)


def test_an_outcome_that_finds_no_space_is_owed_and_comes_about_later(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(letter(1)))
        await pages(spool, 1)
        bounced = Change(accepted=(letter(2, data=b"x" * 50_000),), finished=((1, 0),))
        answer = asyncio.ensure_future(commit(spool, bounced))
        assert await spool.page_active(0, 9) == [1]
        assert not answer.done()
        assert await commit(spool, accepting(letter(3, data=b"x" * 50_000))) == DiskFull()
        await pages(spool, 1000)
        assert await answer == Committed(frozenset({1}))
        assert await spool.page_active(0, 9) == [2]

    with_committer(path, scenario)


def test_an_outcome_still_owed_at_the_end_hears_of_it(path: Path) -> None:
    heard: list[Result] = []

    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(letter(1)))
        await pages(spool, 1)
        change = Change(accepted=(letter(2, data=b"x" * 50_000),), finished=((1, 0),))
        spool.submit(change, heard.append)
        assert await spool.page_active(0, 9) == [1]

    with_committer(path, scenario)
    assert heard == [DiskFull()]
    assert left_by(path) == [1]


# I/O errors.


def test_an_io_error_breaks_the_spool_for_good_and_everybody_hears(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(letter(1)))
        with files_of_at_most((path / "queue.db-wal").stat().st_size):
            heard: list[Result] = []
            for n in (2, 3):
                spool.submit(accepting(letter(n, data=b"x" * 9000)), heard.append)
            with pytest.raises(SpoolBroken):  # a question behind the error is answered too
                await spool.next_due()
        assert [type(result) for result in heard] == [Broken, Broken]
        assert isinstance(await commit(spool, accepting(letter(4))), Broken)
        with pytest.raises(SpoolBroken):
            await spool.read([1])

    with_committer(path, scenario)
    # `abandon` has let go of the shard, and what was acknowledged is there.
    shard = opened(path)
    assert set(numbers(shard)) - {2, 3} == {1}
    shard.close()


def test_an_io_error_while_the_log_moves_breaks_the_spool(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(*(letter(n, data=b"x" * 60_000) for n in range(1, 81))))
        with files_of_at_most((path / "queue.db").stat().st_size):
            await asyncio.sleep(IDLE_AFTER * 1.5)
            assert isinstance(await commit(spool, Change()), Broken)

    with_committer(path, scenario)
    assert left_by(path) == list(range(1, 81))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_in_the_thread_leaves_nobody_waiting(path: Path) -> None:
    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(letter(1)))
        unspeakable = Addressee(Address("a", "b.test"), notes="\udcff")
        bad = letter(2)._replace(recipients=(unspeakable,))
        results = await answers(spool, accepting(letter(3)), accepting(bad), accepting(letter(4)))
        assert all(isinstance(result, Broken) for result in results)

    with_committer(path, scenario)
    assert left_by(path) == [1]
