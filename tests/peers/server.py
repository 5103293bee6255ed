"""`vsmtp run` as a process of its own, started on a tree and ended as an administrator ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers.postfix import await_greeting, free_port

_MAIN: Final = "import sys; from vsmtp.cli.main import main; sys.exit(main())"
VSMTP: Final = (sys.executable, "-W", "error::ResourceWarning", "-c", _MAIN)
PATIENCE: Final = 30.0

TREE: Final = """\
[server]
name = "mx.test"
local_domains = ["local.test"]
recipients = "any"
trusted = ["127.0.0.0/8"]

[listeners.mx]
address = ["127.0.0.1:{port}"]
kind = "relay"
tls = "none"

[queue]
path = "spool"

[delivery]
maildir = "{base}/mail/{{rcpt.local}}"
"""


@dataclass(frozen=True)
class Server:
    """A running `vsmtp run`, its tree at `base`, all it printed in `base`/server.out."""

    base: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        return (self.base / "server.out").read_text(errors="replace")

    def inbox(self, user: str) -> list[Path]:
        """The messages in `user`'s Maildir, oldest name first; of trees made by `write_tree`."""
        return sorted((self.base / "mail" / user / "new").glob("*"))

    def stop(self) -> None:
        """SIGTERM; afterwards the server has ended in order: status 0 and no traceback."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        assert status == 0, f"status {status}: {self.output[-2000:]}"
        trace = self.output.find("Traceback")
        assert trace < 0, self.output[trace - 200 : trace + 4000]

    def kill(self) -> None:
        """SIGKILL: what a crash of the process leaves behind."""
        self.process.kill()
        self.process.wait()


def write_tree(base: Path, port: int = 0, extra: str = "") -> int:
    """A small sound tree at `base`: local.test into `base`/mail/<user>; `extra` is a file read after it.

    Returns the port it listens on, a free one where `port` is 0.
    """
    port = port or free_port()
    tree = base / "conf.d"
    tree.mkdir(parents=True, exist_ok=True)
    (tree / "00-test.toml").write_text(TREE.format(base=base, port=port))
    (tree / "90-extra.toml").write_text(extra)
    return port


@contextmanager
def running_server(base: Path, port: int, prefix: Sequence[str] = ()) -> Iterator[Server]:
    """Yield a server that listens on `port` with the tree at `base`; afterwards it has ended in order.

    A test may `kill` it, or end it by other means, first. `prefix` are words before the command (strace).
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [*prefix, *VSMTP, "run", "-c", str(base)]
    with (base / "server.out").open("ab") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    server = Server(base, port, process)
    try:
        await_greeting(port, lambda: process.poll() is None)
        yield server
        if process.poll() is None:
            server.stop()
    finally:
        if process.poll() is None:
            server.kill()
