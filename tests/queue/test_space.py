from __future__ import annotations

import os
from pathlib import Path

import pytest

from vsmtp.queue.space import LOOK_EVERY, Space


class Machine:
    """A clock and a file system that say what they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.free = 1000
        self.looks = 0
        monkeypatch.setattr(os, "statvfs", self.statvfs)

    def statvfs(self, _: Path) -> os.statvfs_result:
        self.looks += 1
        if self.free < 0:
            raise OSError(5, "Input/output error")
        return os.statvfs_result((512, 512, 9999, 9999, self.free, 9, 9, 9, 0, 255))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def space(path: Path, machine: Machine, reserve: int = 0) -> Space:
    return Space(path, reserve, lambda: machine.now)


def test_there_is_room_for_what_leaves_the_reserve_and_twice_the_log(
    tmp_path: Path, machine: Machine
) -> None:
    (tmp_path / "queue.db-wal").write_bytes(b"x" * 5120)
    watched = space(tmp_path, machine, reserve=20_000)
    left = 1000 * 512 - 2 * 5120 - 20_000
    assert watched.has_room(left - 1)
    assert not watched.has_room(left)


def test_the_disk_is_looked_at_now_and_then(tmp_path: Path, machine: Machine) -> None:
    watched = space(tmp_path, machine)
    assert all(watched.has_room(1) for _ in range(1000))
    machine.free = 0
    assert watched.has_room(1)
    machine.now += LOOK_EVERY * 1.01
    assert not watched.has_room(1)
    assert machine.looks == 2


def test_what_was_found_full_is_looked_at_again_at_once(tmp_path: Path, machine: Machine) -> None:
    watched = space(tmp_path, machine)
    assert watched.has_room(1)
    machine.free = 0
    watched.forget()
    assert not watched.has_room(1)


def test_a_disk_that_does_not_answer_has_no_room(tmp_path: Path, machine: Machine) -> None:
    machine.free = -1
    assert not space(tmp_path, machine).has_room(1)
