from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.config.trees import plant
from vsmtp.cli.main import main

TREE = """
[queue]
path = "spool"

[[rules.mail]]
name = "no"
when.sender.null = true
reject = "550 5.7.1 No"
"""
SHARDS = ("01J00000000000000000000000", "01J00000000000000000000001")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return plant(tmp_path, a10=TREE)


def graph(tree: Path, *words: str) -> int:
    return main(["graph", "-c", str(tree), *words])


@contextmanager
def answering(tree: Path, shard: str, status: dict[str, Any]) -> Iterator[None]:
    """A worker's control socket that answers once."""
    directory = tree / "spool" / "shard" / shard
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        # A socket's path has at most 107 octets, a directory of pytest's may have more.
        place = os.open(directory, os.O_PATH)
        listening.bind(f"/proc/self/fd/{place}/control")
        os.close(place)
        listening.listen()
        listening.settimeout(5)

        def answer() -> None:
            peer, _ = listening.accept()
            with peer, peer.makefile("rb") as asked:
                assert json.loads(asked.readline())["do"] == "status"
                peer.sendall(json.dumps(status).encode() + b"\n")

        thread = Thread(target=answer)
        thread.start()
        yield
        thread.join()


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("text", "mail: your rules"),
        ("dot", "digraph"),
        ("mermaid", "flowchart"),
        ("svg", "<svg"),
        ("json", "{"),
    ],
)
def test_every_format_is_drawn(tree: Path, form: str, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(tree, "--format", form) == 0
    assert capsys.readouterr().out.startswith(start)


def test_some_stages_can_be_chosen(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(tree, "--stage", "mail", "--format", "json") == 0
    assert [each["stage"] for each in json.loads(capsys.readouterr().out)["stages"]] == ["mail"]


def test_it_can_be_written_to_a_file(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(tree, "--format", "svg", "-o", str(tree / "rules.svg")) == 0
    assert (tree / "rules.svg").read_text("utf-8").startswith("<svg")
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_written_exits_1(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(tree, "-o", str(tree)) == 1
    assert capsys.readouterr().err.startswith("vsmtp: ")


def test_an_unsound_tree_exits_1_with_its_diagnostics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert graph(plant(tmp_path, a10=f"{TREE}x = 1")) == 1
    assert "unknown-key" in capsys.readouterr().err


def test_hits_are_those_of_all_workers_each_counted_once(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = SHARDS
    with (
        answering(tree, first, {"process": 1, "hits": {"mail/no": 3}}),
        answering(tree, second, {"process": 2, "hits": {"mail/no": 4}}),
    ):
        assert graph(tree, "--hits") == 0
    assert "no  (7x)" in capsys.readouterr().out


def test_a_worker_of_two_shards_counts_once(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = {"process": 1, "hits": {"mail/no": 3}}
    with answering(tree, SHARDS[0], same), answering(tree, SHARDS[1], same):
        assert graph(tree, "--hits") == 0
    assert "no  (3x)" in capsys.readouterr().out


def test_without_a_server_there_are_no_hits(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(tree, "--hits") == 1
    assert "no server answers" in capsys.readouterr().err
