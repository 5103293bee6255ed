from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from vsmtp.auth.secrets import verify
from vsmtp.cli import passwd
from vsmtp.cli.main import main

TREE = """\
[server]
name = "mx.example.org"
[tables.users]
type = "csv"
path = "users.csv"
writable = {writable}
columns = {{ password = "secret", quota = "size" }}
[tables.friends]
type = "inline"
entries = []
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10.toml").write_text(TREE.format(writable="true"))
    (tmp_path / "users.csv").write_text("name,password,quota\nann,{PLAIN}old,1 GiB\n")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, password: str, *arguments: object) -> int:
    monkeypatch.setattr("sys.stdin", StringIO(password + "\n"))
    return main(["passwd", *map(str, arguments)])


def test_a_secret_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for scheme in ("SCRAM-SHA-256", "argon2id"):
        assert run(monkeypatch, "pencil", "--scheme", scheme) == 0
        secret = capsys.readouterr().out.rstrip("\n")
        assert secret.startswith("{" + scheme.upper() + "}")
        assert verify(secret, "pencil") is True


def test_a_secret_is_set_in_a_table_and_the_rest_of_the_row_stays(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "pencil", "-c", tree, "--table", "users", "--scheme", "PLAIN", "ann") == 0
    assert run(monkeypatch, "pen", "-c", tree, "--table", "users", "--scheme", "PLAIN", "Bob") == 0
    lines = (tree / "users.csv").read_text().splitlines()
    assert lines == ["name,password,quota", "ann,{PLAIN}pencil,1073741824", "bob,{PLAIN}pen,"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "users"], "name the user"),
        (["--table", "none", "ann"], "there is no table `none`"),
        (["--table", "friends", "ann"], "the table `friends` is not `writable`"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str],
    said: str,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "pencil", "-c", tree, *arguments) == 1
    assert said in capsys.readouterr().err


def test_no_password_makes_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "") == 1
    assert "a password has" in capsys.readouterr().err


def test_a_terminal_is_asked_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = iter(["pencil", "pencil", "pencil", "Pencil"])
    monkeypatch.setattr(passwd, "getpass", lambda _prompt: next(said))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["passwd", "--scheme", "PLAIN"]) == 0
    assert main(["passwd", "--scheme", "PLAIN"]) == 1
    assert capsys.readouterr() == ("{PLAIN}pencil\n", "vsmtp passwd: the two passwords differ\n")
