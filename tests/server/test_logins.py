"""Logins through the daemon: who is let in, by which mechanism, and what they may send then."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.auth.clients import Client as Party
from tests.auth.clients import cram_md5, login, plain, scram
from tests.peers.postfix import free_port
from tests.peers.server import Server
from tests.server.daemon import Client, event, serving, until

EXTRA = """
[auth]
users = "@users"
owners = "@owners"
default_domain = "local.test"
mechanisms = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"]
max_failures_per_ip = 1000
[tables.users]
type = "inline"
columns = { password = "secret" }
[tables.users.entries]
"ann@local.test" = { password = "{PLAIN}pencil" }
"bob@local.test" = { password = "{PLAIN}rubber" }
"mallory@local.test" = { password = "{PLAIN}spade" }
[tables.owners]
type = "inline"
[tables.owners.entries]
"ann@local.test" = "ann@local.test sales@local.test"
"bob@local.test" = "*"

[listeners.clear]
address = ["127.0.0.1:CLEAR"]
kind = "submission"
tls = "none"
auth_without_tls = true

[[rules.auth]]
name = "not mallory"
when.auth.user = "mallory@local.test"
when.auth.success = true
reject = "535 5.7.8 not you"
[[rules.auth]]
name = "welcome"
when.auth.success = true
do = [{ add_header = { name = "X-User", value = "{auth.user} by {auth.mechanism}" } }]
[[rules.auth]]
name = "trusts anybody who fails"
when.auth.success = false
trust = true
"""
CLIENTS = {"PLAIN": plain, "LOGIN": login, "CRAM-MD5": cram_md5, "SCRAM-SHA-256": scram}


LETTER = b"From: ann@local.test\r\nSubject: s\r\n\r\nhi\r\n"


@dataclass(frozen=True)
class Post:
    """A server, and the port at which it takes logins in clear."""

    server: Server
    port: int

    def client(self) -> Client:
        return Client(self.port).greet()

    def logged_in(self, user: str = "ann", password: str = "pencil") -> Client:
        client = self.client()
        assert speak(client, "PLAIN", plain(user, password)).startswith("235 2.7.0")
        return client


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    port = free_port()
    with serving(tmp_path_factory.mktemp("logins"), extra=EXTRA.replace("CLEAR", str(port))) as server:
        yield Post(server, port)


def speak(client: Client, mechanism: str, party: Party, *, at_once: bool = True) -> str:
    """Log in; the last reply."""
    first = next(party)
    if at_once:
        reply = client.say(f"AUTH {mechanism} {base64.b64encode(first).decode() or '='}")
    else:
        assert client.say(f"AUTH {mechanism}").startswith("334")
        reply = client.say(base64.b64encode(first).decode())
    while reply.startswith("334"):
        said = party.send(base64.b64decode(reply[4:]))
        reply = client.say(base64.b64encode(said).decode())
    return reply


def letter_of(server: Server, user: str) -> str:
    return until(lambda: server.inbox(user))[-1].read_text()


@pytest.mark.parametrize("mechanism", CLIENTS)
def test_every_mechanism_lets_in_who_knows_the_password(mechanism: str, post: Post) -> None:
    for password, code in (("pencil", "235 2.7.0"), ("pen", "535 5.7.8")):
        with post.client() as client:
            party, at_once = CLIENTS[mechanism]("ann", password), True
            if mechanism == "CRAM-MD5":
                next(party)
                challenge = base64.b64decode(client.say("AUTH CRAM-MD5")[4:])
                reply = client.say(base64.b64encode(party.send(challenge)).decode())
            else:
                reply = speak(client, mechanism, party, at_once=at_once)
            assert reply.startswith(code), reply


def test_what_rules_said_of_a_login_holds_for_its_mail(post: Post) -> None:
    with post.logged_in() as client:
        assert client.say("EHLO again.test").startswith("250")
        assert client.mail("carol@local.test", sender="ann@local.test", message=LETTER).startswith("250")
    assert "X-User: ann@local.test by PLAIN" in letter_of(post.server, "carol")
    assert event(post.server, "logged in")["user"] == "ann@local.test"


def test_who_must_log_in_sends_nothing_before(post: Post) -> None:
    with post.client() as client:
        assert client.say("MAIL FROM:<ann@local.test>").startswith("530 5.7.0")


def test_logins_are_not_offered_where_nobody_said_so(post: Post) -> None:
    with Client(post.server.port) as client:
        client.reply()
        assert "AUTH" not in client.say("EHLO client.test")
        assert client.say("AUTH PLAIN AGFubgBwZW5jaWw=").startswith("5")


def test_a_rule_turns_away_a_login_whose_password_was_right(post: Post) -> None:
    with post.client() as client:
        assert speak(client, "PLAIN", plain("mallory", "spade")) == "535 5.7.8 not you"
        assert client.say("MAIL FROM:<mallory@local.test>").startswith("530")


def test_no_verdict_makes_a_failure_good(post: Post) -> None:
    with post.client() as client:
        assert speak(client, "PLAIN", plain("ann", "wrong")).startswith("535")
        assert client.say("MAIL FROM:<ann@local.test>").startswith("530")
        assert speak(client, "PLAIN", plain("ann", "pencil")).startswith("235")
        # Nor is the trust that was given to the failure there now.
        assert client.say("MAIL FROM:<boss@local.test>").startswith("553")


def test_a_connection_fails_three_times_and_is_closed(post: Post) -> None:
    with post.client() as client:
        replies = [speak(client, "PLAIN", plain("ann", "wrong")) for _ in range(3)]
        assert [reply[:9] for reply in replies] == ["535 5.7.8", "535 5.7.8", "421 4.7.0"]
        assert client.reply_line() == ""


def test_an_unknown_user_is_refused_like_a_known_one(post: Post) -> None:
    with post.client() as client:
        assert speak(client, "PLAIN", plain("nobody", "x")) == speak(client, "PLAIN", plain("ann", "x"))
    with post.client() as client:
        assert speak(client, "SCRAM-SHA-256", scram("nobody", "x")).startswith("535 5.7.8")


def test_an_exchange_can_be_given_up(post: Post) -> None:
    with post.client() as client:
        assert client.say("AUTH LOGIN").startswith("334")
        assert client.say("*").startswith("501")
        assert speak(client, "LOGIN", login("ann", "pencil"), at_once=False).startswith("235")


def test_a_client_that_vanishes_in_the_middle_harms_nobody(post: Post) -> None:
    client = post.client()
    client.send(b"AUTH PLAIN AGFubgBwZW5jaWw=\r\n")
    client.vanish()
    with post.logged_in():
        pass


@pytest.mark.parametrize(
    ("user", "password", "sender", "code"),
    [
        ("ann", "pencil", "ann@local.test", "250"),
        ("ann", "pencil", "sales+de@local.test", "250"),
        ("ann", "pencil", "", "250"),
        ("ann", "pencil", "bob@local.test", "553 5.7.1"),
        ("bob", "rubber", "whoever@elsewhere.test", "250"),
    ],
)
def test_mail_is_from_who_the_login_may_be(
    user: str, password: str, sender: str, code: str, post: Post
) -> None:
    with post.logged_in(user, password) as client:
        assert client.say(f"MAIL FROM:<{sender}>").startswith(code)


def test_the_header_too_names_nobody_else(post: Post) -> None:
    with post.logged_in() as client:
        letter = b"From: Ann <ann@local.test>, boss@local.test\r\n\r\nhi\r\n"
        reply = client.mail("carol@local.test", sender="ann@local.test", message=letter)
        assert reply.startswith("550 5.7.1"), reply


def test_who_has_logged_in_may_send_anywhere(post: Post) -> None:
    with post.logged_in() as client:
        assert client.say("MAIL FROM:<ann@local.test>").startswith("250")
        assert client.say("RCPT TO:<you@elsewhere.test>").startswith("250")


def test_what_a_program_left_out_is_filled_in_where_mail_begins(post: Post) -> None:
    letter = b"From: Ann <ann>\r\nSubject: s\r\n\r\nhi\r\n"
    with post.logged_in() as client:
        assert client.mail("filled@local.test", sender="ann@local.test", message=letter).startswith("250")
    found = letter_of(post.server, "filled")
    assert "From: Ann <ann@local.test>" in found
    assert found.count("\nDate: ") == 1
    assert found.count("\nMessage-ID: <") == 1
    with Client(post.server.port).greet() as client:
        assert client.mail("relayed@local.test", message=letter).startswith("250")
    found = letter_of(post.server, "relayed")
    assert "From: Ann <ann>" in found
    assert "Message-ID" not in found
