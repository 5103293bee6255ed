"""Who the client is where a proxy says so: PROXY headers and XCLIENT."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.peers.certificates import Pair, certified, tls_section
from tests.peers.clients import swaks
from tests.peers.postfix import free_port
from tests.peers.server import Server
from tests.server.daemon import ANYBODY, TRUSTING, Client, events, serving, strange, until
from tests.server.encrypted import Encrypted

V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
    + ip_address("2001:db8::7").packed
    + ip_address("2001:db8::2").packed
    + b"\x12\x34\0\x19"
)
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
TREE = """
[server]
trusted = ["203.0.113.0/24"]
max_connections_per_ip = 3

[listeners.proxied]
address = ["127.0.0.1:{clear}"]
proxy_protocol_from = ["127.0.0.1"]

[listeners.sealed]
address = ["127.0.0.1:{sealed}"]
kind = "submissions"
auth = "none"
proxy_protocol_from = ["127.0.0.1"]

[listeners.introduced]
address = ["127.0.0.1:{introduced}"]
xclient_from = ["127.0.0.1"]

[smtp.timeouts]
handshake = "2s"

[[rules.connect]]
name = "unwanted"
when.client.ip = "192.0.2.66"
reject = "554 5.7.1 not you"
"""


@dataclass(frozen=True)
class Place:
    """A server behind proxies, and the ports of its listeners."""

    server: Server
    clear: int
    sealed: int
    introduced: int


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    ports = {"clear": free_port(), "sealed": free_port(), "introduced": free_port()}
    extra = TREE.format(**ports) + tls_section(certified("mx.test"))
    with serving(tmp_path_factory.mktemp("proxied"), server=ANYBODY, extra=extra) as server:
        yield Place(server, **ports)
        assert strange(server) == []


def v1(client: str) -> bytes:
    return f"PROXY TCP4 {client} 198.51.100.2 4711 25\r\n".encode()


def brought_by(server: Server, user: str) -> str:
    """Who is said to have brought the message for `user`."""
    [line] = until(
        lambda: [line for line in events(server, "accepted") if f"{user}@local.test" in line["recipients"]]
    )
    return str(line["client"])


@pytest.mark.parametrize(
    ("header", "client", "user"),
    [
        (v1("192.0.2.1"), "192.0.2.1", "one"),
        (V2, "2001:db8::7", "two"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1", "unknown"),
        (LOCAL, "127.0.0.1", "local"),
    ],
)
def test_the_client_is_who_the_header_says(place: Place, header: bytes, client: str, user: str) -> None:
    with Client(place.clear) as proxy:
        for octet in header:
            proxy.send(bytes([octet]))
        proxy.greet().mail(f"{user}@local.test")
        assert brought_by(place.server, user) == client


def test_a_header_may_come_with_what_follows_it(place: Place) -> None:
    with Client(place.clear) as proxy:
        proxy.send(v1("192.0.2.2") + b"EHLO x\r\nQUIT\r\n")
        assert [proxy.reply()[:3] for _ in range(3)] == ["220", "250", "221"]


@pytest.mark.parametrize("said", [b"EHLO x\r\n", b"PROXY TCP4 nonsense\r\n", b"\x16\x03\x01"])
def test_who_must_say_who_it_is_and_does_not_is_cut_without_a_word(place: Place, said: bytes) -> None:
    with Client(place.clear) as client:
        client.send(said)
        assert client.rest() == ""


def test_a_header_has_its_time(place: Place) -> None:
    with Client(place.clear) as client:
        client.send(b"PROXY TCP4 ")
        assert client.rest() == ""


def test_a_header_from_anybody_else_is_no_header(place: Place) -> None:
    with Client(place.clear, source="127.0.0.2") as client:
        assert client.reply().startswith("220 ")
        assert client.say(v1("203.0.113.1").decode().strip()).startswith("500 ")


def test_rules_and_trust_are_those_of_the_client(place: Place) -> None:
    with Client(place.clear) as proxy:
        proxy.send(v1("192.0.2.66"))
        assert proxy.rest() == "554 5.7.1 not you"
    with Client(place.clear) as proxy:
        proxy.send(v1("203.0.113.1"))
        proxy.greet()
        proxy.say("MAIL FROM:<a@src.test>")
        assert proxy.say("RCPT TO:<x@elsewhere.test>").startswith("250")


def test_limits_are_those_of_the_client(place: Place) -> None:
    with ExitStack() as stack:
        for client, count in (("192.0.2.3", 3), ("192.0.2.4", 3)):
            for _ in range(count):
                proxy = stack.enter_context(Client(place.clear))
                proxy.send(v1(client))
                proxy.greet()
        with Client(place.clear) as proxy:
            proxy.send(v1("192.0.2.3"))
            assert proxy.rest() == "421 4.7.0 too many connections from your network"

    def room() -> bool:
        with Client(place.clear) as proxy:
            proxy.send(v1("192.0.2.3"))
            return proxy.reply().startswith("220")

    until(room)


def test_a_header_comes_before_tls(place: Place) -> None:
    class Proxied(Encrypted):
        def encrypt(self, own: Pair | None = None, name: str = "mx.test") -> None:
            self.send(v1("192.0.2.5"))
            super().encrypt(own, name)

    with Proxied(place.sealed) as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        client.greet().mail("sealed@local.test")
        assert brought_by(place.server, "sealed") == "192.0.2.5"


def test_swaks_speaks_both_versions(place: Place) -> None:
    for version, source, user in (("1", "192.0.2.8", "swaks1"), ("2", "192.0.2.9", "swaks2")):
        done = swaks(
            place.clear, "--proxy-version", version,
            "--proxy-family", "TCP4" if version == "1" else "AF_INET",
            "--proxy-source", source, "--proxy-source-port", "4711", "--proxy-dest", "198.51.100.2",
            "--proxy-dest-port", "25", "--from", "a@src.test", "--to", f"{user}@local.test",
            *(["--proxy-protocol", "STREAM", "--proxy-command", "PROXY"] if version == "2" else []),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert brought_by(place.server, user) == source


def test_xclient_changes_who_the_client_is(place: Place) -> None:
    with Client(place.introduced).greet() as proxy:
        assert "XCLIENT" in proxy.say("EHLO proxy")
        assert proxy.say("XCLIENT ADDR=192.0.2.20 PORT=99 HELO=them.test PROTO=ESMTP").startswith("220 ")
        assert proxy.say("MAIL FROM:<a@src.test>").startswith("503")
        proxy.say("EHLO them.test")
        proxy.mail("xclient@local.test")
        assert brought_by(place.server, "xclient") == "192.0.2.20"


def test_the_rules_of_connect_are_asked_again_after_xclient(place: Place) -> None:
    with Client(place.introduced).greet() as proxy:
        assert proxy.say("XCLIENT ADDR=192.0.2.66") == "554 5.7.1 not you"
        assert proxy.rest() == ""


def test_xclient_is_for_those_who_may(place: Place) -> None:
    with Client(place.introduced, source="127.0.0.2").greet() as client:
        assert "XCLIENT" not in client.say("EHLO x")
        assert client.say("XCLIENT ADDR=203.0.113.1").startswith("502 ")


def test_who_was_named_by_xclient_names_nobody_else(place: Place) -> None:
    # A proxy that hands on what its client says must not hand on the right to say who that is.
    with Client(place.introduced).greet() as proxy:
        proxy.send(b"XCLIENT ADDR=192.0.2.21\r\nXCLIENT ADDR=203.0.113.1\r\n")
        assert [proxy.reply()[:3] for _ in range(2)] == ["220", "502"]
        assert "XCLIENT" not in proxy.say("EHLO them.test")
        proxy.say("MAIL FROM:<a@src.test>")
        assert proxy.say("RCPT TO:<x@elsewhere.test>").startswith("554 5.7.1")


def test_a_client_whom_the_proxy_cannot_name_is_not_trusted(tmp_path: Path) -> None:
    extra = '[listeners.mx]\nxclient_from = ["127.0.0.1"]\n'
    with serving(tmp_path, server=TRUSTING, extra=extra) as server:
        for said, code in (("HELO=them.test", "250"), ("ADDR=[UNAVAILABLE]", "554")):
            with Client(server.port).greet() as proxy:
                assert proxy.say(f"XCLIENT {said}").startswith("220")
                proxy.say("EHLO them.test")
                proxy.say("MAIL FROM:<a@src.test>")
                assert proxy.say("RCPT TO:<x@elsewhere.test>").startswith(code)


def test_limits_are_those_of_the_client_that_xclient_names(place: Place) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            proxy = stack.enter_context(Client(place.introduced)).greet()
            assert proxy.say("XCLIENT ADDR=192.0.2.22").startswith("220")
        with Client(place.introduced).greet() as proxy:
            assert proxy.say("XCLIENT ADDR=192.0.2.22").startswith("421 4.7.0 too many connections")
            assert proxy.rest() == ""


def test_swaks_introduces_clients(place: Place) -> None:
    done = swaks(
        place.introduced, "--xclient-addr", "192.0.2.30", "--xclient-name", "them.test",
        "--from", "a@src.test", "--to", "xswaks@local.test",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert brought_by(place.server, "xswaks") == "192.0.2.30"
