"""The ways that rules may choose for mail, each to its end: servers of every kind, a folder."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.certificates import certified, tls_section
from tests.peers.postfix import free_port
from tests.peers.server import Server
from tests.server.daemon import TRUSTING, Client, event, events, serving, strange, until
from tests.server.encrypted import SUBMISSIONS
from tests.server.peer import Peer, agreeable, peer

RULES = """
[relays.filter]
host = "127.0.0.1"
port = {relay}
tls = "none"
[tables.routes]
type = "inline"
columns = {{ host = "text", login = "text", key = "secret" }}
entries.table = {{ host = "127.0.0.1", login = "you", key = "open" }}

[[rules.delivery]]
name = "by a url"
when.rcpt.local = "url"
do = [{{ forward = "smtp://127.0.0.1:{plain}" }}]
[[rules.delivery]]
name = "by a relay"
when.rcpt.local = "relay"
do = [{{ forward = "@filter" }}]
[[rules.delivery]]
name = "with a login"
when.rcpt.local = "login"
[[rules.delivery.do]]
forward.host = "127.0.0.1"
forward.port = {asking}
forward.tls = "none"
forward.user = "{{rcpt.local}}"
forward.password = {{ env = "PATH" }}
[[rules.delivery]]
name = "with the login of a table"
lookup.route = {{ table = "routes", key = "{{rcpt.local}}" }}
when.route.found = true
[[rules.delivery.do]]
forward.host = "{{route.host}}"
forward.port = {asking}
forward.tls = "none"
forward.user = "{{route.login}}"
forward.password = "{{route.key}}"
[[rules.delivery]]
name = "under tls"
when.rcpt.local = "smtps"
do = [{{ forward = "smtps://localhost:{implicit}" }}]
[[rules.prequeue]]
name = "of all recipients"
when.message.subject = "all"
do = [{{ forward = "smtp://127.0.0.1:{plain}" }}]
[[rules.delivery]]
name = "in a folder"
when.rcpt.local = "folder"
do = [{{ forward = "@filter" }}, {{ maildir = "{base}/folders/{{rcpt.local}}" }}]
"""


def asking(command: str) -> str:
    """A peer that knows logins."""
    verb = command.upper()[:4]
    return {"EHLO": "250-peer.test\r\n250 AUTH PLAIN", "AUTH": "235 2.7.0 welcome"}.get(
        verb, agreeable(command)
    )


@dataclass
class Place:
    """The server, those it may forward to, and a server that is spoken to under TLS."""

    server: Server
    plain: Peer
    relay: Peer
    asking: Peer
    other: Server

    def send(self, *to: str, subject: str = "s") -> None:
        with Client(self.server.port).greet() as client:
            assert client.mail(*to, message=f"Subject: {subject}\r\n\r\n".encode()).startswith("250")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    base, other, implicit = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there"), free_port()
    with ExitStack() as stack:
        plain, relay, login = (stack.enter_context(peer(how)) for how in (agreeable, agreeable, asking))
        encrypted = tls_section(certified("mx.test")) + SUBMISSIONS.format(port=implicit)
        there = stack.enter_context(serving(other, server=TRUSTING, extra=encrypted))
        rules = RULES.format(
            relay=relay.port, plain=plain.port, asking=login.port, implicit=implicit, base=base
        )
        here = stack.enter_context(serving(base, server=TRUSTING, extra=rules))
        yield Place(here, plain, relay, login, there)
        assert strange(here) == strange(there) == []
        assert events(here, "internal error") == []


def recipients(peer: Peer) -> list[str]:
    return [command for command in peer.commands if command.startswith("RCPT")]


def logins(peer: Peer) -> list[str]:
    return [command for command in peer.commands if command.startswith("AUTH")]


def test_a_url_names_a_server(place: Place) -> None:
    place.send("url@local.test")
    until(lambda: "RCPT TO:<url@local.test>" in recipients(place.plain))


def test_a_relay_is_found_by_its_name(place: Place) -> None:
    place.send("relay@local.test")
    until(lambda: "RCPT TO:<relay@local.test>" in recipients(place.relay))


def test_a_login_is_what_the_rule_says_and_its_password_is_printed_nowhere(place: Place) -> None:
    place.send("table@local.test")
    expected = b64encode(b"\0you\0open").decode()
    until(lambda: f"AUTH PLAIN {expected}" in logins(place.asking))
    until(lambda: "RCPT TO:<table@local.test>" in recipients(place.asking))
    assert "open" not in place.server.output


def test_a_password_may_be_kept_in_the_environment(place: Place) -> None:
    place.send("login@local.test")
    until(lambda: "RCPT TO:<login@local.test>" in recipients(place.asking))
    assert logins(place.asking)


def test_mail_goes_under_tls_from_the_first_octet(place: Place) -> None:
    place.send("smtps@local.test")
    (path,) = until(lambda: place.other.inbox("smtps"))
    assert " with ESMTPS " in path.read_text()


def test_what_is_said_of_the_message_goes_for_each_recipient(place: Place) -> None:
    place.send("one@local.test", "two@local.test", subject="all")
    until(lambda: {"RCPT TO:<one@local.test>", "RCPT TO:<two@local.test>"} <= set(recipients(place.plain)))


def test_the_last_way_counts(place: Place) -> None:
    place.send("folder@local.test")
    until(lambda: list((place.server.base / "folders" / "folder" / "new").glob("*")))
    assert "RCPT TO:<folder@local.test>" not in recipients(place.relay)


def test_a_relay_that_is_away_is_tried_again(tmp_path: Path) -> None:
    rules = f"""
[[rules.delivery]]
name = "away"
do = [{{ forward = "smtp://127.0.0.1:{free_port()}" }}]
"""
    with serving(tmp_path, extra=rules) as server, Client(server.port).greet() as client:
        assert client.mail("a@local.test").startswith("250")
        assert event(server, "deferred")["recipient"] == "a@local.test"
