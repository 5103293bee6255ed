"""TLS with clients: what it brings, what it takes away, and what breaks it."""

from __future__ import annotations

import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.tunnels import client as shy
from tests.peers.certificates import authority, certified, tls_section
from tests.peers.clients import swaks
from tests.peers.postfix import free_port
from tests.peers.programs import needs
from tests.peers.server import Server
from tests.server.daemon import TRUSTING, Client, event, events, serving, strange, until
from tests.server.encrypted import SUBMISSIONS, Encrypted, Starting, trusting

RULES = """
[[rules.prequeue]]
name = "tell"
when.tls.active = true
do = [{ add_header = { name = "X-TLS", value = "{tls.version} {tls.cipher} {tls.sni} {tls.client_cert}" } }]
"""


class Place:
    """A server with a STARTTLS listener, at `port`, and one under TLS, at `implicit`."""

    def __init__(self, server: Server, implicit: int) -> None:
        self.server = server
        self.port = server.port
        self.implicit = implicit


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    implicit = free_port()
    extra = "".join((
        tls_section(certified("mx.test")),
        f'client_ca = "{authority().certificate}"\n',
        f'[tls.sni."other.test"]\ncertificate = "{certified("other.test").certificate}"\n',
        f'private_key = {{ file = "{certified("other.test").key}" }}\n',
        SUBMISSIONS.format(port=implicit),
        '[listeners.mx]\nclient_certificates = "ask"\n',
        '[smtp.timeouts]\nhandshake = "2s"\n',
    ))  # fmt: skip
    with serving(tmp_path_factory.mktemp("encrypted"), server=TRUSTING, extra=extra) as server:
        yield Place(server, implicit)
        assert strange(server) == []


