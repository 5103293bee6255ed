"""The engine's own dialogues, spoken with the daemon over TCP and TLS: whole, all at once, octet by octet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.peers.certificates import certified, tls_section
from tests.peers.postfix import free_port
from tests.peers.server import Server
from tests.server.daemon import TRUSTING, Client, serving
from tests.server.encrypted import SUBMISSIONS, Encrypted
from tests.smtp.script import Expected, Script, scripts, talk

PORTABLE = [script for script in scripts() if script.portable]
AS_IN_THE_DIALOGUES = (
    '[server]\nname = "mx.example.org"\nlocal_domains = ["example.org"]\n[smtp]\nerrors = { delay = "0s" }\n'
    'disable_extensions = ["CHUNKING", "DSN", "LIMITS", "REQUIRETLS"]\n'
)
# Octet by octet a long line says nothing more than a short one.
DRIPPED = 5000

each = pytest.mark.parametrize("script", PORTABLE, ids=lambda script: script.name)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("dialogues")
    with serving(base, server=TRUSTING, extra=AS_IN_THE_DIALOGUES) as running:
        yield running


def as_said_by_a_daemon(script: Script) -> Script:
    """The same, where a message that is accepted has a name."""
    queued = Expected("250 2.0.0 queued as ...")
    steps = (queued if step == Expected("250 2.0.0 Message accepted") else step for step in script.steps)
    return replace(script, steps=tuple(steps))


@each
def test_a_dialogue_goes_as_written(daemon: Server, script: Script) -> None:
    with Client(daemon.port) as client:
        talk(as_said_by_a_daemon(script), client)


@each
def test_a_dialogue_sent_all_at_once_is_answered_the_same(daemon: Server, script: Script) -> None:
    with Client(daemon.port) as client:
        client.send(script.client)
        client.socket.shutdown(socket.SHUT_WR)
        for expected in as_said_by_a_daemon(script).server:
            line = client.reply_line()
            assert expected.fits(line), (expected.line, line)


@each
def test_a_dialogue_sent_octet_by_octet_is_answered_the_same(daemon: Server, script: Script) -> None:
    with Client(daemon.port) as client:
        talk(as_said_by_a_daemon(script), Dripping(client))


class Dripping:
    """A client that sends one octet at a time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, octets: bytes) -> None:
        step = 1 if len(octets) < DRIPPED else len(octets)
        for at in range(0, len(octets), step):
            self._client.send(octets[at : at + step])

    def reply_line(self) -> str:
        return self._client.reply_line()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A port where TLS comes before the first word."""
    port = free_port()
    extra = AS_IN_THE_DIALOGUES + SUBMISSIONS.format(port=port) + tls_section(certified("mx.test"))
    with serving(tmp_path_factory.mktemp("sealed"), server=TRUSTING, extra=extra):
        yield port


@each
def test_a_dialogue_under_tls_goes_as_written(sealed: int, script: Script) -> None:
    with Encrypted(sealed) as client:
        talk(as_said_by_a_daemon(script), client)


@each
def test_a_dialogue_under_tls_sent_all_at_once_is_answered_the_same(sealed: int, script: Script) -> None:
    with Encrypted(sealed) as client:
        client.send(script.client)
        for expected in as_said_by_a_daemon(script).server:
            line = client.reply_line()
            assert expected.fits(line), (expected.line, line)
