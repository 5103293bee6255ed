from __future__ import annotations

import os
from pathlib import Path

from tests.queue.letters import SHARD, opened
from vsmtp.queue.adoption import free_shards, is_free, new_shard, shard_paths
from vsmtp.queue.identity import is_ulid
from vsmtp.queue.shard import take_lock


def test_a_spool_that_is_not_there_has_no_shards(tmp_path: Path) -> None:
    assert shard_paths(tmp_path / "spool") == []
    assert free_shards(tmp_path / "spool") == []


def test_only_shards_are_shards_and_the_oldest_comes_first(tmp_path: Path) -> None:
    made = [new_shard(tmp_path, milliseconds, 7) for milliseconds in (3000, 1000, 2000)]
    (tmp_path / "shard" / "lost+found").mkdir()
    assert shard_paths(tmp_path) == [made[1], made[2], made[0]]
    assert all(is_ulid(path.name) for path in made)


def test_no_two_shards_of_a_spool_share_a_tag(tmp_path: Path) -> None:
    made = [new_shard(tmp_path, milliseconds, 2**20 - 1) for milliseconds in range(1000, 1010)]
    assert len({path.name[-4:] for path in made}) == 10


def test_a_shard_is_free_when_nobody_holds_its_lock(tmp_path: Path) -> None:
    path = new_shard(tmp_path, 1000, 7)
    owner = opened(path)
    assert not is_free(path)
    assert free_shards(tmp_path) == []
    owner.abandon()
    assert free_shards(tmp_path) == [path]
    assert is_free(path), "to ask does not take it"


def test_a_lock_does_not_outlive_an_exec(tmp_path: Path) -> None:
    path = tmp_path / SHARD
    path.mkdir()
    descriptor = take_lock(path)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_shard_that_is_gone_is_not_free(tmp_path: Path) -> None:
    assert not is_free(tmp_path / SHARD)
