"""Quarantines: what is too old leaves, and whoever wants to hears what came in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.queue.letters import ARRIVED, SHARD, accepting, commit, letter, with_committer
from tests.server.test_ledger import Said
from vsmtp.config.models.quarantines import Quarantine
from vsmtp.queue.committer import Committer
from vsmtp.queue.records import NewMessage
from vsmtp.server.keeping import Keeper
from vsmtp.server.works import Post
from vsmtp.values.address import Address

OLD, NEW = ARRIVED, ARRIVED + 1000.0
KEEP: Any = "500s"  # as a tree has it
STATE = "quarantine/virus"


def keeper(spool: Committer, quarantine: Quarantine, told: list[NewMessage]) -> Keeper:
    author = Address.parse("postmaster@mx.test")
    post = Post(spool, "mx.test", author, lambda: NEW, lambda _: "now", told.append, Said())
    return Keeper({"virus": quarantine}, lambda: [spool], post, lambda: NEW)


def test_what_is_too_old_is_removed(tmp_path: Path) -> None:
    async def scenario(spool: Committer) -> list[int]:
        new = letter(2, state=STATE)._replace(arrived=NEW)
        await commit(spool, accepting(letter(1, state=STATE), new, letter(3)))
        await keeper(spool, Quarantine(keep=KEEP), []).look(OLD, NEW)
        return [message.number for message in await spool.read([1, 2, 3])]

    assert with_committer(tmp_path / SHARD, scenario) == [2, 3]


def test_who_wants_to_hears_once_of_what_came_in(tmp_path: Path) -> None:
    told: list[NewMessage] = []

    async def scenario(spool: Committer) -> None:
        await commit(spool, accepting(letter(1, state=STATE), letter(2)))
        one = keeper(spool, Quarantine(notify="admin@local.test"), told)
        await one.look(OLD, NEW)
        await one.look(NEW, NEW + 1)
        await asyncio.sleep(0.05)

    with_committer(tmp_path / SHARD, scenario)
    (notice,) = told
    assert [str(to.address) for to in notice.recipients] == ["admin@local.test"]
    assert b"Subject: 1 message in quarantine virus\r\n" in notice.content.data
