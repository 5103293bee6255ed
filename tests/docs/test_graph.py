"""What docs/graph.md shows is what comes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from vsmtp.cli.main import main
from vsmtp.config.shipped import DIRECTORY

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "graph.md").read_text("utf-8")
BLOCKS: Final = dict(re.findall(r"^```toml (\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
SHOWN: Final = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_a_command_prints_what_is_shown(
    tmp_path: Path, command: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-example.toml").write_text(BLOCKS["tree"], "utf-8")
    words = [word.replace("DIR", str(tmp_path)) for word in shlex.split(command)[1:]]
    assert main(words) == 0
    expected = output.replace("DIR", str(tmp_path)).replace("SHIPPED", str(DIRECTORY))
    assert capsys.readouterr().out == expected


def test_there_are_examples() -> None:
    assert [shlex.split(command)[1] for command, _ in SHOWN] == ["graph"]


def test_every_format_is_there() -> None:
    assert set(re.findall(r"--format (\w+)`", PAGE)) == {"text", "svg", "dot", "mermaid", "json"}
