"""Limits of `[smtp]`, `[tls]` and `[auth]` are those that a tree sets, not only those that are usual."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.peers.certificates import certified, tls_section
from tests.peers.server import Server
from tests.server.daemon import ANYBODY, Client, serving, strange
from tests.server.encrypted import Starting, trusting

TREE = """
[smtp]
max_recipients = 100
max_line_length = 2000
max_hops = 12
errors = { delay = "0s" }
[listeners.mx]
auth = "may"
auth_without_tls = true
[auth]
users = "@users"
mechanisms = ["PLAIN"]
attempts = 2
max_failures_per_ip = 3
failures_half_life = "4s"
[tables.users]
type = "inline"
entries = { "ann@local.test" = "{PLAIN}pencil" }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    tls = tls_section(certified("mx.test")) + 'min_version = "1.3"\n'
    with serving(tmp_path_factory.mktemp("configured"), server=ANYBODY, extra=TREE + tls) as running:
        yield running
        assert strange(running) == []


def test_so_many_recipients(server: Server) -> None:
    with Client(server.port).greet() as client:
        assert "LIMITS RCPTMAX=100" in client.say("EHLO x")
        client.say("MAIL FROM:<a@src.test>")
        codes = [client.say(f"RCPT TO:<u{n}@local.test>")[:9] for n in range(101)]
        assert codes == ["250 2.1.5"] * 100 + ["452 4.5.3"]


@pytest.mark.parametrize(("octets", "code"), [(2000, "250 2.0.0"), (2001, "554 5.6.0")])
def test_so_long_a_line(server: Server, octets: int, code: str) -> None:
    with Client(server.port).greet() as client:
        line = b"x" * (octets - 2) + b"\r\n"
        assert client.mail("line@local.test", message=b"Subject: s\r\n\r\n" + line).startswith(code)


@pytest.mark.parametrize(("hops", "code"), [(12, "250 2.0.0"), (13, "554 5.4.6")])
def test_so_many_hops(server: Server, hops: int, code: str) -> None:
    with Client(server.port).greet() as client:
        message = b"Received: from a by b\r\n" * hops + b"Subject: s\r\n\r\n"
        assert client.mail("hops@local.test", message=message).startswith(code)


def test_so_new_a_tls(server: Server) -> None:
    with Starting(server.port).hello() as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        assert client.socket.version() == "TLSv1.3"
    old = trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with Client(server.port).greet() as client:
        client.say("STARTTLS")
        with pytest.raises(ssl.SSLError, match=r"(?i)version"):
            old.wrap_socket(client.socket, server_hostname="mx.test")


def login(server: Server, *passwords: str) -> list[str]:
    """What is said to each password, until the connection ends."""
    with Client(server.port, source="127.0.0.8").greet() as client:
        said = []
        for password in passwords:
            response = base64.b64encode(f"\0ann@local.test\0{password}".encode()).decode()
            said.append(client.say(f"AUTH PLAIN {response}")[:9])
            if said[-1].startswith("421"):
                break
        return said


def test_so_many_failed_logins_from_a_network_and_for_so_long(server: Server) -> None:
    assert login(server, "a", "b", "c") == ["535 5.7.8", "421 4.7.0"]
    assert login(server, "a", "b") == ["535 5.7.8", "421 4.7.0"]
    assert login(server, "pencil") == ["421 4.7.0"]
    end = time.monotonic() + 10
    while login(server, "pencil") != ["235 2.7.0"]:
        assert time.monotonic() < end, "never forgotten"
        time.sleep(0.2)
