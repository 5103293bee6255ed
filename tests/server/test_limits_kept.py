"""Clients that are slow, many, greedy, or send anything at all."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.peers.server import Server
from tests.server.daemon import ANYBODY, TRUSTING, Client, anonymous_memory, events, serving, strange, until

HASTE = """
[smtp]
timeouts = { greeting = "2s", command = "2s", data = "2s", message = "4s" }
"""
MIB = 1 << 20


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("hasty"), extra=HASTE) as running:
        yield running


def drip(client: Client, octets: bytes, pause: float) -> tuple[str, float]:
    """Send octets one by one until the server has had enough; what it said and after how many seconds."""
    began = time.monotonic()
    client.socket.settimeout(pause)
    for octet in octets:
        try:
            client.send(bytes([octet]))
            said = client.socket.recv(4096)
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            said = b""
        return said.decode(), time.monotonic() - began
    raise AssertionError("the server has endless patience")


def test_a_client_that_never_greets_is_cut(hasty: Server) -> None:
    with Client(hasty.port) as client:
        client.reply()
        said, after = drip(client, b"NOOP\r\n" * 100, 0.2)
        while said.startswith("250"):  # a NOOP is answered, and moves no deadline
            said, more = drip(client, b"NOOP\r\n" * 100, 0.2)
            after += more
        assert said.startswith("421 4.4.2")
        assert 1.5 < after < 4.5


def test_a_command_that_drips_is_cut(hasty: Server) -> None:
    with Client(hasty.port).greet() as client:
        said, after = drip(client, b"x" * 100, 0.2)
        assert said.startswith("421 4.4.2")
        assert 1.5 < after < 4.5


def test_a_message_that_drips_is_cut(hasty: Server) -> None:
    with Client(hasty.port).greet() as client:
        client.say("MAIL FROM:<a@src.test>")
        client.say("RCPT TO:<user@local.test>")
        client.say("DATA")
        said, after = drip(client, b"x" * 100, 0.2)
        assert said.startswith("421 4.4.2")
        assert 1.5 < after < 4.5


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_message_as_a_whole_has_its_time(hasty: Server, *, pipelined: bool) -> None:
    commands = ["MAIL FROM:<a@src.test>", "RCPT TO:<user@local.test>", "DATA"]
    with Client(hasty.port).greet() as client:
        if pipelined:
            client.send("".join(f"{command}\r\n" for command in commands).encode())
            assert [client.reply()[:3] for _ in commands] == ["250", "250", "354"]
        else:
            for command in commands:
                client.say(command)
        began = time.monotonic()
        client.socket.settimeout(0.5)
        line = b"x" * 70 + b"\r\n"
        said = b""
        while not said and time.monotonic() - began < 8:
            try:
                client.send(line * 1000)
                said = client.socket.recv(4096)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        assert 3 < time.monotonic() - began < 7
        assert said in (b"", b"421 4.4.2 timeout, closing connection\r\n")


def test_messages_one_behind_the_other_have_each_a_time_of_their_own(hasty: Server) -> None:
    one = b"MAIL FROM:<a@src.test>\r\nRCPT TO:<user@local.test>\r\nDATA\r\n"
    with Client(hasty.port).greet() as client:
        client.send(one)
        for _ in range(5):
            assert [client.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
            time.sleep(1.2)  # the passing of time is what is tested
            client.send(b"Subject: s\r\n\r\n.\r\n" + one)
            assert client.reply().startswith("250 2.0.0")


def test_connections_are_limited_by_network_and_in_all(tmp_path: Path) -> None:
    limits = f'{ANYBODY}\ntrusted = ["127.0.0.9"]\nmax_connections = 8\nmax_connections_per_ip = 3'
    with serving(tmp_path, server=limits) as server, ExitStack() as stack:
        until(lambda: _room(server.port))
        held = [stack.enter_context(Client(server.port).greet()) for _ in range(3)]
        with Client(server.port) as one_too_many:
            assert one_too_many.rest().startswith("421 4.7.0 too many connections from your network")
        held += [stack.enter_context(Client(server.port, source="127.0.0.9").greet()) for _ in range(5)]
        with Client(server.port, source="127.0.0.10") as one_too_many:
            assert one_too_many.rest() == "421 4.7.0 too many connections"
        held.pop().vanish()
        until(lambda: _room(server.port, "127.0.0.10"))
        reasons = {"too many connections", "too many connections from your network"}
        until(lambda: {line["reason"] for line in events(server, "connection refused")} == reasons)
        for client in held:
            assert client.say("QUIT").startswith("221")


def _room(port: int, source: str = "127.0.0.1") -> bool:
    with Client(port, source=source) as client:
        return client.reply().startswith("220") and client.say("QUIT").startswith("221")


@pytest.mark.parametrize(
    "flood", [b"EHLO x\r\n", b"RCPT TO:<a@b.test>\r\n", b"RSET\r\n", b"MAIL FROM:<a@b.test>\r\nRSET\r\n"]
)
def test_a_client_that_reads_nothing_costs_no_memory(tmp_path: Path, flood: bytes) -> None:
    with serving(tmp_path, server=TRUSTING) as server, ExitStack() as stack:
        for _ in range(3):
            with Client(server.port).greet() as client:
                client.mail("warm@local.test")
        before = anonymous_memory(server)
        clients = [stack.enter_context(Client(server.port).greet()) for _ in range(20)]
        for client in clients:
            client.socket.setblocking(False)
            try:
                for _ in range(200):
                    client.socket.send(flood * (65536 // len(flood)))
            except (BlockingIOError, ConnectionError):
                continue
        with Client(server.port).greet() as other:
            assert other.mail("user@local.test").startswith("250")
        assert anonymous_memory(server) - before < 20 * 512 * 1024
        for client in clients:
            client.vanish()


@pytest.mark.slow
def test_large_messages_at_once_stay_within_the_bound(tmp_path: Path) -> None:
    line = b"x" * 70 + b"\r\n"
    block = line * 1000
    with serving(tmp_path, server=TRUSTING) as server:
        with Client(server.port).greet() as client:
            client.mail("warm@local.test", message=b"Subject: s\r\n\r\n" + line * 10_000)
        before = anonymous_memory(server)
        most = [before]
        replies: list[str] = []

        def send() -> None:
            with Client(server.port).greet() as client:
                client.say("MAIL FROM:<a@src.test>")
                client.say("RCPT TO:<user@local.test>")
                client.say("DATA")
                client.send(b"Subject: large\r\n\r\n")
                for _ in range(20 * MIB // len(block)):
                    client.send(block)
                client.send(b".\r\n")
                replies.append(client.reply())

        senders = [threading.Thread(target=send) for _ in range(20)]
        for sender in senders:
            sender.start()
        while any(sender.is_alive() for sender in senders):
            most.append(anonymous_memory(server))
            time.sleep(0.05)
        assert [reply[:9] for reply in replies] == ["250 2.0.0"] * 20
        until(lambda: len(server.inbox("user")) == 20, 60)
        assert max(most) - before < 64 * MIB + 20 * 128 * 1024


def test_any_octets_leave_the_server_alive_and_silent(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    words = [
        b"EHLO a\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"RCPT TO:<u@local.test>\r\n",
        b"DATA\r\n",
        b".\r\n",
        b"\r\n",
        b"\0",
    ]
    with serving(tmp_path, server=TRUSTING, extra='[smtp]\nerrors = { delay = "0s" }\n') as server:
        for number in range(500):
            with Client(server.port) as client:
                octets = b"".join(
                    chance.choice(words) if chance.random() < 0.6 else chance.randbytes(chance.randrange(200))
                    for _ in range(chance.randrange(1, 12))
                )
                try:
                    client.send(octets)
                    if number % 3:
                        client.socket.shutdown(socket.SHUT_WR)
                        while client.socket.recv(65536):
                            pass
                except (BrokenPipeError, ConnectionResetError):
                    pass
                if not number % 7:
                    client.vanish()
        with Client(server.port).greet() as client:
            assert client.mail("alive@local.test").startswith("250")
        until(lambda: server.inbox("alive"))
        assert strange(server) == []
        assert not events(server, "internal error")
