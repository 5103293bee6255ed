from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest
import tomli

from tests.config.trees import plant
from vsmtp.cli.check import add_arguments, run
from vsmtp.cli.host import INSTALLED_TREE, RELEASE, own_name

SOUND_TREE = '[server]\nname = "mx.example.org"\n[queue]\npath = "spool"\n'


def check(*words: str) -> int:
    parser = ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(list(words)))


def test_a_sound_tree_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("-c", str(plant(tmp_path, a10=SOUND_TREE))) == 0
    assert capsys.readouterr().out == "sound\n"


def test_an_unsound_tree_is_shown_with_carets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, a10=SOUND_TREE.replace("name", "nmae"))
    assert check("-c", str(tmp_path)) == 1
    assert capsys.readouterr().out == (
        f"{tmp_path}/conf.d/10-a.toml:2:1: error[unknown-key]: unknown key `nmae`\n"
        '    2 | nmae = "mx.example.org"\n'
        "      | ^^^^\n"
        "help: did you mean `name`?\n"
        "1 error\n"
    )


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, a10="a =")
    assert check("-c", str(tmp_path), "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["errors"] == 1
    assert report["diagnostics"][0]["code"] == "syntax"


def test_diagnostics_come_in_the_order_of_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path, b20="z = 1\n", a10="[queue]\nretry = []\nx = 1\n[server]\nname = 5\n")
    check("-c", str(tmp_path), "--format", "json")
    places = [(each["file"], each["line"]) for each in json.loads(capsys.readouterr().out)["diagnostics"]]
    assert places == sorted(places)
    assert len(places) == 4


def test_wrong_usage_exits_2() -> None:
    with pytest.raises(SystemExit) as caught:
        check("--format", "xml")
    assert caught.value.code == 2


def test_without_c_the_installed_tree_is_meant() -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args([]).config == INSTALLED_TREE


def test_the_host_has_a_name() -> None:
    assert own_name()


def test_the_release_is_that_of_the_package() -> None:
    project = tomli.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == RELEASE


HEAVY = {"asyncio", "uvloop", "structlog", "aiosmtplib", "sqlite3", "z3"}
CLOSED = """
[[rules.rcpt]]
name = "not from there"
when.sender.domain = "bad.example"
reject = "550 5.7.1 No"
"""
OPEN = """
[[rules.rcpt]]
name = "friends"
when.sender.domain = "good.example"
accept = true
"""


def loaded(tree: Path) -> set[str]:
    words = f"main(['check', '-c', {str(tree)!r}])"
    code = f"import sys; from vsmtp.cli.main import main; {words}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sound"), done.stdout
    return set(done.stdout.split())


def test_checking_loads_neither_the_event_loop_nor_the_log_nor_the_solver(tmp_path: Path) -> None:
    assert not HEAVY & loaded(plant(tmp_path, a10=SOUND_TREE, b20=CLOSED))


def test_what_may_open_a_way_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("z3")
    assert check("-c", str(plant(tmp_path, a10=SOUND_TREE, b20=OPEN))) == 1
    assert "error[open-relay]" in capsys.readouterr().out
