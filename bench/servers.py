"""The two servers, each started afresh on the same disk, with the same work to do."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bench.meter import Meter
from bench.tls import postfix_settings
from tests.peers.certificates import Pair, tls_section
from tests.peers.postfix import await_greeting, free_port, postfix
from vsmtp.server.control import ask

# HOLD puts a message into a queue that nobody reads: cleanup's file and its fsync, and nothing after it.
# (`defer_transports` would have qmgr read and defer each message, which is work that ours does not do.)
HELD: Final = {"smtpd_recipient_restrictions": "check_client_access static:HOLD, permit"}


ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Running:
    """A server that listens; the counts are of messages."""

    port: int
    delivered: Callable[[], int]
    queued: Callable[[], int]
    turns: Callable[[], dict[str, float]] = dict


class Start(Protocol):
    """Start a server with its data below `base`, inside the cgroup of `cost`.

    `held` keeps delivery back; with a certificate the server offers STARTTLS.
    """

    def __call__(
        self, base: Path, cost: Meter, *, held: bool, tls: Pair | None = None
    ) -> AbstractContextManager[Running]: ...


def entries(directory: Path) -> int:
    try:
        with os.scandir(directory) as found:  # a few hundred nanoseconds each: this is polled
            return sum(1 for _ in found)
    except FileNotFoundError:
        return 0


@contextmanager
def start_postfix(base: Path, cost: Meter, *, held: bool, tls: Pair | None = None) -> Iterator[Running]:
    extra = {
        "default_process_limit": "200",
        **(HELD if held else {}),
        **(postfix_settings(tls) if tls else {}),
    }
    with postfix(base, extra, cost.prefix) as server:
        hold = base / "spool" / "hold"
        yield Running(server.port, lambda: entries(server.inbox), lambda: entries(hold))


TREE: Final = """\
[server]
name = "bench.test"
local_domains = ["local.test"]
recipients = "any"
trusted = ["127.0.0.0/8"]
max_connections = 20_000

[listeners.mx]
address = ["127.0.0.1:{port}"]
kind = "relay"
tls = "none"

[queue]
path = "{base}/spool"
hold = {hold}

[delivery]
maildir = "{base}/mail/{{rcpt.local}}"

[logs]
level = "info"
to = ["{base}/vsmtp.log"]
"""


def write_tree(base: Path, port: int, *, held: bool) -> Path:
    tree = base / "conf.d"
    tree.mkdir(parents=True, exist_ok=True)
    (tree / "00-bench.toml").write_text(TREE.format(base=base, port=port, hold=str(held).lower()))
    return base


def offer_tls(base: Path, pair: Pair) -> None:
    tree = base / "conf.d"
    tree.mkdir(parents=True)
    (tree / "50-tls.toml").write_text(tls_section(pair) + '[listeners.mx]\ntls = "may"\n')


@contextmanager
def start_vsmtp(base: Path, cost: Meter, *, held: bool, tls: Pair | None = None) -> Iterator[Running]:
    if tls is not None:
        offer_tls(base, tls)
    with start_command(base, cost, [sys.executable], held=held) as running:
        yield running


@contextmanager
def start_command(base: Path, cost: Meter, python: Sequence[str], *, held: bool) -> Iterator[Running]:
    """Start vSMTP by the words of `python`; it has ended when this returns."""
    port = free_port()
    write_tree(base, port, held=held)
    with (base / "vsmtp.out").open("wb") as output:
        server = subprocess.Popen(
            [*cost.prefix, *python, "-m", "vsmtp.cli.main", "run", "-c", str(base)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        await_greeting(port, lambda: server.poll() is None)
        inbox, spool = base / "mail" / "user" / "new", base / "spool"
        yield Running(port, lambda: entries(inbox), lambda: rows(spool), lambda: turns(spool))
    finally:
        server.send_signal(signal.SIGTERM)
        status = server.wait(60)
        if status:
            print(f"vsmtp ended with {status}:\n{(base / 'vsmtp.out').read_text()[-2000:]}", file=sys.stderr)


def rows(spool: Path) -> int:
    """How many messages the spool holds, read as any queue tool may read it."""
    total = 0
    for path in spool.glob("**/queue.db"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            total += int(database.execute("SELECT count(*) FROM message").fetchone()[0])
    return total


def turns(spool: Path) -> dict[str, float]:
    """Milliseconds of the commit turns, as the worker tells its tools; of the last 8,192 turns."""
    for path in spool.glob("**/control"):
        answer = asyncio.run(ask(path.parent, {"do": "status"}))
        return {f"{name}_ms": answer[name] * 1000 for name in ("turn_p50", "turn_p99")}
    return {}


SERVERS: Final[Mapping[str, Start]] = {"postfix": start_postfix, "vsmtp": start_vsmtp}