def test_starttls_is_offered_in_clear_and_not_under_tls(place: Place) -> None:
    with Client(place.port) as client:
        client.reply()
        assert "STARTTLS" in client.say("EHLO x")
    with Starting(place.port) as client:
        assert "STARTTLS" not in client.say("EHLO x")
        assert client.say("STARTTLS").startswith("502 ")


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_a_message_arrives_as_it_was_sent(place: Place, size: int) -> None:
    user = f"tls{size}"
    message = b"Subject: s\r\n\r\n" + b"%s\r\n" % (b"x" * 70) * (size // 72)
    with Starting(place.port).hello() as client:
        assert client.mail(f"{user}@local.test", message=message).startswith("250 ")
    (path,) = until(lambda: place.server.inbox(user))
    assert path.read_bytes().endswith(message)


def test_tls_may_come_before_the_first_word(place: Place) -> None:
    with Encrypted(place.implicit).greet() as client:
        assert client.mail("implicit@local.test").startswith("250 ")
        assert client.say("QUIT").startswith("221 ")
        assert client.rest() == ""


@pytest.mark.parametrize("name", ["mx.test", "other.test"])
def test_the_certificate_is_that_of_the_name_asked_for(place: Place, name: str) -> None:
    with Starting(place.port, name=name).hello() as client:
        assert client.say("NOOP").startswith("250")


def test_what_was_said_in_clear_is_gone(place: Place) -> None:
    with Client(place.port).greet() as client:
        client.say("MAIL FROM:<a@src.test>")
        client.say("RSET")
        assert client.say("STARTTLS").startswith("220 ")
        client.socket = trusting().wrap_socket(client.socket, server_hostname="mx.test")
        assert client.say("MAIL FROM:<a@src.test>").startswith("503 5.5.1")
        assert client.say("EHLO x").startswith("250")
        assert client.say("RCPT TO:<a@local.test>").startswith("503 5.5.1")


@pytest.mark.parametrize(
    "more", [b"EHLO x\r\n", b"\r\n", b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\n"]
)
def test_octets_behind_starttls_end_the_connection(place: Place, more: bytes) -> None:
    with Client(place.port).greet() as client:
        client.send(b"STARTTLS\r\n" + more)
        assert client.rest() == "421 4.7.0 Octets after STARTTLS, closing connection"


def test_clear_text_in_place_of_a_handshake_ends_the_connection(place: Place) -> None:
    with Client(place.port).greet() as client:
        assert client.say("STARTTLS").startswith("220 ")
        client.send(b"EHLO x\r\n")
        assert b"250" not in _raw_rest(client.socket)
    with Client(place.implicit) as client:
        client.send(b"EHLO x\r\n")
        assert b"250" not in _raw_rest(client.socket)
    assert event(place.server, "TLS failed")["reason"]


def _raw_rest(sock: socket.socket) -> bytes:
    said = b""
    while some := sock.recv(4096):
        said += some
    return said


def test_a_server_name_that_is_no_text_fails_in_silence(place: Place) -> None:
    hello = shy("mx.test").shake()
    with Client(place.implicit) as client:
        client.send(hello.replace(b"mx.test", b"\xff\xfe.test"))
        assert _raw_rest(client.socket)[:1] in (b"", b"\x15")  # an alert
    assert strange(place.server) == []


def test_a_handshake_has_its_time(place: Place) -> None:
    with Client(place.implicit) as client:
        began = time.monotonic()
        assert _raw_rest(client.socket) == b""
        assert 1.5 < time.monotonic() - began < 5


def test_a_client_may_leave_during_the_handshake(place: Place) -> None:
    for cut in (0, 1, 5, 100):
        with Client(place.implicit) as client:
            hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200
            client.send(hello[:cut])
            client.socket.shutdown(socket.SHUT_WR)
            _raw_rest(client.socket)


def test_pipelined_commands_under_tls_are_answered_in_order(place: Place) -> None:
    with Starting(place.port) as client:
        client.send(b"EHLO x\r\nMAIL FROM:<a@src.test>\r\nRCPT TO:<p@local.test>\r\nDATA\r\n")
        assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        client.send(b"Subject: p\r\n\r\n.\r\nQUIT\r\n")
        assert [client.reply()[:3] for _ in range(2)] == ["250", "221"]
        assert client.rest() == ""


def test_smtplib_sends_both_ways(place: Place) -> None:
    with smtplib.SMTP("127.0.0.1", place.port) as smtp:
        smtp._host = "mx.test"  # type: ignore[attr-defined]  # the name that is on the certificate
        smtp.starttls(context=trusting())
        assert smtp.sendmail("a@src.test", ["lib@local.test"], "Subject: s\r\n\r\n.dot\r\n") == {}
    context = trusting()
    context.check_hostname = False
    with smtplib.SMTP_SSL("127.0.0.1", place.implicit, context=context) as smtp:
        assert smtp.sendmail("a@src.test", ["lib@local.test"], "Subject: s\r\n\r\nhi\r\n") == {}


def test_swaks_sends_both_ways(place: Place) -> None:
    envelope = ("--from", "a@src.test", "--to", "swaks@local.test")
    done = swaks(place.port, "-tls", "--tls-verify", "--tls-ca-path", str(authority().certificate), *envelope)
    assert done.returncode == 0, done.stdout
    done = swaks(place.implicit, "-tlsc", *envelope)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_shakes_hands(place: Place, version: str) -> None:
    command = [
        needs("openssl"), "s_client", "-connect", f"127.0.0.1:{place.port}", "-starttls", "smtp", version,
        "-CAfile", str(authority().certificate), "-verify_return_error", "-servername", "mx.test", "-crlf",
        "-quiet",
    ]  # fmt: skip
    done = subprocess.run(command, input=b"EHLO x\nQUIT\n", capture_output=True, timeout=20, check=False)
    assert b"221 2.0.0" in done.stdout, done.stderr


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_not_spoken(place: Place, version: ssl.TLSVersion) -> None:
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", place.implicit)) as sock, pytest.raises(ssl.SSLError):
        context.wrap_socket(sock, server_hostname="mx.test")


def test_rules_know_of_tls_and_of_the_clients_certificate(tmp_path: Path) -> None:
    extra = (
        tls_section(certified("mx.test"))
        + f'client_ca = "{authority().certificate}"\n[listeners.mx]\nclient_certificates = "ask"\n'
        + RULES
    )
    with serving(tmp_path, server=TRUSTING, extra=extra) as server:
        with Starting(server.port, own=certified("client.test")).hello() as client:
            assert client.mail("u@local.test").startswith("250")
        (path,) = until(lambda: server.inbox("u"))
        assert b"X-TLS: 1.3 TLS_AES_256_GCM_SHA384 mx.test client.test\r\n" in path.read_bytes()


def test_tls_may_be_required(tmp_path: Path) -> None:
    extra = tls_section(certified("mx.test")) + '[listeners.mx]\ntls = "required"\n'
    with serving(tmp_path, server=TRUSTING, extra=extra) as server:
        with Client(server.port).greet() as client:
            assert client.say("MAIL FROM:<a@src.test>") == "530 5.7.0 Say STARTTLS first"
        with Starting(server.port).hello() as client:
            assert client.mail("u@local.test").startswith("250")


def test_certificates_are_read_anew_without_dropping_a_session(tmp_path: Path) -> None:
    pair = certified("mx.test", serial=1)
    own = tmp_path / "c.pem", tmp_path / "c.key"
    shutil.copy(pair.certificate, own[0])
    shutil.copy(pair.key, own[1])
    tls = f'[tls]\ncertificate = "{own[0]}"\nprivate_key = {{ file = "{own[1]}" }}\n'
    with serving(tmp_path, server=TRUSTING, extra=tls) as server, Starting(server.port).hello() as early:
        own[0].write_text("broken")
        until(lambda: events(server, "certificates not read"))
        with Starting(server.port).hello() as client:
            assert _serial(client) == 1
        renewed = certified("mx.test", serial=9)
        shutil.copy(renewed.key, own[1])
        shutil.copy(renewed.certificate, own[0])
        until(lambda: events(server, "certificates read"))
        with Starting(server.port).hello() as client:
            assert _serial(client) == 9
        assert early.mail("u@local.test").startswith("250")


def _serial(client: Client) -> int:
    assert isinstance(client.socket, ssl.SSLSocket)
    shown = client.socket.getpeercert() or {}
    return int(str(shown["serialNumber"]), 16)
