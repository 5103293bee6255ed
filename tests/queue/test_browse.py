from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.queue.letters import accepting, letter, opened
from vsmtp.queue import browse, rows, schema
from vsmtp.queue.adoption import new_shard
from vsmtp.queue.identity import queue_name
from vsmtp.queue.records import HOLD, Change, Remark
from vsmtp.queue.shard import Shard


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    made = opened(new_shard(tmp_path, 1000, 7))
    yield made
    made.abandon()


def listed(spool: Path) -> list[int]:
    return [message.number for _, message in browse.messages(spool)]


def test_every_message_of_every_shard_is_listed_while_its_owner_works(tmp_path: Path, shard: Shard) -> None:
    other = opened(new_shard(tmp_path, 2000, 9))
    shard.commit([accepting(*(letter(n) for n in range(1, browse.PAGE + 5)), letter(5000, state=HOLD))])
    other.commit([accepting(letter(3))])
    assert listed(tmp_path) == [*range(1, browse.PAGE + 5), 5000, 3]
    other.abandon()


def test_mail_that_leaves_while_it_is_listed_ends_no_listing(tmp_path: Path, shard: Shard) -> None:
    last = 3 * browse.PAGE
    shard.commit([accepting(*(letter(n) for n in range(1, last + 1)))])
    listing = browse.messages(tmp_path)
    seen = [next(listing)[1].number]
    shard.commit([Change(removed=tuple(range(2, 2 * browse.PAGE)))])
    seen += [message.number for _, message in listing]
    assert seen[-1] == last


def test_a_page_is_one_view_of_all_tables(
    tmp_path: Path, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard.commit([accepting(letter(1))])
    read = rows.read_messages

    def leaving(database: sqlite3.Connection, path: Path, wanted: str) -> object:
        shard.commit([Change(finished=((1, 0),))])
        return read(database, path, wanted)

    monkeypatch.setattr(browse, "read_messages", leaving)
    assert listed(tmp_path) == [1]
    assert listed(tmp_path) == []


def test_a_message_is_found_by_its_queue_id(tmp_path: Path, shard: Shard) -> None:
    shard.commit([accepting(letter(77, 2))])
    name = queue_name(77, shard.path.name)
    found = browse.find(tmp_path, name.lower())
    assert found is not None
    assert (found[0], found[1].number, len(found[1].recipients)) == (shard.path, 77, 2)
    assert browse.find(tmp_path, queue_name(78, shard.path.name)) is None
    assert browse.find(tmp_path, queue_name(77, "0" * 26)) is None
    with pytest.raises(ValueError, match="queue id"):
        browse.find(tmp_path, "Z" * 13 + shard.path.name[-4:])


def test_a_shard_that_begins_or_ends_is_empty(tmp_path: Path) -> None:
    path = new_shard(tmp_path, 1000, 7)
    name = queue_name(1, path.name)
    assert listed(tmp_path) == []
    assert browse.find(tmp_path, name) is None
    (path / "queue.db").touch()
    assert listed(tmp_path) == []
    assert browse.find(tmp_path, name) is None


def test_a_shard_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (new_shard(tmp_path, 1000, 7) / "queue.db").write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.Error):
        listed(tmp_path)


def test_listing_leaves_a_shard_of_nobody_as_it_is(tmp_path: Path, shard: Shard) -> None:
    shard.commit([accepting(letter(1))])
    assert listed(tmp_path) == [1]
    assert shard.commit([accepting(letter(2))])
    assert listed(tmp_path) == [1, 2]


def test_remarks_outlive_their_message_and_the_shard_stays_for_them(tmp_path: Path, shard: Shard) -> None:
    name = queue_name(1, shard.path.name)
    shard.commit([Change(accepted=(letter(1),), remarks=(Remark(1, '{"n":1}'), Remark(2, "{}")))])
    shard.commit([Change(finished=((1, 0),), remarks=(Remark(1, '{"n":2}'),))])
    assert browse.find(tmp_path, name) is None
    assert browse.find_decision(tmp_path, name) == ({"n": 1}, {"n": 2})
    assert browse.find_decision(tmp_path, queue_name(9, shard.path.name)) is None


def test_the_oldest_remarks_make_way(tmp_path: Path, shard: Shard) -> None:
    many = tuple(Remark(n, "{}") for n in range(schema.REMEMBERED))
    shard.commit([Change(remarks=many)])
    shard.commit([Change(remarks=(Remark(9_999_999, "{}"),))])
    assert browse.find_decision(tmp_path, queue_name(0, shard.path.name)) is None
    assert browse.find_decision(tmp_path, queue_name(1, shard.path.name)) == ({},)
