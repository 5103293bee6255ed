"""What is saved of a shard that cannot be trusted, and that it is saved once, whatever comes between."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.queue.letters import accepting, large_body, letter, opened
from vsmtp.queue import rescue
from vsmtp.queue.adoption import new_shard, shard_paths
from vsmtp.queue.records import HOLD, Change, Reschedule
from vsmtp.queue.shard import take_lock


@pytest.fixture
def unfit(tmp_path: Path) -> Path:
    """A shard with messages 1 to 9, of which 2 is held, 3 is large, and 4 waits for one of its two."""
    shard = opened(new_shard(tmp_path, 1000, 7))
    file = large_body(shard.path, "big")
    shard.commit([accepting(letter(1), letter(2, state=HOLD), letter(3, file=file), letter(4, 2))])
    shard.commit([accepting(*(letter(n, data=b"x" * 3000) for n in range(5, 10)))])
    shard.commit([Change(rescheduled=(Reschedule(4, 0, 2, 9e9, "a", "later"),))])
    shard.abandon()
    return shard.path


@pytest.fixture
def bodies(tmp_path: Path) -> Path:
    (tmp_path / "bodies").mkdir()
    return tmp_path / "bodies"


def readable(shard: Path) -> list[int]:
    return [message.number for message in rescue.readable_messages(shard)]


def test_a_shard_that_is_set_aside_is_no_shard_any_more(tmp_path: Path, unfit: Path) -> None:
    aside = rescue.set_aside(unfit)
    assert aside == tmp_path / "set-aside" / unfit.name
    assert shard_paths(tmp_path) == []
    assert readable(aside) == list(range(1, 10))


def test_it_is_unfinished_until_all_is_copied(tmp_path: Path, unfit: Path) -> None:
    assert list(rescue.unfinished(tmp_path)) == []
    aside = rescue.set_aside(unfit)
    assert list(rescue.unfinished(tmp_path)) == [aside]
    rescue.note_copied(aside, 4)
    assert list(rescue.unfinished(tmp_path)) == [aside]
    assert readable(aside) == list(range(5, 10))
    rescue.note_all_copied(aside)
    assert list(rescue.unfinished(tmp_path)) == []


def test_two_do_not_copy_at_once(tmp_path: Path, unfit: Path) -> None:
    aside = rescue.set_aside(unfit)
    other = take_lock(aside)
    assert list(rescue.unfinished(tmp_path)) == []
    io.FileIO(other, "r").close()
    ours: Iterator[Path] = rescue.unfinished(tmp_path)
    assert next(ours) == aside
    assert list(rescue.unfinished(tmp_path)) == []


def test_a_copy_is_the_same_mail_under_another_number(unfit: Path, bodies: Path) -> None:
    for message in rescue.readable_messages(unfit):
        new = rescue.copy(message, message.number + 100, bodies)
        assert (new.sender, new.arrived, new.state, new.session) == (
            message.sender, message.arrived, message.state, message.session,
        )  # fmt: skip
        assert [to.address for to in new.recipients] == [to.address for to in message.recipients]
        assert new.content.data == message.content.data
        assert new.content.size == message.size


def test_a_large_body_is_copied_and_may_be_copied_again(unfit: Path, bodies: Path) -> None:
    [message] = [one for one in rescue.readable_messages(unfit) if one.number == 3]
    for _ in range(2):
        file = rescue.copy(message, 103, bodies).content.file
        assert file is not None
        assert file.path.parent == bodies
        assert message.content.file is not None
        assert file.path.read_bytes() == message.content.file.path.read_bytes()


def test_a_large_body_that_is_lost_is_told(unfit: Path, bodies: Path) -> None:
    [message] = [one for one in rescue.readable_messages(unfit) if one.number == 3]
    (unfit / "bodies" / "big").unlink()
    with pytest.raises(FileNotFoundError):
        rescue.copy(message, 103, bodies)


def test_a_page_that_cannot_be_read_costs_the_messages_on_it_only(unfit: Path) -> None:
    with closing(sqlite3.connect(unfit / "queue.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    octets = bytearray((unfit / "queue.db").read_bytes())
    page = octets.rindex(b"x" * 3000) // 4096
    octets[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    (unfit / "queue.db").write_bytes(octets)
    saved = readable(unfit)
    assert {1, 2, 3, 4} <= set(saved)
    assert len(saved) == 8


def test_of_what_is_no_database_nothing_is_saved_and_nothing_raised(unfit: Path) -> None:
    (unfit / "queue.db").write_bytes(b"no database" * 1000)
    assert readable(unfit) == []
