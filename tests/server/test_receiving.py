"""Mail for a local domain lands byte for byte in a Maildir, whoever sends it."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.clients import smtp_source, swaks
from tests.peers.server import Server
from tests.server.daemon import Client, event, events, lines, serving, strange, until

MESSAGE = b"From: a@src.test\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\none\r\n.two\r\n..three\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


def only(server: Server, user: str) -> bytes:
    until(lambda: server.inbox(user))
    [path] = server.inbox(user)
    return path.read_bytes()


def test_a_message_lands_byte_for_byte_below_the_servers_own_fields(server: Server) -> None:
    with smtplib.SMTP("127.0.0.1", server.port, "client.test") as client:
        assert client.sendmail("a@src.test", ["exact@local.test"], MESSAGE) == {}
    stored = only(server, "exact")
    pattern = (
        rb"Return-Path: <a@src\.test>\r\nDelivered-To: exact@local\.test\r\n"
        rb"Received: from client\.test .*?\r\n(?:[ \t].*\r\n)*"
    )
    trace = re.match(pattern, stored)
    assert trace, stored
    assert stored[trace.end() :] == MESSAGE


def test_a_message_that_spills_to_the_disk_lands_byte_for_byte(server: Server) -> None:
    body = b"".join(b".%07d and some text\r\n" % number for number in range(60_000))
    with smtplib.SMTP("127.0.0.1", server.port, "client.test") as client:
        client.sendmail("a@src.test", ["large@local.test"], b"Subject: large\r\n\r\n" + body)
    assert only(server, "large").endswith(b"\r\nSubject: large\r\n\r\n" + body)


def test_a_message_without_a_body_or_a_header_is_kept_as_it_is(server: Server) -> None:
    with Client(server.port).greet() as client:
        assert client.mail("bare@local.test", message=b"no header at all\r\n").startswith("250 2.0.0 ")
        assert client.mail("empty@local.test", message=b"").startswith("250 2.0.0 ")
    assert only(server, "bare").endswith(b"\nno header at all\r\n")
    assert only(server, "empty").count(b"\r\n\r\n") <= 1


def test_swaks_may_name_many_recipients(server: Server) -> None:
    to = ",".join(f"many{number}@local.test" for number in range(20))
    done = swaks(server.port, "--from", "a@src.test", "--to", to)
    assert done.returncode == 0, done.stdout
    for number in range(20):
        assert b"Delivered-To: many%d@local.test\r\n" % number in only(server, f"many{number}")


@pytest.mark.parametrize(
    ("user", "options"),
    [("each", []), ("reused", ["-d"]), ("megabyte", ["-l", "1000000"])],
)
def test_smtp_source_has_every_message_delivered_once(server: Server, user: str, options: list[str]) -> None:
    to = ["-s", "5", "-m", "50", "-f", "a@src.test", "-t", f"{user}@local.test"]
    done = smtp_source(server.port, *options, *to)
    assert done.returncode == 0, done.stderr
    until(lambda: len(server.inbox(user)) >= 50)
    taken = until(lambda: _taken_for(server, f"{user}@local.test", 50))
    assert {re.sub(r".*\.Q(\w+)R0\..*", r"\1", path.name) for path in server.inbox(user)} == taken


def _taken_for(server: Server, recipient: str, messages: int) -> set[str]:
    """The names of the messages for `recipient` that the log tells of, once there are so many."""
    taken = {line["queue"] for line in events(server, "accepted") if line["recipients"] == [recipient]}
    return taken if len(taken) >= messages else set()


def test_equal_recipients_are_one(server: Server) -> None:
    with Client(server.port).greet() as client:
        client.mail("twin@local.test", "twin@LOCAL.test", "twin@local.test")
    event(server, "delivered")
    assert only(server, "twin")


def test_a_null_sender_is_written_as_such(server: Server) -> None:
    with Client(server.port).greet() as client:
        client.mail("null@local.test", sender="")
    assert only(server, "null").startswith(b"Return-Path: <>\r\n")


def test_internationalised_mail_lands_under_its_name(server: Server) -> None:
    with Client(server.port).greet() as client:
        assert client.say("MAIL FROM:<ä@src.test> SMTPUTF8 BODY=8BITMIME").startswith("250")
        assert client.say("RCPT TO:<bücher@local.test>").startswith("250")
        assert client.say("DATA").startswith("354")
        client.send("Subject: ü\r\n\r\nß\r\n.\r\n".encode())
        assert client.reply().startswith("250")
    assert only(server, "bücher").startswith("Return-Path: <ä@src.test>\r\n".encode())


def test_a_client_that_shuts_its_half_still_gets_every_reply(server: Server) -> None:
    with Client(server.port) as client:
        client.send(
            b"EHLO c.test\r\nMAIL FROM:<a@src.test>\r\nRCPT TO:<half@local.test>\r\nDATA\r\n"
            b"Subject: half\r\n\r\n.\r\nQUIT\r\n"
        )
        client.socket.shutdown(1)
        said = client.rest().splitlines()
    assert said[-2].startswith("250 2.0.0 queued as "), said
    assert said[-1].startswith("221 "), said
    assert only(server, "half")


def test_a_client_that_shuts_its_half_while_users_are_looked_up_gets_every_reply(tmp_path: Path) -> None:
    with serving(tmp_path, server="") as server, Client(server.port) as client:
        client.send(
            b"EHLO c.test\r\nMAIL FROM:<a@src.test>\r\n"
            b"RCPT TO:<root@local.test>\r\nRCPT TO:<no-one@local.test>\r\nQUIT\r\n"
        )
        client.socket.shutdown(1)
        said = client.rest().splitlines()
        assert [line[:3] for line in said[-4:]] == ["250", "250", "550", "221"], said


def test_a_client_that_breaks_off_in_a_large_message_leaves_nothing_behind(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        big = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000
        for end in (b"", b".\r\n") * 10:
            client = Client(server.port).greet()
            client.say("MAIL FROM:<a@src.test>")
            client.say("RCPT TO:<user@local.test>")
            client.say("DATA")
            client.send(big + end)
            client.vanish()
        until(lambda: not [*tmp_path.glob("spool/shard/*/bodies/*")])
        assert strange(server) == []


def test_every_line_of_the_log_names_its_session_and_message(server: Server) -> None:
    of_messages = {"accepted", "delivered", "deferred", "failed"}
    with Client(server.port).greet() as client:
        client.mail("logged@local.test")
    only(server, "logged")
    until(lambda: [line for line in events(server, "delivered") if line["recipient"] == "logged@local.test"])
    named = [line for line in lines(server) if line["event"] in of_messages]
    assert named
    assert all(line["session"] and line["queue"] for line in named)
