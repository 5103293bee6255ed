from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from tests.peers.disk import LoopDisk
from vsmtp.disk import calls
from vsmtp.disk.calls import Disk
from vsmtp.postman import folders as folders_module
from vsmtp.postman.maildir import Maildirs
from vsmtp.postman.packet import Batch, Item, Result

STEPS = ["create", "write", "sync", "publish"]


class FaultyDisk(Disk):
    """The real disk, of which one call fails for the files whose name or octets contain `BAD`."""

    def __init__(self, step: str, fault: int = errno.EIO) -> None:
        self._step = step
        self._fault = fault
        self._bad: set[int] = set()
        self.syncs = 0

    def _fail(self, step: str, bad: object) -> None:
        if bad and step == self._step:
            raise OSError(self._fault, os.strerror(self._fault))

    def create(self, folder: int, name: str) -> int:
        self._fail("create", "BAD" in name)
        fd = super().create(folder, name)
        self._bad.discard(fd)
        if "BAD" in name:
            self._bad.add(fd)
        return fd

    def write(self, fd: int, octets: memoryview) -> None:
        super().write(fd, octets[:2])
        self._fail("write", fd in self._bad)
        super().write(fd, octets[2:])

    def sync(self, fd: int) -> None:
        self.syncs += 1
        path = Path(f"/proc/self/fd/{fd}").readlink()
        self._fail("sync", "BAD" in path.name)
        self._fail("sync the directory", path.name == "new" and path.parent.name == "bad")
        super().sync(fd)

    def publish(self, source: int, target: int, name: str) -> None:
        self._fail("publish", "BAD" in name)
        super().publish(source, target, name)


def item(base: Path, name: str, maildir: str = "anna", *, again: bool = False) -> Item:
    return Item(str(base / maildir), str(base), name, again, 6)


def write(maildirs: Maildirs, *items: Item) -> list[Result]:
    octets = b"".join(b"mail%02d" % n for n in range(len(items)))
    return maildirs.write(Batch(items, memoryview(octets)), [])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def states(results: Sequence[Result]) -> list[str]:
    return [result.state for result in results]


def test_each_file_has_its_own_octets(tmp_path: Path) -> None:
    results = write(Maildirs(Disk()), *(item(tmp_path, f"f{n}", f"m{n % 3}") for n in range(64)))
    assert states(results) == ["delivered"] * 64
    for n in range(64):
        assert (tmp_path / f"m{n % 3}/new/f{n}").read_bytes() == b"mail%02d" % n


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES])
def test_a_fault_of_one_harms_no_other(tmp_path: Path, step: str, fault: int) -> None:
    maildirs = Maildirs(FaultyDisk(step, fault))
    batch = [item(tmp_path, name) for name in ("a", "BAD", "b")]
    assert write(maildirs, *batch) == [
        Result("delivered"),
        Result("failed", fault, step),
        Result("delivered"),
    ]
    assert names(tmp_path / "anna/new") == {"a", "b"}
    assert names(tmp_path / "anna/tmp") == set()
    assert write(maildirs, item(tmp_path, "c")) == [Result("delivered")]


@pytest.mark.parametrize("step", STEPS)
def test_a_fault_in_a_large_batch_is_told_of_the_right_one(tmp_path: Path, step: str) -> None:
    batch = [item(tmp_path, f"BAD{n}" if n in (3, 17, 40) else f"f{n}") for n in range(50)]
    results = write(Maildirs(FaultyDisk(step)), *batch)
    assert [n for n, result in enumerate(results) if result.state == "failed"] == [3, 17, 40]


def test_what_was_published_stays_when_its_directory_cannot_be_synced(tmp_path: Path) -> None:
    maildirs = Maildirs(FaultyDisk("sync the directory"))
    results = write(maildirs, item(tmp_path, "a", "bad"), item(tmp_path, "b"))
    assert results == [Result("failed", errno.EIO, "sync the directory"), Result("delivered")]
    assert names(tmp_path / "bad/new") == {"a"}
    assert states(write(Maildirs(Disk()), item(tmp_path, "a", "bad"))) == ["exists"]


