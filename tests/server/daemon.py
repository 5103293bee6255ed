"""A `vsmtp run` on a tree of the test's own, and a client that sends exactly what it is told to."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from tests.peers.postfix import free_port
from tests.peers.server import Server, running_server

T = TypeVar("T")

PATIENCE: Final = 20.0
TREE: Final = """\
[server]
name = "mx.test"
local_domains = ["local.test"]
{server}

[listeners.mx]
address = ["127.0.0.1:{port}"]

[queue]
path = "spool"
min_free = "1 MiB"
{queue}

[delivery]
maildir = "{base}/mail/{{rcpt.local}}"
{delivery}
"""
ANYBODY: Final = 'recipients = "any"'
TRUSTING: Final = 'recipients = "any"\ntrusted = ["127.0.0.0/8"]'


def until(true: Callable[[], T], patience: float = PATIENCE) -> T:
    """What `true` gives as soon as it is something; a failure after `patience` seconds."""
    end = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.02)
    return found


def plant(base: Path, *, server: str = ANYBODY, queue: str = "", delivery: str = "", extra: str = "") -> int:
    """Write a tree at `base`; each word is more TOML for its section, `extra` is a file of its own."""
    port = free_port()
    tree = base / "conf.d"
    tree.mkdir(parents=True, exist_ok=True)
    text = TREE.format(base=base, port=port, server=server, queue=queue, delivery=delivery)
    (tree / "00-test.toml").write_text(text)
    (tree / "90-extra.toml").write_text(extra)
    return port


@contextmanager
def serving(base: Path, **sections: str) -> Iterator[Server]:
    """A server that runs on a tree as `plant` writes it, and ends in order."""
    port = plant(base, **sections)
    with running_server(base, port) as server:
        yield server


# How a line of the log begins: as JSON, as logfmt, for a console.
LOGGED: Final = ("{", "time=", "20")


def written(server: Server) -> list[str]:
    """The log of `server` so far, line by line, without what each start told the administrator before.

    Which event comes first is not said: what was found in the queue is told before `started`, and a server
    that was killed may not have written that it had.
    """
    lines = dropwhile(lambda line: not line.startswith(LOGGED), server.output.split("\n")[:-1])
    return [line for line in lines if not line.startswith("vsmtp: ")]


def strange(server: Server) -> list[str]:
    """Lines of the log that are not JSON: a traceback, a complaint."""
    return [line for line in written(server) if not line.startswith("{")]


def lines(server: Server) -> list[dict[str, Any]]:
    """The events that the log tells of so far."""
    return [json.loads(line) for line in written(server)]


def events(server: Server, name: str) -> list[dict[str, Any]]:
    return [line for line in lines(server) if line["event"] == name]


def event(server: Server, name: str) -> dict[str, Any]:
    """The first event of that name, as soon as there is one."""
    return until(lambda: events(server, name))[0]


def anonymous_memory(server: Server) -> int:
    """Octets of memory that belong to the server alone and are no file's."""
    rollup = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
    [kib] = [line.split()[1] for line in rollup.splitlines() if line.startswith("Anonymous:")]
    return int(kib) * 1024


class Client:
    """A raw SMTP client; `reply` gives one whole reply, its lines joined by LF."""

    def __init__(self, port: int, *, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def reply_line(self) -> str:
        """The next line; empty when the connection has ended."""
        while b"\r\n" not in self._rest:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                assert not self._rest, f"half a line: {self._rest!r}"
                return ""
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line.decode()

    def reply(self) -> str:
        found = [self.reply_line()]
        while found[-1][3:4] == "-":
            found.append(self.reply_line())
        return "\n".join(found)

    def say(self, line: str) -> str:
        """Send a command; its reply."""
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def greet(self, name: str = "client.test") -> Self:
        assert self.reply().startswith("220 ")
        assert self.say(f"EHLO {name}").startswith("250")
        return self

    def mail(
        self, *recipients: str, sender: str = "a@src.test", message: bytes = b"Subject: s\r\n\r\nhi\r\n"
    ) -> str:
        """The reply to a whole message for `recipients`, all of whom must be accepted."""
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250"), sender
        for recipient in recipients:
            reply = self.say(f"RCPT TO:<{recipient}>")
            assert reply.startswith("250"), reply
        assert self.say("DATA").startswith("354")
        self.send(message + b".\r\n")
        return self.reply()

    def rest(self) -> str:
        """All that comes until the server closes."""
        found = []
        while line := self.reply_line():
            found.append(line)
        return "\n".join(found)

    def vanish(self) -> None:
        """Reset the connection rather than end it."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()
