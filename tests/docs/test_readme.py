"""What README tells a reader to type exists, parses, and where it is cheap is run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.peers.certificates import certified
from tests.peers.clients import swaks
from tests.peers.postfix import free_port
from tests.peers.server import VSMTP, running_server
from tests.server.daemon import until
from tests.server.test_unsound import told, vsmtp
from vsmtp.cli.main import main

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


COMMANDS: Final = [
    line.removeprefix("$ ").partition("  #")[0].strip()
    for block in blocks("console")
    for line in block.splitlines()
    if line.startswith("$ ")
]


def test_the_readme_has_commands() -> None:
    assert {command.split()[0] for command in COMMANDS} >= {"make", "vsmtp", "swaks"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_a_target_of_make_is_a_script_that_may_be_run(command: str) -> None:
    target = command.split()[1]
    assert re.search(rf"^(?:[\w ]*\b)?{target}\b[\w ]*:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert os.access(ROOT / "tools" / target, os.X_OK)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("vsmtp ")])
def test_a_command_of_ours_is_understood(command: str) -> None:
    words = [word for word in shlex.split(command)[1:] if not word.startswith(("[", "<"))]
    done = vsmtp(*words, "--help")
    assert done.returncode == 0, told(done)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.split("\n", 1)[0])
def test_a_piece_of_a_tree_is_sound(tmp_path: Path, block: str) -> None:
    tree = tmp_path / "conf.d"
    tree.mkdir()
    (tree / "00-base.toml").write_text('[server]\nlocal_domains = ["example.org"]\n[queue]\npath = "spool"\n')
    (tree / "50-readme.toml").write_text(block)
    certificate(tmp_path / "tls")
    done = vsmtp("check", "-c", tmp_path)
    assert done.returncode == 0, told(done)


def certificate(folder: Path) -> None:
    folder.mkdir()
    pair = certified("mx1.example.org")
    shutil.copy(pair.certificate, folder / "fullchain.pem")
    shutil.copy(pair.key, folder / "privkey.pem")


def test_explain_prints_what_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [block] = [block for block in blocks("console") if block.startswith("$ vsmtp explain ")]
    command, _, output = block.removeprefix("$ ").partition("\n")
    tree = tmp_path / "conf.d"
    tree.mkdir()
    (tree / "00-base.toml").write_text('[server]\nlocal_domains = ["example.org"]\n[queue]\npath = "spool"\n')
    [rules] = [piece for piece in blocks("toml") if piece.startswith("[[rules.rcpt]]")]
    (tree / "50-rules.toml").write_text(rules)
    assert main([word.replace("DIR", str(tmp_path)) for word in shlex.split(command)[1:]]) == 0
    assert capsys.readouterr().out == output.replace("DIR", str(tmp_path))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_what_the_readme_links_to_is_there(link: str) -> None:
    assert (ROOT / link).exists()


def test_init_run_and_the_swaks_line_do_what_the_readme_says(tmp_path: Path) -> None:
    assert subprocess.run([*VSMTP, "init", str(tmp_path)], capture_output=True, check=False).returncode == 0
    port = free_port()
    listeners = tmp_path / "conf.d" / "10-listeners.toml"
    listeners.write_text(listeners.read_text().replace(":2525", f":{port}"))
    [line] = {command for command in COMMANDS if command.startswith("swaks ")}
    words = shlex.split(line)[1:]
    assert words[:2] == ["--server", "127.0.0.1:2525"]
    with running_server(tmp_path, port) as server:
        done = swaks(port, *words[2:])
        assert done.returncode == 0, done.stdout
        until(lambda: server.inbox("user"))
        assert "554 5.7.1 Relay access denied" in swaks(port, "--to", "user@elsewhere.test").stdout