def test_a_directory_is_synced_once_a_batch(tmp_path: Path) -> None:
    disk = FaultyDisk("none")
    maildirs = Maildirs(disk)
    write(maildirs, item(tmp_path, "first"))
    disk.syncs = 0
    write(maildirs, *(item(tmp_path, f"f{n}") for n in range(20)))
    assert disk.syncs == 20 + 1


def test_a_name_in_new_is_a_delivery_that_happened(tmp_path: Path) -> None:
    maildirs = Maildirs(Disk())
    write(maildirs, item(tmp_path, "x"), item(tmp_path, "a"))
    assert states(write(maildirs, item(tmp_path, "a"))) == ["exists"]
    assert (tmp_path / "anna/new/a").read_bytes() == b"mail01"
    assert names(tmp_path / "anna/tmp") == set()


@pytest.mark.parametrize("place", ["new/a", "cur/a", "cur/a:2,", "cur/a:2,FS"])
def test_again_finds_what_the_reader_has_seen(tmp_path: Path, place: str) -> None:
    maildirs = Maildirs(Disk())
    write(maildirs, item(tmp_path, "a"))
    (tmp_path / "anna/new/a").rename(tmp_path / "anna" / place)
    assert states(write(maildirs, item(tmp_path, "a", again=True), item(tmp_path, "ab", again=True))) == [
        "exists",
        "delivered",
    ]


def test_an_unfinished_file_of_ours_is_replaced(tmp_path: Path) -> None:
    maildirs = Maildirs(Disk())
    write(maildirs, item(tmp_path, "x"))
    (tmp_path / "anna/tmp/a").write_bytes(b"half of an earlier attempt")
    assert states(write(maildirs, item(tmp_path, "a"))) == ["delivered"]
    assert (tmp_path / "anna/new/a").read_bytes() == b"mail00"


def test_a_link_in_tmp_is_not_followed(tmp_path: Path) -> None:
    maildirs = Maildirs(Disk())
    write(maildirs, item(tmp_path, "x"))
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "anna/tmp/a").symlink_to(tmp_path / "precious")
    assert states(write(maildirs, item(tmp_path, "a"))) == ["delivered"]
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "anna/new/a").is_symlink()


def test_a_maildir_moved_away_is_made_anew(tmp_path: Path) -> None:
    maildirs = Maildirs(Disk())
    write(maildirs, item(tmp_path, "a"))
    (tmp_path / "anna").rename(tmp_path / "old")
    assert states(write(maildirs, item(tmp_path, "b"))) == ["delivered"]
    assert names(tmp_path / "anna/new") == {"b"}
    assert names(tmp_path / "old/new") == {"a"}


def test_a_lost_tmp_costs_one_attempt_at_most(tmp_path: Path) -> None:
    maildirs = Maildirs(Disk())
    write(maildirs, item(tmp_path, "a"))
    shutil.rmtree(tmp_path / "anna/tmp")
    write(maildirs, item(tmp_path, "b"))
    assert states(write(maildirs, item(tmp_path, "b"))) == ["delivered"]


def test_a_missing_root_is_not_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    lost = Item(str(home / "Maildir"), str(home), "a", again=False, length=6)
    assert write(Maildirs(Disk()), lost) == [Result("failed", errno.ENOENT, "open the Maildir")]
    assert not home.exists()


def test_directories_below_the_root_are_made(tmp_path: Path) -> None:
    assert states(write(Maildirs(Disk()), item(tmp_path, "a", "local.test/anna"))) == ["delivered"]
    assert (tmp_path / "local.test").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_a_maildir_defers(tmp_path: Path) -> None:
    (tmp_path / "anna").write_bytes(b"")
    results = write(Maildirs(Disk()), item(tmp_path, "a"), item(tmp_path, "a", "bert"))
    assert results == [Result("failed", errno.ENOTDIR, "open the Maildir"), Result("delivered")]


