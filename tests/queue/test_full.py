"""A disk that is really full: a file system of 16 MiB."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.peers.disk import run
from tests.queue.letters import SHARD, accepting, commit, left_by, letter, opened, with_committer
from vsmtp.queue.adoption import shard_paths
from vsmtp.queue.bodies import BodyWriter
from vsmtp.queue.committer import IDLE_AFTER, OWED_AGAIN, Committer
from vsmtp.queue.opening import ShardNotNow
from vsmtp.queue.records import Change, Committed, DiskFull, NewMessage, Reschedule
from vsmtp.queue.shard import BALLAST, Shard

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def small(open_dir: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    place = open_dir / "small"
    place.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place)
    yield place
    run("umount", place)


def fill(place: Path, leave: int = 0) -> Path:
    """Take all space of the file system but `leave` octets."""
    filler = place / "filler"
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    os.truncate(filler, filler.stat().st_size - leave)
    return filler


def long(number: int) -> NewMessage:
    return letter(number, data=b"x" * 60_000)


def test_mail_is_refused_outcomes_are_recorded_and_all_goes_on_when_there_is_space(small: Path) -> None:
    async def scenario(spool: Committer) -> None:
        assert await commit(spool, accepting(*(letter(n) for n in range(1, 21)))) == Committed()
        waiting = tuple(Reschedule(n, 0, 1, 5.0, "a", "later") for n in range(11, 21))
        assert await commit(spool, Change(rescheduled=waiting)) == Committed()
        filler = fill(small)
        number = 100
        while await commit(spool, accepting(long(number))) == Committed():
            number += 1  # what is left of the log's last page
        for n in range(1, 11):
            assert await commit(spool, Change(finished=((n, 0),))) == Committed(frozenset({n}))
        assert len(await spool.lease_due(9.0, 99)) == 10
        filler.unlink()
        assert await commit(spool, accepting(long(number))) == Committed()
        await asyncio.sleep(IDLE_AFTER * 2)
        assert (spool.path / "ballast").stat().st_size == BALLAST

    with_committer(small / "shard" / SHARD, scenario)


def test_outcomes_too_large_for_the_ballast_are_owed(small: Path) -> None:
    async def scenario(spool: Committer) -> None:
        assert await commit(spool, accepting(letter(1))) == Committed()
        filler = fill(small)
        reports = tuple(long(n) for n in range(200, 300))
        bounced = Change(accepted=reports, finished=((1, 0),))
        answer = asyncio.ensure_future(commit(spool, bounced))
        await asyncio.sleep(OWED_AGAIN * 1.2)
        assert not answer.done()
        assert await commit(spool, accepting(long(2))) == DiskFull()
        filler.unlink()
        assert await answer == Committed(frozenset({1}))

    with_committer(small / "shard" / SHARD, scenario)


def test_a_log_that_outgrows_its_index_on_a_full_disk_is_a_full_disk(small: Path) -> None:
    # Past 4062 frames the index of the log needs another 32 KiB: that there is none is no I/O error.
    path = small / "shard" / SHARD
    shard = opened(path)
    shard.release_ballast()
    results = {type(shard.commit([accepting(letter(n, data=b"x" * 9000))])) for n in range(1, 2000)}
    assert results == {Committed, DiskFull}
    shard.abandon()


def test_a_shard_that_a_full_disk_keeps_closed_waits_unharmed(small: Path) -> None:
    path = small / "shard" / SHARD
    shard = opened(path)
    shard.release_ballast()
    # The log holds what the database has no room for.
    for n in range(1, 11):
        assert shard.commit([accepting(long(n))]) == Committed()
    copy = small / "copy"
    filler = fill(small, leave=2 * 2**20)
    survivor = copy_of(shard, copy)
    fill(small)
    with pytest.raises(ShardNotNow):
        Shard.open(survivor)
    assert shard_paths(copy) == [survivor]
    filler.unlink()
    assert left_by(survivor) == list(range(1, 11))
    shard.abandon()


def copy_of(shard: Shard, spool: Path) -> Path:
    """The shard as a kill leaves it."""
    path = spool / "shard" / shard.path.name
    (path / "bodies").mkdir(parents=True)
    for name in ("queue.db", "queue.db-wal"):
        (path / name).write_bytes((shard.path / name).read_bytes())
    return path


def test_a_large_body_that_does_not_fit_is_told_and_leaves_nothing(small: Path) -> None:
    shard = opened(small / "shard" / SHARD)
    fill(small)
    writer = BodyWriter(shard.path / "bodies" / "big")
    with pytest.raises(OSError, match="No space") as fault:
        writer.write([b"x" * 100_000])
    assert fault.value.errno == errno.ENOSPC
    writer.discard()
    assert list((shard.path / "bodies").iterdir()) == []
    shard.close()
