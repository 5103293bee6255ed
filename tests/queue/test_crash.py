"""Owners killed, powers cut, syncs failed: nothing acknowledged is lost, nothing finished rises again."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.peers.disk import LoopDisk
from tests.queue.crashing import BROKEN, SCRIPT, Told, held
from tests.queue.letters import SHARD
from tests.queue.powercut import ROOT, failing_sync, line, python_process

KILLS = 10
CUTS = 20


def lived(path: Path, seed: int, lines: int) -> Told:
    """What a process said that was killed after so many lines."""
    with python_process(SCRIPT, path, str(seed)) as process:
        said = [line(process) for _ in range(lines)]
        process.kill()
        assert process.stdout is not None
        said += process.stdout.read().splitlines()
    return Told(said)


def failed(path: Path, seed: int, prefix: Sequence[str]) -> Told:
    """What a process said whose syncs failed: it ends by itself, and not well."""
    command = [*prefix, sys.executable, "-u", "-c", SCRIPT, str(path), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == BROKEN, done.stderr
    return Told(done.stdout.splitlines())


@pytest.mark.slow
def test_after_any_kill_what_was_acknowledged_is_there_and_what_was_finished_is_not(tmp_path: Path) -> None:
    path = tmp_path / "shard" / SHARD
    rng = random.Random(2)
    before: set[int] = set()
    for seed in range(KILLS):
        told = lived(path, seed, rng.choice([1, 2, 5, 30, 200, rng.randrange(2000)]))
        found = held(path)
        told.judge(found, before)
        before = found
    assert before


@pytest.mark.slow
@pytest.mark.parametrize("nth", [1, 4, 9, 25, 60])
def test_after_a_failed_sync_the_process_ends_and_all_that_was_acknowledged_is_there(
    tmp_path: Path, nth: int
) -> None:
    path = tmp_path / "shard" / SHARD
    before = held(path)
    told = failed(path, nth, failing_sync(12 + nth))
    assert told.broke
    told.judge(held(path), before)


@pytest.mark.slow
@pytest.mark.root
def test_after_any_power_cut_what_was_acknowledged_is_there(disk: LoopDisk) -> None:
    path = disk.path / "shard" / SHARD
    rng = random.Random(3)
    before: set[int] = set()
    for seed in range(CUTS):
        with python_process(SCRIPT, path, str(seed)) as process:
            said = [line(process) for _ in range(rng.choice([1, 3, 20, 100, rng.randrange(400)]))]
            disk.shut_down()
            assert process.stdout is not None
            # ext4 says yes to a sync that the cut meets half way (a bare `fdatasync` loop: 8 of 60 cuts).
            # What is said from here on nobody would have heard: it counts as begun only.
            said += process.stdout.read().lower().splitlines()
            assert process.wait(10) == BROKEN
        disk.restart()
        told = Told(said)
        found = held(path)
        told.judge(found, before)
        before = found
    assert before
    disk.check()


@pytest.mark.slow
@pytest.mark.root
def test_what_the_next_owner_finds_after_a_failed_sync_outlives_a_power_cut(disk: LoopDisk) -> None:
    path = disk.path / "shard" / SHARD
    before: set[int] = set()
    for nth in (3, 7, 20):
        told = failed(path, nth, failing_sync(12 + nth, then="+"))
        found = held(path)
        told.judge(found, before)
        disk.cut()
        assert held(path) == found
        before = found
    disk.check()