def test_only_so_many_maildirs_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders_module, "MAX_OPEN", 4)
    monkeypatch.setattr(folders_module, "MAX_ANCHORED", 4)
    maildirs = Maildirs(Disk())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for n in range(40):
        write(maildirs, item(tmp_path, "a", f"m{n}"))
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 2 * 5


@pytest.mark.parametrize("lacking", ["_renameat2", "_sync_file_range"])
def test_an_older_system_does_without_the_newer_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.setattr(calls, lacking, None)
    maildirs = Maildirs(Disk())
    assert states(write(maildirs, item(tmp_path, "a"))) == ["delivered"]
    assert states(write(maildirs, item(tmp_path, "a"))) == ["exists"]
    assert names(tmp_path / "anna/tmp") == set()


@pytest.mark.parametrize("lacking", [errno.EXDEV, errno.ENOSYS])
def test_a_body_is_copied_even_where_files_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    def refuse(*_: int) -> int:
        raise OSError(lacking, os.strerror(lacking))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    assert copy_body(tmp_path, b"skip" + b"x" * 3_000_000, 3_000_004) == [Result("delivered")]
    assert (tmp_path / "anna/new/a").read_bytes() == b"mail00" + b"x" * 3_000_000


def test_a_body_cut_short_is_not_delivered(tmp_path: Path) -> None:
    assert copy_body(tmp_path, b"skip" + b"x" * 10, 100) == [Result("failed", errno.EIO, "write")]
    assert names(tmp_path / "anna/new") | names(tmp_path / "anna/tmp") == set()


def copy_body(base: Path, octets: bytes, size: int) -> list[Result]:
    body = base / "body"
    body.write_bytes(octets)
    large = item(base, "a")._replace(body=0, offset=4, size=size)
    with body.open("rb") as file:
        return Maildirs(Disk()).write(Batch([large], memoryview(b"mail00")), [file.fileno()])


@pytest.mark.root
def test_a_full_disk_defers_and_mail_flows_again_when_there_is_room(disk: LoopDisk) -> None:
    ballast = disk.path / "ballast"
    large = [item(disk.path, f"f{n}")._replace(length=300_000) for n in range(8)]
    octets = memoryview(b"x" * 300_000 * 8)
    with opened() as maildirs:
        write(maildirs, item(disk.path, "first"))
        fill(ballast)
        results = maildirs.write(Batch(large, octets), [])
        assert {result.errno for result in results if result.state == "failed"} == {errno.ENOSPC}
        assert names(disk.path / "anna/tmp") == set()
        ballast.unlink()
        assert "failed" not in states(maildirs.write(Batch(large, octets), []))


def fill(ballast: Path) -> None:
    """Leave a MiB of the disk or so."""
    with ballast.open("wb") as file, suppress(OSError):
        for mebibyte in count():
            os.posix_fallocate(file.fileno(), mebibyte * 2**20, 2**20)
    os.truncate(ballast, ballast.stat().st_size - 2**20)


@pytest.mark.root
@pytest.mark.slow
def test_what_is_delivered_survives_a_power_cut(disk: LoopDisk) -> None:
    with opened() as maildirs:
        for batch in range(5):
            wanted = [item(disk.path, f"b{batch}f{n}", f"m{n % 4}/deep") for n in range(32)]
            assert set(states(write(maildirs, *wanted))) == {"delivered"}
        disk.shut_down()
        assert set(states(write(maildirs, item(disk.path, "late", "m0/deep")))) == {"failed"}
    disk.restart()
    for batch in range(5):
        for n in range(32):
            assert (disk.path / f"m{n % 4}/deep/new/b{batch}f{n}").read_bytes() == b"mail%02d" % n
    disk.check()


@contextmanager
def opened() -> Iterator[Maildirs]:
    """A writer that holds no disk open afterwards."""
    maildirs = Maildirs(Disk())
    try:
        yield maildirs
    finally:
        for folder in maildirs._folders._open.values():
            folder.close()
