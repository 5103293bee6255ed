"""The back ends against the real Dovecot and saslauthd, started for the test with a tree of their own."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.peers.programs import needs, needs_root
from vsmtp.auth.dovecot import DovecotBackend
from vsmtp.auth.exchange import Denied, Granted
from vsmtp.auth.saslauthd import SaslauthdBackend
from vsmtp.values.answer import Unavailable
from vsmtp.values.secret import Secret

CONFIGURATION = """\
protocols =
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = no
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
service auth {{
  chroot =
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def wait_for(path: Path, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 15
    while not path.exists():
        assert server.poll() is None, "it ended at once"
        assert time.monotonic() < end, "it did not begin"
        time.sleep(0.02)


def stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Path]:
    program = needs("dovecot")
    needs_root()
    # Its authentication process runs as nobody, who may not enter pytest's own directories.
    with TemporaryDirectory(prefix="vsmtp-dovecot-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield from serving(program, folder)


def serving(program: str, folder: Path) -> Iterator[Path]:
    user = pwd.getpwnam("nobody")
    (folder / "users").write_text("ann:{PLAIN}pencil\nbob:{SSHA}WtNA1CQpbXvx5eR1F7SN6sPUSdFU9j8F\n")
    (folder / "state").mkdir()
    file = folder / "dovecot.conf"
    file.write_text(CONFIGURATION.format(folder=folder, user="nobody", group="nogroup"))
    os.chown(folder / "users", user.pw_uid, user.pw_gid)
    server = subprocess.Popen([program, "-F", "-c", str(file)])
    try:
        wait_for(folder / "auth", server)
        yield folder / "auth"
    finally:
        stop(server)


@pytest.mark.slow
@pytest.mark.root
def test_dovecot_knows_its_users(dovecot: Path) -> None:
    backend = DovecotBackend(str(dovecot), 10.0, os.getpid())
    assert asyncio.run(backend.check("ann", Secret("pencil"))) == Granted("ann")
    assert asyncio.run(backend.check("bob", Secret("pässword 1"))) == Granted("bob")
    assert asyncio.run(backend.check("ann", Secret("Pencil"))) == Denied()
    assert asyncio.run(backend.check("eve", Secret("pencil"))) == Denied()


@pytest.mark.slow
@pytest.mark.root
def test_a_dovecot_that_may_not_read_its_users_denies_nobody(dovecot: Path) -> None:
    dovecot.parent.chmod(0o700)
    try:
        judged = asyncio.run(DovecotBackend(str(dovecot), 20.0, os.getpid()).check("ann", Secret("pencil")))
    finally:
        dovecot.parent.chmod(0o755)
    assert judged == Unavailable("Dovecot has a temporary failure")


@pytest.mark.root
def test_saslauthd_says_no_to_who_is_nobody(tmp_path: Path) -> None:
    # It ends by killing its process group, so it gets one of its own.
    program = needs("saslauthd")
    needs_root()
    server = subprocess.Popen(
        [program, "-a", "shadow", "-d", "-n", "1", "-m", str(tmp_path)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(tmp_path / "mux", server)
        backend = SaslauthdBackend(str(tmp_path / "mux"), 10.0, "example.org")
        assert asyncio.run(backend.check("no-such-user", Secret("x"))) == Denied()
    finally:
        stop(server)
