"""Clients that do not wait, err too often, come too often or stay too long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.certificates import certified, tls_section
from tests.peers.server import Server
from tests.server.daemon import ANYBODY, Client, anonymous_memory, events, serving, strange, until
from tests.server.encrypted import Starting

STRICT = """
[smtp]
greeting_delay = "500ms"
errors = { soft = 2, hard = 6, delay = "400ms" }
[server]
trusted = ["127.0.0.9"]
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("strict")
    with serving(base, server=ANYBODY, extra=STRICT + tls_section(certified("mx.test"))) as running:
        yield running
        assert strange(running) == []


def test_the_greeting_is_held_back_from_strangers(strict: Server) -> None:
    began = time.monotonic()
    with Client(strict.port).greet() as client:
        assert 0.4 < time.monotonic() - began < 3
        assert client.mail("patient@local.test").startswith("250")


def test_who_speaks_before_the_greeting_is_told_off_and_cut(strict: Server) -> None:
    with Client(strict.port) as client:
        client.send(b"EHLO x\r\nMAIL FROM:<a@src.test>\r\n")
        assert client.rest() == "554 5.5.1 The server speaks first"


def test_the_trusted_are_greeted_at_once(strict: Server) -> None:
    began = time.monotonic()
    with Client(strict.port, source="127.0.0.9") as client:
        client.send(b"EHLO x\r\n")
        assert client.reply().startswith("220")
        assert time.monotonic() - began < 0.4


def test_a_client_that_leaves_before_the_greeting_leaves_nothing(strict: Server) -> None:
    for _ in range(5):
        Client(strict.port).vanish()
    with Client(strict.port).greet() as client:
        assert client.say("NOOP").startswith("250")


def test_a_delayed_greeting_and_starttls_go_together(strict: Server) -> None:
    with Starting(strict.port).hello() as client:
        assert client.mail("tls@local.test").startswith("250")


def took(client: Client, line: str) -> tuple[str, float]:
    began = time.monotonic()
    reply = client.say(line)
    return reply[:3], time.monotonic() - began


def test_each_error_past_the_soft_limit_is_answered_later(strict: Server) -> None:
    with Client(strict.port, source="127.0.0.9").greet() as client:
        for _ in range(2):
            assert took(client, "NONSENSE")[1] < 0.3
        for _ in range(2):
            code, seconds = took(client, "NONSENSE")
            assert code == "500"
            assert 0.3 < seconds < 2
        assert took(client, "NOOP")[1] < 0.3  # what is right is answered at once


def test_errors_in_one_packet_cost_as_much_as_those_one_by_one(strict: Server) -> None:
    with Client(strict.port, source="127.0.0.9").greet() as client:
        began = time.monotonic()
        client.send(b"NONSENSE\r\n" * 5 + b"NOOP\r\n")
        assert [client.reply()[:3] for _ in range(6)] == ["500"] * 5 + ["250"]
        assert 1.1 < time.monotonic() - began < 3


def test_unknown_recipients_are_slowed_like_other_errors(strict: Server) -> None:
    with Client(strict.port, source="127.0.0.9").greet() as client:
        client.say("MAIL FROM:<a@src.test>")
        times = [took(client, "RCPT TO:<>") for _ in range(4)]
        assert [seconds > 0.3 for _, seconds in times] == [False, False, True, True]


def test_the_hard_limit_closes_at_once(strict: Server) -> None:
    with Client(strict.port, source="127.0.0.9").greet() as client:
        client.send(b"NONSENSE\r\n" * 50)
        assert client.rest().endswith("421 4.7.0 mx.test too many errors, closing connection")


def test_a_message_accepted_is_forgiveness(strict: Server) -> None:
    with Client(strict.port, source="127.0.0.9").greet() as client:
        client.send(b"NONSENSE\r\n" * 2)
        assert [client.reply()[:3] for _ in range(2)] == ["500"] * 2
        client.mail("forgiven@local.test")
        assert took(client, "NONSENSE")[1] < 0.3


def test_a_client_that_waits_costs_no_memory(strict: Server) -> None:
    clients = [Client(strict.port, source="127.0.0.9").greet() for _ in range(20)]
    before = anonymous_memory(strict)
    for client in clients:
        client.send(b"NONSENSE\r\n" * 5)
        client.socket.setblocking(False)
    for client in clients:
        try:
            while client.socket.send(b"NOOP\r\n" * 10_000):
                pass
        except (BlockingIOError, ConnectionError):
            continue
    assert anonymous_memory(strict) - before < 20 * 256 * 1024
    for client in clients:
        client.vanish()


def test_connections_and_messages_have_a_rate(tmp_path: Path) -> None:
    rates = 'max_connection_rate = "8/h"\nmax_message_rate = "2/h"\ntrusted = ["127.0.0.9"]'
    with serving(tmp_path, server=f"{ANYBODY}\n{rates}") as server:
        with Client(server.port, source="127.0.0.5").greet() as client:
            client.mail("a@local.test")
            client.mail("b@local.test")
            assert client.say("MAIL FROM:<c@src.test>").startswith("450 4.7.1 too many messages")
        for _ in range(7):
            with Client(server.port, source="127.0.0.5") as client:
                assert client.reply().startswith("220")
        with Client(server.port, source="127.0.0.5") as client:
            assert client.rest() == "421 4.7.0 too many new connections from your network"
        for _ in range(10):
            with Client(server.port, source="127.0.0.9") as client:
                assert client.reply().startswith("220")
        until(lambda: events(server, "connection refused"))


def test_a_session_has_its_time(tmp_path: Path) -> None:
    with serving(tmp_path, extra='[smtp.timeouts]\nsession = "2s"\n') as server:
        began = time.monotonic()
        with Client(server.port).greet() as client:
            said = ""
            while not said.startswith("421"):
                said = client.say("NOOP")
                time.sleep(0.1)
                assert time.monotonic() - began < 6
            assert said.startswith("421 4.4.2")


def test_bare_newlines_may_be_normalized(tmp_path: Path) -> None:
    with serving(tmp_path, extra='[smtp]\nbare_newline = "normalize"\n') as server:
        with Client(server.port).greet() as client:
            assert client.mail("u@local.test", message=b"Subject: s\r\n\r\na\nb\n.\nc\r\n").startswith("250")
        (path,) = until(lambda: server.inbox("u"))
        assert path.read_bytes().endswith(b"\r\n\r\na\r\nb\r\n.\r\nc\r\n")


def test_lmtp_is_a_kind_of_listener(tmp_path: Path) -> None:
    with serving(tmp_path, extra='[listeners.mx]\nkind = "lmtp"\n') as server, Client(server.port) as client:
        assert client.reply() == "220 mx.test LMTP"
        assert client.say("EHLO x").startswith("500 ")
        assert client.say("LHLO x").startswith("250")
        client.say("MAIL FROM:<a@src.test>")
        for user in "ab":
            client.say(f"RCPT TO:<{user}@local.test>")
        client.say("DATA")
        client.send(b"Subject: s\r\n\r\n.\r\n")
        assert [client.reply()[:3] for _ in range(2)] == ["250", "250"]
