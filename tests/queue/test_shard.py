"""A shard by itself: what opening makes of what it finds, and that no change is ever half made."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.queue.letters import (
    ARRIVED,
    SHARD,
    accepting,
    large_body,
    left_by,
    letter,
    numbers,
    opened,
    wished,
)
from tests.queue.old import old_shard
from vsmtp.queue.browse import messages
from vsmtp.queue.opening import SUSPECT, ShardNotNow, ShardTaken, ShardUnfit
from vsmtp.queue.records import (
    ACTIVE,
    Addressee,
    Broken,
    Change,
    Committed,
    DiskFull,
    Remark,
    Reschedule,
    Revision,
)
from vsmtp.queue.rescue import readable_messages
from vsmtp.queue.shard import BALLAST, IDLE_FRAMES, MAX_FRAMES, Shard, remove_shard
from vsmtp.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS, Notify, RcptParameters
from vsmtp.values.address import Address


@pytest.fixture(params=[1, 2])
def old_format(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "shard" / SHARD


@pytest.fixture
def shard(path: Path) -> Iterator[Shard]:
    made = opened(path)
    yield made
    made.abandon()


def crash(shard: Shard) -> Path:
    """What the disk would hold had the owner been killed now: a copy of the shard, owned by nobody."""
    copy = shard.path.parent / SHARD.replace("5FAV", "5FAW")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(shard.path, copy, ignore=shutil.ignore_patterns("lock", "queue.db-shm", "ballast"))
    return copy


def pages(shard: Shard, more: int) -> None:
    """The database may grow by so many pages, then the disk is full."""
    count = shard._database.execute("PRAGMA page_count").fetchone()[0]
    shard._database.execute(f"PRAGMA max_page_count = {count + more}")


def spoil(path: Path, table: str, page: int = 0) -> None:
    """Overwrite a page of a table, its root unless told otherwise."""
    with closing(sqlite3.connect(path / "queue.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        [root] = database.execute(query, (table,)).fetchone()
    with (path / "queue.db").open("r+b") as file:
        file.seek(((page or root) - 1) * 4096)
        file.write(b"\xa5" * 4096)


def test_a_shard_has_one_owner(shard: Shard) -> None:
    with pytest.raises(ShardTaken):
        Shard.open(shard.path)


def test_an_empty_shard_goes_with_its_owner(path: Path) -> None:
    shard = opened(path)
    shard.commit([accepting(letter(1))])
    shard.commit([Change(finished=((1, 0),))])
    assert shard.close()
    assert not path.exists()


def test_a_shard_with_mail_stays(path: Path) -> None:
    shard = opened(path)
    shard.commit([accepting(letter(1))])
    assert not shard.close()
    assert left_by(path) == [1]


def test_removing_a_shard_cut_short_leaves_nothing_that_was_finished(path: Path) -> None:
    # The database goes before its log: a log alone is ignored, a database alone would show what has left.
    shard = opened(path)
    shard.commit([accepting(letter(1))])
    shard.checkpoint()
    shard.commit([Change(finished=((1, 0),))])
    copy = crash(shard)
    shard.abandon()
    unlinked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", lambda file, **_: unlinked.append(file.name))
        patch.setattr(Path, "rmdir", lambda _: None)
        remove_shard(copy)
    assert "queue.db" in unlinked
    for name in unlinked:
        (copy / name).unlink(missing_ok=True)
        assert left_by_copy(copy) == [], f"without {name}"


def left_by_copy(path: Path) -> list[int]:
    probe = path.parent / SHARD.replace("5FAV", "5FAX")
    shutil.rmtree(probe, ignore_errors=True)
    shutil.copytree(path, probe)
    return left_by(probe)


def test_at_opening_everything_moves_from_the_log_into_the_database(shard: Shard) -> None:
    shard.commit([accepting(*(letter(n) for n in range(1, 30)))])
    copy = crash(shard)
    assert (copy / "queue.db-wal").stat().st_size > 0
    again = opened(copy)
    assert (copy / "queue.db-wal").stat().st_size == 0
    (copy / "queue.db-wal").unlink()
    with closing(sqlite3.connect(f"{(copy / 'queue.db').as_uri()}?immutable=1", uri=True)) as database:
        assert database.execute("SELECT count(*) FROM message").fetchone() == (29,)
    again.abandon()


def test_a_commit_cut_anywhere_in_the_log_happened_as_a_whole_or_not_at_all(shard: Shard) -> None:
    shard.commit([accepting(letter(1, 3))])
    before = (shard.path / "queue.db-wal").stat().st_size
    shard.commit([Change(accepted=(letter(2, 2),), finished=((1, 0), (1, 1), (1, 2)))])
    after = (shard.path / "queue.db-wal").stat().st_size
    assert after > before
    for size in sorted({before, *range(before, after, 1021), *range(before, after, 4120), after - 1, after}):
        copy = crash(shard)
        os.truncate(copy / "queue.db-wal", size)
        assert left_by(copy) == ([2] if size == after else [1]), f"log cut at {size} of {before}..{after}"


def test_strays_go_at_opening_and_bodies_that_are_named_stay(shard: Shard) -> None:
    shard.commit([accepting(letter(1, file=large_body(shard.path, "named")))])
    large_body(shard.path, "stray")
    copy = crash(shard)
    opened(copy).close()
    assert [body.name for body in (copy / "bodies").iterdir()] == ["named"]


def test_a_body_that_two_messages_share_goes_with_the_second(shard: Shard) -> None:
    file = large_body(shard.path, "shared")
    shard.commit([accepting(letter(1, file=file), letter(2, file=file, state="quarantine/odd"))])
    shard.commit([Change(finished=((1, 0),))])
    assert file.path.exists()
    shard.commit([Change(removed=(2,))])
    assert not file.path.exists()


def test_of_changes_that_share_a_turn_each_does_what_it_says(shard: Shard) -> None:
    shard.commit([accepting(letter(1, 2), letter(2))])
    changes = [
        accepting(letter(3)),
        Change(finished=((3, 0),)),
        Change(rescheduled=(Reschedule(1, 0, 1, 50.0, "a", ""),)),
        Change(expedited=(1,)),
        Change(finished=((2, 0),)),
    ]
    assert shard.commit(changes) == Committed(frozenset({2, 3}))
    assert shard.next_due() == 0.0


def test_a_full_disk_refuses_all_of_a_change_and_takes_it_later(shard: Shard) -> None:
    shard.commit([accepting(letter(1))])
    pages(shard, 1)
    change = Change(accepted=(letter(2, data=b"x" * 50_000),), finished=((1, 0),))
    assert shard.commit([change]) == DiskFull()
    assert numbers(shard) == [1]
    pages(shard, 1000)
    assert shard.commit([change]) == Committed(frozenset({1}))


def test_a_number_refused_on_a_full_disk_does_not_raise_the_mark(shard: Shard) -> None:
    # The mark is written once a minute of numbers: believing one that was rolled back lets them come again.
    pages(shard, 1)
    high = int(ARRIVED * 1000) << 20
    assert shard.commit([accepting(letter(high, data=b"x" * 50_000))]) == DiskFull()
    pages(shard, 1000)
    shard.commit([accepting(letter(high + 1))])
    shard.commit([Change(finished=((high + 1, 0),))])
    again, recovered = Shard.open(crash(shard))
    assert recovered.last > high
    again.close()


def test_a_lease_on_a_full_disk_takes_nobody_and_costs_nothing(shard: Shard) -> None:
    shard.commit([accepting(letter(1))])
    shard.commit([Change(rescheduled=(Reschedule(1, 0, 1, 5.0, "a", ""),))])
    # A lease takes next to no space, so have it take more: then it meets the full disk itself.
    shard._database.execute(
        "CREATE TEMP TRIGGER greed AFTER UPDATE ON recipient"
        " BEGIN INSERT INTO body VALUES (99, zeroblob(100000)); END"
    )
    pages(shard, 1)
    assert shard.lease_due(9.0, 10) == []
    assert not (shard.path / "ballast").exists(), "it was given for this"
    shard._database.execute("DROP TRIGGER greed")
    assert shard.lease_due(9.0, 10) == [(1, 0)]


def test_the_ballast_is_there_goes_and_comes_back(shard: Shard) -> None:
    ballast = shard.path / "ballast"
    assert ballast.stat().st_blocks * 512 >= BALLAST
    assert not shard.checkpoint_due(idle=True)
    shard.release_ballast()
    assert not ballast.exists()
    assert shard.checkpoint_due(idle=True), "an idle shard is to try to get it back"
    shard.restore_ballast()
    assert ballast.stat().st_blocks * 512 >= BALLAST
    assert not shard.checkpoint_due(idle=True)


def test_the_log_moves_when_it_has_grown_and_sooner_when_idle(shard: Shard) -> None:
    for n in range(1, 9):
        shard.commit([accepting(letter(n, data=b"x" * 4096 * (IDLE_FRAMES // 8)))])
    assert shard.checkpoint_due(idle=True)
    assert not shard.checkpoint_due(idle=False)
    assert shard.checkpoint() is None
    assert not shard.checkpoint_due(idle=True)
    shard.commit([accepting(letter(99, data=b"x" * 4096 * MAX_FRAMES))])
    assert shard.checkpoint_due(idle=False)


def test_a_reader_in_the_way_makes_a_shard_wait_and_not_unfit(shard: Shard) -> None:
    shard.commit([accepting(letter(1))])
    copy = crash(shard)
    with closing(sqlite3.connect(copy / "queue.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM message").fetchone()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", impatient(sqlite3.connect))
            with pytest.raises(ShardNotNow, match="a reader is in the way"):
                Shard.open(copy)
    assert left_by(copy) == [1]


def impatient(connect: object) -> object:
    def at_once(*args: object, **options: object) -> object:
        assert callable(connect)
        return connect(*args, **{**options, "timeout": 0.01})

    return at_once


def test_another_releases_shard_is_left_alone(shard: Shard) -> None:
    copy = crash(shard)
    with closing(sqlite3.connect(copy / "queue.db")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(ShardNotNow, match="format 99"):
        Shard.open(copy)


@pytest.mark.parametrize(
    "octets", [b"this is no database at all" * 400, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_what_is_no_database_is_unfit_and_not_owned(path: Path, octets: bytes) -> None:
    path.mkdir(parents=True)
    (path / "queue.db").write_bytes(octets)
    for _ in range(2):
        with pytest.raises(ShardUnfit, match=r"queue\.db"):
            Shard.open(path)


def test_a_table_that_cannot_be_read_makes_a_shard_unfit_at_opening(shard: Shard) -> None:
    shard.commit([accepting(letter(1))])
    copy = crash(shard)
    spoil(copy, "message")
    for _ in range(2):
        with pytest.raises(ShardUnfit):
            Shard.open(copy)


def test_after_an_error_a_shard_is_looked_through_before_it_is_trusted(path: Path) -> None:
    shard = opened(path)
    shard.commit([accepting(letter(1))])
    shard.abandon()
    assert (path / SUSPECT).exists()
    opened(path).abandon()
    spoil(path, "recipient")
    with pytest.raises(ShardUnfit):
        Shard.open(path)


def test_a_sound_shard_is_suspected_once(path: Path) -> None:
    shard = opened(path)
    shard.commit([accepting(letter(1))])
    shard.abandon()
    opened(path).close()
    assert not (path / SUSPECT).exists()


def test_what_the_database_refuses_is_an_unknown_outcome(shard: Shard) -> None:
    shard.commit([accepting(letter(1))])
    result = shard.commit([accepting(letter(1))])
    assert isinstance(result, Broken)
    assert "UNIQUE" in result.reason


def test_a_shard_of_an_older_format_is_brought_up_to_date(path: Path, old_format: int) -> None:
    old_shard(path, old_format)
    again = opened(path)
    [found] = again.read([1])
    assert (found.session, found.state, found.content.data) == ("session", ACTIVE, b"Subject: old\r\n\r\n")
    assert (found.eight_bit, found.smtputf8, found.parameters) == (True, False, NO_MAIL_PARAMETERS)
    assert [(to.address, to.attempts, to.due, to.parameters) for to in found.recipients] == [
        (Address("b", "local.test"), 2, 5.0, NO_RCPT_PARAMETERS)
    ]
    finished = Change(finished=((1, 0),), remarks=(Remark(1, "{}"),))
    assert again.commit([accepting(wished(2)), finished]) == Committed(frozenset({1}))
    assert again.read([2])[0].parameters == wished(2).parameters
    assert not again.close()


def test_a_shard_of_an_older_format_can_be_read_as_it_is(path: Path, old_format: int) -> None:
    old_shard(path, old_format)
    assert [message.number for _, message in messages(path.parent.parent)] == [1]
    assert [message.number for message in readable_messages(path)] == [1]


def test_what_a_sender_wants_is_kept_with_message_and_recipient(shard: Shard) -> None:
    shard.commit([accepting(wished(1))])
    [found] = shard.read([1])
    assert found.parameters == wished(1).parameters
    assert [to.parameters for to in found.recipients] == [to.parameters for to in wished(1).recipients]


def test_a_recipient_that_rules_wrote_anew_wants_what_it_is_said_to(shard: Shard) -> None:
    shard.commit([accepting(wished(1))])
    now = Addressee(Address("new", "there.test"), "", RcptParameters(frozenset({Notify.NEVER})))
    revision = Revision(1, ACTIVE, Address("a", "src.test"), "{}", ((0, now), (9, now)))
    shard.commit([Change(revised=(revision,))])
    [found] = shard.read([1])
    assert [found.recipients[0].parameters, found.recipients[-1].parameters] == [now.parameters] * 2
    assert found.parameters == wished(1).parameters
