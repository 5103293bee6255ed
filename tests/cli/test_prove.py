from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.config.trees import plant
from tests.inspect.playing import BASE
from vsmtp.cli import check, prove
from vsmtp.cli.main import main

LEAK = '[[rules.rcpt]]\nname = "friend"\nwhen.helo.name = "friend.example"\naccept = true\n'


def test_a_sound_tree_is_proved_with_what_that_rests_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path, a10=BASE)
    assert main(["prove", "-c", str(tmp_path)]) == prove.PROVED
    said = capsys.readouterr().out
    assert said.startswith("no stranger relays: proved\n")
    assert "assumed: clients in 198.51.100.0/24 are your own\n" in said


def test_a_leak_is_shown_with_its_dialogue_and_its_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path, a10=BASE, b20=LEAK)
    assert main(["prove", "-c", str(tmp_path)]) == prove.REFUTED
    said = capsys.readouterr().out
    assert "C: RCPT TO:<someone@victim.example>\n  S: 250" in said
    assert "accept, by `friend`" in said


def test_programs_are_told_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, a10=BASE, b20=LEAK)
    assert main(["prove", "-c", str(tmp_path), "--format", "json"]) == prove.REFUTED
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert (claim["outcome"], claim["session"]["helo"]) == ("refuted", "friend.example")


def test_without_time_nothing_is_claimed(tmp_path: Path) -> None:
    plant(tmp_path, a10=BASE, b20=LEAK)
    assert main(["prove", "-c", str(tmp_path), "--timeout", "0"]) in {prove.UNDECIDED, prove.REFUTED}


def test_without_the_solver_it_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prove, "is_installed", lambda: False)
    assert main(["prove", "-c", str(tmp_path)]) == prove.USAGE
    assert "pip install vsmtp[prove]" in capsys.readouterr().err


def test_check_tells_of_an_open_relay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, a10=BASE, b20=LEAK)
    assert main(["check", "-c", str(tmp_path)]) == check.UNSOUND
    assert "error[open-relay]" in capsys.readouterr().out
