"""The benchmark's and the tests' own trees are sound, so that what they measure is what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.run import medians, table
from bench.servers import turns, write_tree
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


def test_the_last_report_of_the_commit_turns_counts(tmp_path: Path) -> None:
    lines = [{"event": "started"}, {"event": "commit_turns", "p99_ms": 12.5, "turns": 3, "queue": "x"}]
    (tmp_path / "vsmtp.log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert turns(tmp_path) == {"p99_ms": 12.5, "turns": 3}


def test_a_server_that_reports_no_turns_has_none(tmp_path: Path) -> None:
    assert turns(tmp_path) == {}


def test_the_table_shows_medians_and_their_ratio() -> None:
    def run(accepted: float) -> dict[str, float]:
        return {"accepted": accepted, "delivered": accepted, "cpu": 1000 / accepted, "memory": 1e6}

    runs = {"postfix": [run(90.0), run(100.0), run(500.0)], "vsmtp": [run(400.0)]}
    _, theirs, ours = table({"A": runs})
    assert medians(runs["postfix"])["accepted"] == 100.0
    assert theirs.split()[:3] == ["A", "postfix", "100"]
    assert ours.endswith("4.00, 4.00, 0.25")
