from __future__ import annotations

import os
import pwd
import re
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Final

import pytest
import tomli

from tests.peers.certificates import certified
from vsmtp.cli.host import RELEASE
from vsmtp.cli.init import add_arguments, contents, run
from vsmtp.cli.main import main
from vsmtp.inspect.check import check

# A line of TOML in a comment.
HINT: Final = re.compile(r"^# (\[|[a-z_]+ = )", re.MULTILINE)


def init(*words: str) -> int:
    parser = ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(list(words)))


def test_a_written_tree_has_nothing_to_complain_of(tmp_path: Path) -> None:
    tree = tmp_path / "demo"
    assert init(str(tree)) == 0
    report = check(tree, hostname="host.example.org", version=RELEASE)
    assert report.diagnostics == ()
    assert report.tree is not None
    settings = report.tree.settings
    assert settings.queue.path == tree / "spool"
    assert settings.delivery.maildir == f"{tree}/mail/{{rcpt.local}}"
    assert [str(where) for where in settings.listeners["mx"].address] == ["127.0.0.1:2525"]
    assert settings.server.recipients == "any"
    assert settings.server.user == pwd.getpwuid(os.geteuid()).pw_name


def test_the_next_steps_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tmp_path / "my demo"
    init(str(tree))
    out = capsys.readouterr().out
    assert f"vsmtp run -c '{tree}'" in out
    assert "swaks --server 127.0.0.1:2525" in out


def test_nothing_is_overwritten_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(str(tmp_path))
    file = tmp_path / "conf.d" / "80-logs.toml"
    file.write_text("# mine\n")
    assert init(str(tmp_path)) == 1
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "# mine\n"
    assert init(str(tmp_path), "--force") == 0
    assert file.read_text() != "# mine\n"


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert init(str(tmp_path / "file" / "demo")) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_spool_and_mail_are_private(tmp_path: Path) -> None:
    init(str(tmp_path))
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("spool", "mail")] == [0o700, 0o700]


def test_an_odd_user_name_is_quoted_and_none_is_left_out() -> None:
    assert tomli.loads(contents('o"dd\\')["conf.d/00-server.toml"])["server"]["user"] == 'o"dd\\'
    assert "user" not in tomli.loads(contents("")["conf.d/00-server.toml"])["server"]


def test_its_tests_pass_and_match_every_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(str(tmp_path))
    status = main(["test", "-c", str(tmp_path), "--require-coverage", "100"])
    assert status == 0, capsys.readouterr().out


def test_what_stands_in_comments_is_sound_too(tmp_path: Path) -> None:
    init(str(tmp_path))
    pair = certified("mail.example.org")
    (tmp_path / "tls").mkdir()
    shutil.copy(pair.certificate, tmp_path / "tls" / "fullchain.pem")
    shutil.copy(pair.key, tmp_path / "tls" / "privkey.pem")
    (tmp_path / "provider.password").write_text("secret")
    for path in (tmp_path / "conf.d").iterdir():
        path.write_text(HINT.sub(r"\1", path.read_text()))
    report = check(tmp_path, hostname="host.example.org", version=RELEASE)
    assert report.diagnostics == ()
    assert report.tree is not None
    settings = report.tree.settings
    assert set(settings.listeners) == {"mx", "submission"}
    assert settings.has_certificate
    assert settings.auth.users == "users"
    assert set(settings.relays) == {"provider"}
    assert settings.server.trusted


def test_the_files_explain_themselves() -> None:
    for name, text in contents("me").items():
        assert text.startswith("# "), name
