"""What docs/testing.md shows is what comes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from vsmtp.cli.main import main
from vsmtp.inspect.supposing import read_world
from vsmtp.inspect.world import World

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text("utf-8")
BLOCKS: Final = dict(re.findall(r"^```toml (\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
SHOWN: Final = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder, block in (("conf.d", "tree"), ("tests.d", "test")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "10-example.toml").write_text(BLOCKS[block], "utf-8")
    return tmp_path


def test_there_are_examples() -> None:
    assert [shlex.split(command)[1] for command, _ in SHOWN] == ["explain", "test"]


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_a_command_prints_what_is_shown(
    tree: Path, command: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("DIR", str(tree)) for word in shlex.split(command)[1:]]
    assert main(words) == 0
    assert capsys.readouterr().out == output.replace("DIR", str(tree))


def test_the_world_is_one(tmp_path: Path) -> None:
    path = tmp_path / "world.toml"
    path.write_text(BLOCKS["world"], "utf-8")
    world = read_world(path)
    assert isinstance(world, World), world
    assert world.users == frozenset({"ann", "bob"})
