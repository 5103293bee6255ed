"""Trees and machines that are not fit: a diagnostic, an exit status, never a traceback."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.peers.server import VSMTP
from tests.server.daemon import Client, event, plant, serving, until
from vsmtp.cli.main import main

UNSOUND = 78
NO_SYSTEM = 71
ROOT = Path(__file__).resolve().parents[2]


def vsmtp(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*VSMTP, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What the command said; no traceback is among it."""
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    return said


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("[server\n", "syntax"),
        ("\0", "syntax"),
        ('[server]\nname = "a"\nname = "b"\n', "syntax"),
        ("[sever]\n", "unknown-key"),
        ("[server]\nmax_mesage_size = 1\n", "unknown-key"),
        ('[server]\nmax_connections = "many"\n', "wrong-type"),
        ("server = 1\n", "wrong-type"),
        ("[server]\nmax_connections = 9999999999999999999999\n", ""),
        ('[server]\nmax_message_size = "25 elephants"\n', "bad-size"),
        ("[queue]\nretry = []\n", ""),
        ('[queue]\nretry = ["1 fortnight"]\n', "bad-duration"),
        ("[queue]\njitter = nan\n", ""),
        ('[listeners.b]\naddress = ["127.0.0.1:99999"]\n', "bad-host-port"),
        ("[listeners.b]\naddress = []\n", ""),
        ('[tls]\ncertificate = "no/such.pem"\nprivate_key = { file = "no/such.key" }\n', "unreadable-file"),
        ('[delivery]\nsmarthost = "@nobody"\n', "unknown-relay"),
        ('[server]\nuser = "no-such-user"\n', "unknown-user"),
        ('[server]\ngroup = "no-such-group"\n', ""),
        ('[[rules.rcpt]]\nname = "x"\nwhen.spf.reslt = "fail"\nreject = "550 no"\n', ""),
        ('[[rules.rcpt]]\nreject = "550 no"\n', "missing-key"),
        ('[[rules.rcpt]]\nname = "x"\nreject = "250 yes"\n', "bad-reply"),
        ('version_requirement = ">=99"\n', "version-requirement"),
    ],
)
def test_an_unsound_tree_is_explained_and_not_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: str, code: str
) -> None:
    plant(tmp_path, extra=extra)
    assert main(["check", "-c", str(tmp_path)]) == 1
    assert f"error[{code}" in "".join(capsys.readouterr())
    served = vsmtp("run", "-c", tmp_path)
    assert served.returncode == UNSOUND, told(served)
    assert f"error[{code}" in told(served)


def test_octets_that_are_no_text_are_explained(tmp_path: Path) -> None:
    plant(tmp_path)
    (tmp_path / "conf.d" / "95-bad.toml").write_bytes(b'[server]\nname = "\xff\xfe"\n')
    assert vsmtp("check", "-c", tmp_path).returncode == 1
    assert "error[not-utf8]" in told(vsmtp("run", "-c", tmp_path))


def test_a_tree_that_is_none_is_explained(tmp_path: Path) -> None:
    assert "error[no-tree]" in told(vsmtp("check", "-c", tmp_path / "nowhere"))
    done = vsmtp("run", "-c", tmp_path / "nowhere")
    assert done.returncode == UNSOUND
    assert "error[no-tree]" in told(done)


@pytest.mark.parametrize("extra", ['[queue]\npath = "/proc/no/spool"\n', '[logs]\nto = ["/proc/no/log"]\n'])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, extra: str) -> None:
    plant(tmp_path, extra=extra)
    done = vsmtp("run", "-c", tmp_path)
    assert done.returncode in {UNSOUND, NO_SYSTEM}  # root may write anywhere, and finds out late
    assert "/proc/no" in told(done)


def test_a_port_in_use_is_explained_at_its_place(tmp_path: Path) -> None:
    with serving(tmp_path):
        done = vsmtp("run", "-c", tmp_path)
        assert done.returncode == UNSOUND
        assert "error[port-in-use]" in told(done)
        assert "00-test.toml:7" in told(done)


def test_an_address_that_is_not_ours_is_explained(tmp_path: Path) -> None:
    plant(tmp_path, extra='[listeners.b]\naddress = ["192.0.2.1:2525"]\n')
    done = vsmtp("run", "-c", tmp_path)
    assert done.returncode == UNSOUND
    assert "error[not-our-address]" in told(done)


def test_a_spool_that_is_a_file_is_explained(tmp_path: Path) -> None:
    plant(tmp_path)
    (tmp_path / "spool").write_text("no directory")
    done = vsmtp("run", "-c", tmp_path)
    assert done.returncode in {UNSOUND, NO_SYSTEM}
    assert "spool" in told(done)


@pytest.mark.root
def test_a_spool_that_the_servers_user_may_not_write_is_explained(open_dir: Path) -> None:
    plant(open_dir, server='recipients = "any"\nuser = "nobody"')
    (open_dir / "spool").mkdir(mode=0o700)
    done = vsmtp("run", "-c", open_dir)
    assert done.returncode in {UNSOUND, NO_SYSTEM}
    assert "spool" in told(done)


def test_a_database_that_is_none_is_set_aside_and_mail_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path, queue="hold = true") as server:
        with Client(server.port).greet() as client:
            client.mail("user@local.test")
        server.kill()
    [database] = tmp_path.glob("spool/shard/*/queue.db")
    database.write_bytes(b"no database at all" * 1000)
    database.with_name("queue.db-wal").unlink(missing_ok=True)
    listed = vsmtp("queue", "-c", tmp_path, "list")
    assert listed.returncode == 1
    assert "cannot be read" in told(listed)
    with serving(tmp_path) as server:
        assert event(server, "queue set aside")
        with Client(server.port).greet() as client:
            assert client.mail("user@local.test").startswith("250")
        until(lambda: server.inbox("user"))


WRONG = ["", "serve", "run --no-such", "queue", "queue show", "try --port 99999", "try --port x"]


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_line_is_status_2(words: str) -> None:
    done = vsmtp(*words.split())
    assert done.returncode == 2
    assert "usage: vsmtp" in told(done)


def test_help_and_version_are_status_0() -> None:
    for words in (["--help"], ["--version"], ["run", "--help"], ["queue", "list", "--help"]):
        done = vsmtp(*words)
        assert done.returncode == 0, words
        assert told(done)
