"""Which shards a worker comes to own, and what becomes of those it cannot."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.queue.letters import accepting, large_body, letter, numbers, opened
from vsmtp.queue.adoption import new_shard, shard_paths
from vsmtp.queue.records import Change, Committed, DiskFull, Result
from vsmtp.queue.shard import Shard
from vsmtp.server.spools import Owned, Spools
from vsmtp.telemetry.log import Log


def owning(spool: Path, then: Callable[[Spools, Sequence[Owned]], Awaitable[None]]) -> str:
    """Open the spools as a worker does, do `then`, close them; what was logged."""
    log_path = spool / "log"
    spool.mkdir(exist_ok=True)

    async def run() -> None:
        descriptor = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        log = Log("debug", "json", [descriptor], lambda: 1_800_000_000.0)
        loop = asyncio.get_running_loop()
        spools = Spools(spool, loop, log, lambda: 1_800_000_000.0, Random(5).getrandbits)
        owned = await spools.open()
        await then(spools, owned)
        for one in owned:
            await one.spool.close()
        log.close()
        os.close(descriptor)

    asyncio.run(run())
    return log_path.read_text()


async def held(owned: Sequence[Owned]) -> dict[bytes, int]:
    """The bodies of all messages, and the number of recipients each."""
    found: dict[bytes, int] = {}
    for one in owned:
        for message in await one.spool.read(await one.spool.page_active(-1, 1000)):
            file = message.content.file
            assert message.content.data not in found, "twice"
            found[message.content.data] = len(message.recipients)
            assert file is None or file.path.read_bytes()
    return found


def shard_with(spool: Path, milliseconds: int, count: int) -> Shard:
    shard = opened(new_shard(spool, milliseconds, milliseconds))
    for n in range(1, count + 1):
        file = large_body(shard.path, f"big{n}") if n == 2 else None
        shard.commit([accepting(letter(milliseconds * 100 + n, n, file=file))])
    return shard


def bodies(milliseconds: int, count: int) -> dict[bytes, int]:
    return {b"Subject: %d\r\n\r\n" % (milliseconds * 100 + n): n for n in range(1, count + 1)}


def spoil(path: Path) -> None:
    """The checkpoint at opening fails: the log cannot be read back into a database that is none."""
    with closing(sqlite3.connect(path / "queue.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [root] = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'reserved'").fetchone()
    with (path / "queue.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xa5" * 4096)


def test_an_empty_spool_gets_a_shard_which_goes_at_the_end(tmp_path: Path) -> None:
    async def then(_: Spools, owned: Sequence[Owned]) -> None:
        assert [one.messages for one in owned] == [0]
        assert shard_paths(tmp_path / "spool") == [owned[0].spool.path]

    owning(tmp_path / "spool", then)
    assert shard_paths(tmp_path / "spool") == []


def test_shards_of_nobody_are_adopted_and_those_of_others_are_not(tmp_path: Path) -> None:
    shard_with(tmp_path, 1000, 3).abandon()
    shard_with(tmp_path, 2000, 2).abandon()
    other = shard_with(tmp_path, 3000, 1)

    async def then(spools: Spools, owned: Sequence[Owned]) -> None:
        assert [one.messages for one in owned] == [3, 2]
        assert await held(owned) == bodies(1000, 3) | bodies(2000, 2)
        assert await spools.adopt() == []
        other.abandon()
        [later] = await spools.adopt()
        assert await held([later]) == bodies(3000, 1)
        await later.spool.close()

    assert owning(tmp_path, then).count("queue adopted") == 3


def test_what_an_unfit_shard_holds_is_copied_once(tmp_path: Path) -> None:
    unfit = shard_with(tmp_path, 1000, 5)
    unfit.abandon()
    spoil(unfit.path)

    async def then(spools: Spools, owned: Sequence[Owned]) -> None:
        assert await held(owned) == bodies(1000, 5)
        assert await spools.adopt() == []

    assert '"rescued":5' in owning(tmp_path, then).replace(" ", "")
    assert (tmp_path / "set-aside" / unfit.path.name / "queue.db").exists()

    async def again(_: Spools, owned: Sequence[Owned]) -> None:
        assert await held(owned) == bodies(1000, 5)

    owning(tmp_path, again)


def test_a_rescue_cut_short_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unfit = shard_with(tmp_path, 1000, 5)
    unfit.abandon()
    spoil(unfit.path)
    real = Shard.commit
    left = iter(range(2))

    def full(shard: Shard, changes: Sequence[Change]) -> Result:
        if any(change.accepted for change in changes) and next(left, None) is None:
            return DiskFull()
        return real(shard, changes)

    async def then(_: Spools, owned: Sequence[Owned]) -> None:
        assert len(peek(owned[0].spool.path)) == 2

    with monkeypatch.context() as patch:
        patch.setattr(Shard, "commit", full)
        owning(tmp_path, then)

    async def again(_: Spools, owned: Sequence[Owned]) -> None:
        assert await held(owned) == bodies(1000, 5)

    owning(tmp_path, again)


def peek(path: Path) -> list[int]:
    with closing(sqlite3.connect(f"{(path / 'queue.db').as_uri()}?mode=ro", uri=True)) as database:
        return [number for (number,) in database.execute("SELECT id FROM message")]


def test_a_message_without_its_body_does_not_keep_the_others(tmp_path: Path) -> None:
    unfit = shard_with(tmp_path, 1000, 4)
    unfit.abandon()
    spoil(unfit.path)
    (unfit.path / "bodies" / "big2").unlink()

    async def then(_: Spools, owned: Sequence[Owned]) -> None:
        kept = bodies(1000, 4)
        del kept[b"Subject: 100002\r\n\r\n"]
        assert await held(owned) == kept

    owning(tmp_path, then)


def test_a_shard_of_another_release_stays_where_it_is(tmp_path: Path) -> None:
    foreign = shard_with(tmp_path, 1000, 2)
    foreign._database.execute("PRAGMA user_version = 99")
    foreign.abandon()

    async def then(_: Spools, owned: Sequence[Owned]) -> None:
        assert [one.messages for one in owned] == [0]

    assert "queue not opened" in owning(tmp_path, then)
    assert shard_paths(tmp_path) == [foreign.path]


def test_mail_taken_while_running_is_there_for_the_next_worker(tmp_path: Path) -> None:
    async def then(_: Spools, owned: Sequence[Owned]) -> None:
        spool = owned[0].spool
        heard: list[Result] = []
        spool.submit(accepting(letter(spool.number(1.0))), heard.append)
        await spool.page_active(-1, 1)
        assert heard == [Committed()]

    owning(tmp_path, then)
    [path] = shard_paths(tmp_path)
    shard = opened(path)
    assert len(numbers(shard)) == 1
    shard.close()
