"""The benchmark's and the tests' own trees are sound, so that what they measure is what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.run import medians, table
from bench.servers import entries, rows, turns, write_tree
from tests.peers import server
from vsmtp.config.load import Tree, read_tree


@pytest.mark.parametrize("held", [False, True])
def test_the_tree_of_the_benchmark_is_sound(tmp_path: Path, *, held: bool) -> None:
    tree = read_tree(write_tree(tmp_path, 2525, held=held), hostname="bench.test", version="1.0.0")
    assert isinstance(tree, Tree), tree
    assert tree.settings.queue.hold is held
    assert tree.settings.queue.path == tmp_path / "spool"


def test_the_tree_of_the_tests_is_sound(tmp_path: Path) -> None:
    port = server.write_tree(tmp_path, extra='[delivery]\nsmarthost = "127.0.0.1:2600"\n')
    tree = read_tree(tmp_path, hostname="mx.test", version="1.0.0")
    assert isinstance(tree, Tree), tree
    assert str(port) in str(tree.settings.listeners["mx"].address)


def test_what_is_not_there_counts_as_nothing(tmp_path: Path) -> None:
    assert (entries(tmp_path / "new"), rows(tmp_path), turns(tmp_path)) == (0, 0, {})


def test_the_table_shows_medians_and_their_ratio() -> None:
    def run(accepted: float) -> dict[str, float]:
        return {"accepted": accepted, "delivered": accepted, "cpu": 1000 / accepted, "memory": 1e6}

    runs = {"postfix": [run(90.0), run(100.0), run(500.0)], "vsmtp": [run(400.0)]}
    _, theirs, ours = table({"A": runs})
    assert medians(runs["postfix"])["accepted"] == 100.0
    assert theirs.split()[:3] == ["A", "postfix", "100"]
    assert ours.endswith("4.00, 4.00, 0.25")
