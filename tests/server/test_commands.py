"""Commands beyond plain mail, through the daemon: BDAT, VRFY, LMTP's replies for each, logins by XCLIENT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.peers.postfix import free_port
from tests.peers.server import Server
from tests.server.daemon import Client, events, serving, until

EXTRA = """
[listeners.lmtp]
address = ["127.0.0.1:LMTP"]
kind = "lmtp"
[listeners.front]
address = ["127.0.0.1:FRONT"]
auth = "required"
auth_without_tls = true
xclient_from = ["127.0.0.0/8"]
[auth]
users = "@users"
[tables.users]
type = "inline"
entries = { "ann@local.test" = "{PLAIN}pencil" }
[tables.people]
type = "inline"
entries = ["ann@known.test"]
[smtp]
vrfy = "answer"

[domains."known.test"]
class = "local"
recipients = "@people"
[domains."never.test"]
class = "local"
[[domains."never.test".incoming]]
stage = "prequeue"
name = "never"
reject = "550 5.7.1 never"
[domains."later.test"]
class = "local"
[[domains."later.test".incoming]]
stage = "prequeue"
name = "later"
defer = "451 4.7.1 later"
[[rules.data]]
name = "not to those who are closed"
when.sender.local = "closing"
reject = "550 5.7.1 no data"
"""
BODY = b"Subject: s\r\n\r\n.hi\r\n"


@dataclass(frozen=True)
class House:
    server: Server
    lmtp: int
    front: int


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    lmtp, front = free_port(), free_port()
    extra = EXTRA.replace("LMTP", str(lmtp)).replace("FRONT", str(front))
    server = 'recipients = "any"\ntrusted = ["127.0.0.1"]'
    with serving(tmp_path_factory.mktemp("commands"), server=server, extra=extra) as running:
        yield House(running, lmtp, front)


def begin(client: Client, *recipients: str, sender: str = "a@src.test") -> Client:
    assert client.say(f"MAIL FROM:<{sender}>").startswith("250")
    for recipient in recipients:
        assert client.say(f"RCPT TO:<{recipient}>").startswith("250")
    return client


def test_a_message_comes_in_chunks_and_dots_are_nothing_special(house: House) -> None:
    with begin(Client(house.server.port).greet(), "chunks@local.test") as client:
        client.send(b"BDAT 10\r\n" + BODY[:10] + b"BDAT %d LAST\r\n" % len(BODY[10:]) + BODY[10:])
        assert client.reply() == "250 2.0.0 Chunk taken"
        assert client.reply().startswith("250 2.0.0 queued as")
        assert client.say("NOOP").startswith("250")
    [letter] = until(lambda: house.server.inbox("chunks"))
    assert letter.read_bytes().endswith(BODY.replace(b"\r\n", b"\n")) or letter.read_bytes().endswith(BODY)


def test_a_refused_chunk_is_swallowed_and_no_command(house: House) -> None:
    with begin(Client(house.server.port).greet(), "chunks@local.test", sender="closing@src.test") as client:
        client.send(b"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
        assert client.reply() == "550 5.7.1 no data"
        assert client.reply().startswith("503")
        assert client.reply().startswith("250")


def test_a_client_that_goes_between_chunks_leaves_nothing(house: House) -> None:
    with begin(Client(house.server.port).greet(), "nothing@local.test") as client:
        client.send(b"BDAT 10\r\n" + BODY[:10])
        assert client.reply().startswith("250")
        assert client.say("RSET").startswith("250")
        assert begin(client, "nothing@local.test").say("QUIT").startswith("221")
    assert house.server.inbox("nothing") == []


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("ann@known.test", "250 2.1.5 <ann@known.test>"),
        ("<ann@known.test>", "250 2.1.5 <ann@known.test>"),
        ("bob@known.test", "550 5.1.1 no such user here"),
        ("bob@elsewhere.test", "252 2.0.0"),
        ("Bob", "252 2.0.0"),
    ],
)
def test_trusted_clients_hear_who_exists(text: str, reply: str, house: House) -> None:
    with Client(house.server.port).greet() as client:
        assert client.say(f"VRFY {text}").startswith(reply)


def test_strangers_do_not(house: House) -> None:
    with Client(house.server.port, source="127.0.0.9").greet() as client:
        assert client.say("VRFY bob@known.test").startswith("252 2.0.0")
        assert client.say("EXPN staff").startswith("502")


def lmtp(house: House, *recipients: str) -> Client:
    client = Client(house.lmtp, source="127.0.0.9")
    assert client.reply() == "220 mx.test LMTP"
    assert client.say("LHLO client.test").startswith("250")
    return begin(client, *recipients)


def test_over_lmtp_each_recipient_has_its_reply_in_order(house: House) -> None:
    names = ["later@later.test", "one@local.test", "x@never.test", "one@local.test", "two@local.test"]
    with lmtp(house, *names) as client:
        assert client.say("DATA").startswith("354")
        client.send(BODY.replace(b".hi", b"..hi") + b".\r\n")
        replies = [client.reply()[:9] for _ in names]
        assert replies == ["451 4.7.1", "250 2.0.0", "550 5.7.1", "250 2.0.0", "250 2.0.0"]
        assert client.say("NOOP").startswith("250")
    assert len(until(lambda: house.server.inbox("one"))) == 1
    # Who heard it of the client's own server is not told again by mail.
    assert not [line for line in events(house.server, "failed") if line.get("recipient") == "x@never.test"]


def test_where_nobody_wants_a_message_each_says_so_for_himself(house: House) -> None:
    with lmtp(house, "x@never.test", "later@later.test") as client:
        client.send(b"BDAT %d LAST\r\n" % len(BODY) + BODY)
        assert [client.reply()[:9] for _ in range(2)] == ["550 5.7.1", "451 4.7.1"]
        assert client.say("NOOP").startswith("250")


def test_a_proxy_says_who_has_logged_in(house: House) -> None:
    with Client(house.front).greet() as client:
        assert "XCLIENT" in client.say("EHLO again.test")
        assert client.say("MAIL FROM:<ann@local.test>").startswith("530")
        assert client.say("XCLIENT ADDR=192.0.2.9 LOGIN=ann@local.test").startswith("220")
        assert client.say("EHLO client.test").startswith("250")
        assert client.say("MAIL FROM:<boss@local.test>").startswith("553")
        begin(client, "you@elsewhere.test", sender="ann@local.test")


def test_a_proxy_that_names_a_client_without_a_login_takes_it_away(house: House) -> None:
    with Client(house.front).greet() as client:
        assert client.say("XCLIENT LOGIN=ann@local.test").startswith("220")
        assert client.say("XCLIENT ADDR=192.0.2.9").startswith("220")
        assert client.say("EHLO client.test").startswith("250")
        assert client.say("MAIL FROM:<ann@local.test>").startswith("530")
