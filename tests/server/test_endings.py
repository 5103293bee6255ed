"""What was accepted is delivered once, however the server ends; and a full disk is no end."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.peers.disk import run
from tests.peers.programs import needs_root
from tests.peers.server import Server, running_server
from tests.server.daemon import TRUSTING, Client, plant, until

QUEUED: Final = re.compile(r"250 2\.0\.0 queued as (\w+)")
NAME: Final = re.compile(r"\.Q(\w+)R\d+\.")


class Sender:
    """A client in a thread that sends until the server is gone, and remembers what was promised to it."""

    def __init__(self, port: int, size: int) -> None:
        self.promised: list[str] = []
        self.last = ""
        self._body = b"Subject: s\r\n\r\n" + b"%s\r\n" % (b"x" * 70) * (size // 72)
        self._thread = threading.Thread(target=self._run, args=(port,))
        self._thread.start()

    def _run(self, port: int) -> None:
        try:
            with Client(port).greet() as client:
                while self._send(client):
                    pass
        except (OSError, AssertionError):
            return

    def _send(self, client: Client) -> bool:
        for command in ("MAIL FROM:<a@src.test>", "RCPT TO:<user@local.test>", "DATA"):
            self.last = client.say(command)
            if self.last[:1] not in "23" or not self.last:
                return False
        client.send(self._body + b".\r\n")
        self.last = client.reply()
        if found := QUEUED.match(self.last):
            self.promised.append(found[1])
        return bool(found)

    def end(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


def delivered(server: Server) -> list[str]:
    return [NAME.search(path.name)[1] for path in server.inbox("user")]  # type: ignore[index]  # names are ours


@pytest.mark.slow
@pytest.mark.parametrize("after", [10, 60, 200])
def test_after_kill_9_every_promise_is_kept_once(tmp_path: Path, after: int) -> None:
    promised: list[str] = []
    port = plant(tmp_path, server=TRUSTING)
    for _ in range(3):
        with running_server(tmp_path, port) as server:
            senders = [Sender(port, size) for size in (500, 2000, 2000, 200_000)]
            until(lambda: sum(len(sender.promised) for sender in senders) >= after)  # noqa: B023 called here
            server.kill()
            for sender in senders:
                sender.end()
                promised += sender.promised
    with running_server(tmp_path, port) as server:
        until(lambda: set(promised) <= set(delivered(server)))
        until(lambda: _queue_is_empty(server))
        counted = Counter(delivered(server))
        assert [name for name, times in counted.items() if times > 1] == []
        assert not [*tmp_path.glob("spool/shard/*/bodies/*")]


def _queue_is_empty(server: Server) -> bool:
    command = [*server.process.args[:-3], "queue", "-c", str(server.base), "list"]  # type: ignore[index]  # a list
    return "the queue is empty" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("size", [500, 300_000])
def test_sigterm_while_mail_streams_in_ends_every_session_with_421(tmp_path: Path, size: int) -> None:
    port = plant(tmp_path, server=TRUSTING)
    with running_server(tmp_path, port) as server:
        senders = [Sender(port, size) for _ in range(8)]
        with Client(port).greet() as idle:
            until(lambda: min(len(sender.promised) for sender in senders) >= 2)
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < 5
            for sender in senders:
                sender.end()
            assert {sender.last[:9] for sender in senders} == {"421 4.3.2"}
            assert idle.rest().startswith("421 4.3.2")
    promised = {name for sender in senders for name in sender.promised}
    with running_server(tmp_path, port) as server:
        until(lambda: promised <= set(delivered(server)))
        assert max(Counter(delivered(server)).values()) == 1


def test_sigterm_lets_a_message_under_way_be_answered(tmp_path: Path) -> None:
    port = plant(tmp_path)
    with running_server(tmp_path, port) as server, Client(port).greet() as client:
        client.say("MAIL FROM:<a@src.test>")
        client.say("RCPT TO:<user@local.test>")
        client.say("DATA")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: '"stopping"' in server.output)
        client.send(b"Subject: last\r\n\r\n.\r\n")
        assert client.reply().startswith("250 2.0.0 queued as ")
        assert client.rest().startswith("421 4.3.2")
        assert server.process.wait(20) == 0
    with running_server(tmp_path, port) as server:
        until(lambda: server.inbox("user"))


@contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[Path]:
    needs_root()
    path.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", path)
    try:
        yield path
    finally:
        run("umount", path)


@pytest.mark.root
@pytest.mark.parametrize("size", [2000, 300_000])
def test_a_full_disk_is_452_until_there_is_space_again(tmp_path: Path, size: int) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        port = plant(tmp_path, extra=f'[queue]\npath = "{disk}/spool"\nmin_free = 0\n')
        body = b"Subject: s\r\n\r\n" + b"%s\r\n" % (b"x" * 70) * (size // 72)
        with running_server(tmp_path, port) as server, Client(port).greet() as client:
            assert QUEUED.match(client.mail("user@local.test", message=body))
            filler = disk / "filler"
            _fill(filler)
            until(lambda: _attempt(client, body).startswith("452 4.3.1 "))
            # What fits into the reserve, or into what the log has of the disk already, may still be taken.
            replies = {_attempt(client, body)[:9] for _ in range(30)}
            assert "452 4.3.1" in replies
            assert replies <= {"452 4.3.1", "250 2.0.0"}
            filler.unlink()
            until(lambda: _attempt(client, body).startswith("250"))
            taken = server.output.count('"accepted"')
            until(lambda: len(server.inbox("user")) >= max(2, taken))
            until(lambda: not [*disk.glob("spool/shard/*/bodies/*")])


def _attempt(client: Client, body: bytes) -> str:
    """The reply to a message, or to its MAIL where that is refused."""
    reply = client.say("MAIL FROM:<a@src.test>")
    if not reply.startswith("250"):
        return reply
    client.say("RCPT TO:<user@local.test>")
    client.say("DATA")
    client.send(body + b".\r\n")
    return client.reply()


def _fill(path: Path) -> None:
    """Leave not an octet."""
    for step in (1 << 20, 1 << 12):
        with path.open("ab", buffering=0) as file:
            try:
                while file.write(b"\1" * step) == step:
                    pass
            except OSError:
                continue


@pytest.mark.root
def test_a_disk_that_fills_while_mail_streams_in_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 36) as disk:
        port = plant(
            tmp_path,
            server=TRUSTING,
            queue="hold = true",
            extra=f'[queue]\npath = "{disk}/spool"\nmin_free = 0',
        )
        filler = disk / "filler"
        filler.write_bytes(b"\1" * (12 << 20))
        with running_server(tmp_path, port):
            senders = [Sender(port, size) for size in (2000, 30_000, 60_000, 300_000)]
            for sender in senders:
                sender.end()
            assert {sender.last[:9] for sender in senders} == {"452 4.3.1"}
        promised = [name for sender in senders for name in sender.promised]
        assert len(promised) > 20
        # A start on a full disk waits for space, if what the log holds does not fit, then finds it all.
        space = threading.Timer(1.0, filler.unlink)
        space.start()
        (tmp_path / "conf.d" / "95-go.toml").write_text("[queue]\nhold = false\n")
        with running_server(tmp_path, port) as server:
            until(lambda: len(server.inbox("user")) >= len(promised))
            assert sorted(delivered(server)) == sorted(promised)
            with Client(port).greet() as client:
                until(lambda: _attempt(client, b"").startswith("250"))
        space.join()
