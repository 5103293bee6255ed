"""A Postfix of our own: its configuration, queue and log below one directory, on loopback; root only."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MASTER: Final = "/usr/lib/postfix/sbin/master"
PATIENCE: Final = 20.0

MAIN: Final = """\
compatibility_level = 3.6
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
queue_directory = {base}/spool
data_directory = {base}/data
maillog_file = {base}/postfix.log
maillog_file_prefixes = {base}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.test
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = local.test
virtual_mailbox_base = {base}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 100
smtp_dns_support_level = disabled
smtp_tls_security_level = none
message_size_limit = 26214400
"""

SERVICES: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def await_greeting(port: int, alive: Callable[[], bool]) -> None:
    """Return once 127.0.0.1:`port` greets as SMTP does; raises RuntimeError when `alive` says no.

    A port may listen well before its server serves, and before it minds signals.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not alive():
            raise RuntimeError(f"ended before it greeted on port {port}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as client:
            if client.recv(512).startswith(b"220"):
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing greets on port {port} after {PATIENCE:.0f} s")


@dataclass(frozen=True)
class Postfix:
    """A running instance: mail for anybody at local.test ends in `inbox`, all else is relayed by `extra`."""

    base: Path
    port: int
    master: subprocess.Popen[bytes]

    @property
    def inbox(self) -> Path:
        return self.base / "mail" / "inbox" / "new"

    @property
    def log(self) -> str:
        return (self.base / "postfix.log").read_text(errors="replace")

    def queued(self) -> int:
        """How many messages wait, in whatever queue."""
        names = ("incoming", "active", "deferred", "hold", "maildrop")
        spool = self.base / "spool"
        return sum(len(files) for name in names for _, _, files in os.walk(spool / name))


def _write(base: Path, port: int, extra: Mapping[str, str]) -> Path:
    owner = pwd.getpwnam("postfix")
    nobody = pwd.getpwnam("nobody").pw_uid
    base.chmod(0o755)
    config = base / "config"
    for directory in (config, base / "spool", base / "data", base / "mail"):
        directory.mkdir(exist_ok=True)
    os.chown(base / "data", owner.pw_uid, owner.pw_gid)
    os.chown(base / "mail", nobody, nobody)
    lines = "".join(f"{key} = {value}\n" for key, value in extra.items())
    (config / "main.cf").write_text(MAIN.format(base=base, uid=nobody) + lines)
    (config / "master.cf").write_text(SERVICES.format(port=port))
    environment = {**os.environ, "MAIL_CONFIG": str(config)}
    subprocess.run(
        ["/usr/sbin/postfix", "-c", str(config), "check"],
        env=environment,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    return config


def _end(master: subprocess.Popen[bytes]) -> None:
    # The master leads a process group of its own; on SIGTERM it ends its children and does not wait for them.
    master.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        master.wait(PATIENCE)
    end = time.monotonic() + PATIENCE
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(master.pid, 0)
            time.sleep(0.02)
        os.killpg(master.pid, signal.SIGKILL)
    master.wait()


@contextmanager
def postfix(
    base: Path, extra: Mapping[str, str] | None = None, prefix: Sequence[str] = (), port: int = 0
) -> Iterator[Postfix]:
    """Yield a Postfix that listens; `extra` goes to its main.cf, `prefix` before its command.

    `base` exists, every user may enter it and its parents (Postfix drops root), and it is left as it ends up.
    """
    port = port or free_port()
    config = _write(base, port, extra or {})
    environment = {**os.environ, "MAIL_CONFIG": str(config)}
    command = [*prefix, MASTER, "-c", str(config), "-d"]
    with (base / "master.out").open("wb") as output:
        master = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
        )
    try:
        await_greeting(port, lambda: master.poll() is None)
        yield Postfix(base, port, master)
    finally:
        _end(master)
