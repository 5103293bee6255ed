"""Mail for other domains: to whom it goes, what becomes of each recipient, what the sender hears."""

from __future__ import annotations

import email
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import pytest

from tests.peers.clients import Sink, smtp_sink, smtp_source, swaks
from tests.peers.postfix import Postfix, free_port
from tests.peers.server import Server
from tests.server.daemon import TRUSTING, Client, event, events, serving, strange, until
from tests.server.peer import SILENCE, agreeable, peer

SOON = 'retry = ["1s"]\njitter = 0'


@contextmanager
def relaying(base: Path, port: int) -> Iterator[Server]:
    with serving(base, server=TRUSTING, queue=SOON, delivery=f'smarthost = "127.0.0.1:{port}"') as server:
        yield server


def refusing(command: str) -> str:
    return "550 5.1.1 no" if "RCPT" in command else agreeable(command)


def bounces(server: Server, user: str) -> list[Message]:
    return [email.message_from_bytes(path.read_bytes()) for path in server.inbox(user)]


def recipients_of(report: Message) -> list[Message]:
    """The fields for each recipient of a report (RFC 3464 2.3)."""
    [status] = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
    return list(status.get_payload())[1:]


def test_a_stranger_may_not_relay_but_reaches_everybody_here(tmp_path: Path) -> None:
    with serving(tmp_path, server="") as server, Client(server.port).greet() as client:
        assert client.say("MAIL FROM:<a@src.test>").startswith("250")
        assert client.say("RCPT TO:<b@relay.test>").startswith("554 5.7.1 ")
        assert client.say("RCPT TO:<b%relay.test@local.test>").startswith("550 5.1.1 ")
        assert client.say("RCPT TO:<@local.test:b@relay.test>").startswith("554 5.7.1 ")
        assert client.say("RCPT TO:<no-such-user@local.test>").startswith("550 5.1.1 ")
        assert client.say("RCPT TO:<root@local.test>").startswith("250 ")
        assert client.say("RCPT TO:<root+tag@LOCAL.TEST>").startswith("250 ")
        assert client.say("RCPT TO:<Postmaster>").startswith("250 ")


def test_a_trusted_client_reaches_other_domains_by_the_smart_host(tmp_path: Path, sink: Sink) -> None:
    with relaying(tmp_path, sink.port) as server:
        done = smtp_source(server.port, "-s", "5", "-m", "50", "-f", "a@src.test", "-t", "b@relay.test")
        assert done.returncode == 0, done.stderr
        until(lambda: len(sink.messages()) == 50)
        assert all("X-Rcpt-Args: <b@relay.test>" in message for message in sink.messages())


@pytest.mark.root
def test_a_real_postfix_takes_large_mail_from_us_and_keeps_it(
    tmp_path: Path, postfix_server: Postfix
) -> None:
    with relaying(tmp_path, postfix_server.port) as server:
        body = "".join(f".{number} dots\n" for number in range(50_000))
        (tmp_path / "body").write_text(body)
        done = swaks(
            server.port, "--from", "a@src.test", "--to", "user@relay.test", "--body", f"@{tmp_path}/body"
        )
        assert done.returncode == 0, done.stdout[-500:]
        # Postfix has no way to relay.test: it takes the mail and answers for it.
        assert "250 2.0.0 Ok: queued as" in event(server, "delivered")["reply"]


def test_a_sink_that_refuses_has_the_sender_told(open_dir: Path) -> None:
    with smtp_sink(open_dir / "sink", "-f", "rcpt") as deaf, relaying(open_dir, deaf.port) as server:
        done = swaks(server.port, "--from", "me@local.test", "--to", "b@relay.test")
        assert done.returncode == 0, done.stdout
        until(lambda: server.inbox("me"))


def test_each_recipient_has_an_outcome_of_its_own(tmp_path: Path) -> None:
    again: set[str] = set()

    def answer(command: str) -> str:
        if "no@" in command:
            return "550 5.1.1 nobody here"
        if "later@" in command and "later" not in again:
            again.add("later")
            return "450 4.2.1 come again"
        return agreeable(command)

    with peer(answer) as relay, relaying(tmp_path, relay.port) as server:
        with Client(server.port).greet() as client:
            client.mail("yes@relay.test", "no@relay.test", "later@relay.test", sender="me@local.test")
        [report] = until(lambda: bounces(server, "me"))
        assert report.get_content_type() == "multipart/report"
        assert report["Return-Path"] == "<>"
        [failed] = recipients_of(report)
        assert failed["Final-Recipient"] == "rfc822; no@relay.test"
        assert failed["Action"] == "failed"
        assert failed["Status"] == "5.1.1"
        until(lambda: len(relay.messages) == 2)
        assert relay.messages[0] == relay.messages[1]
        assert sum("yes@" in command for command in relay.commands) == 1
        assert sum("no@" in command for command in relay.commands) == 1
        assert sum("later@" in command for command in relay.commands) == 2
        until(lambda: len(events(server, "delivered")) == 3)  # the report is the third
        assert event(server, "failed")["bounce"] in {line["queue"] for line in events(server, "delivered")}


@pytest.mark.slow  # a destination that could not be reached is left alone for ten seconds
def test_mail_waits_for_a_smart_host_that_is_down(tmp_path: Path) -> None:
    port = free_port()
    with relaying(tmp_path, port) as server:
        with Client(server.port).greet() as client:
            client.mail("b@relay.test")
        assert event(server, "deferred")["reply"].startswith("4")
        with peer(port=port) as relay:
            until(lambda: relay.messages, 30)


@pytest.mark.parametrize("refusal", ["554 5.7.1 go away", "552 5.3.4 too much"])
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA", "."])
def test_a_refusal_at_any_point_is_reported_once(tmp_path: Path, at: str, refusal: str) -> None:
    def answer(command: str) -> str:
        return refusal if command.startswith(at) else agreeable(command)

    with peer(answer) as relay, relaying(tmp_path, relay.port) as server:
        with Client(server.port).greet() as client:
            client.mail("b@relay.test", "c@relay.test", sender="me@local.test")
        [report] = until(lambda: bounces(server, "me"))
        assert {one["Final-Recipient"] for one in recipients_of(report)} == {
            "rfc822; b@relay.test",
            "rfc822; c@relay.test",
        }
        assert {one["Status"] for one in recipients_of(report)} == {refusal.split()[1]}


def test_a_null_sender_is_never_told(tmp_path: Path) -> None:
    with peer(refusing) as relay, relaying(tmp_path, relay.port) as server:
        with Client(server.port).greet() as client:
            client.mail("b@relay.test", sender="")
        assert event(server, "failed")["bounce"] == ""
        assert not [line for line in events(server, "delivered") if line["sender"] == ""]


def test_a_report_that_cannot_be_delivered_is_reported_to_nobody(tmp_path: Path) -> None:
    with peer(refusing) as relay, relaying(tmp_path, relay.port) as server:
        with Client(server.port).greet() as client:
            client.mail("b@relay.test", sender="a@elsewhere.test")
        until(lambda: len(events(server, "failed")) == 2)
        first, second = events(server, "failed")
        assert first["bounce"] == second["queue"]
        assert second["sender"] == second["bounce"] == ""


@pytest.mark.slow  # deliveries get ten seconds to end
@pytest.mark.parametrize("at", ["CONNECT", "."])
def test_sigterm_does_not_wait_for_a_peer_that_says_nothing(tmp_path: Path, at: str) -> None:
    def answer(command: str) -> str:
        return SILENCE if command.startswith(at) else agreeable(command)

    with peer(answer) as relay, relaying(tmp_path, relay.port) as server:
        with Client(server.port).greet() as client:
            client.mail("b@relay.test")
        until(lambda: any(command.startswith(at) for command in relay.commands))
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert time.monotonic() - began < 15
        assert strange(server) == []
    with peer() as relay, relaying(tmp_path, relay.port):
        until(lambda: relay.messages)


def test_what_a_hostile_peer_says_cannot_break_a_line(tmp_path: Path) -> None:
    says = '550-5.1.1 \x1b[31m\x00\tred\r\n550 5.1.1 {"event":"delivered"} \x85\u2028 end'

    def answer(command: str) -> str:
        return says if "RCPT" in command else agreeable(command)

    with peer(answer) as relay, relaying(tmp_path, relay.port) as server:
        with Client(server.port).greet() as client:
            client.mail("b@relay.test", sender="me@local.test")
        [report] = until(lambda: bounces(server, "me"))
        assert recipients_of(report)
        assert event(server, "failed")["recipient"] == "b@relay.test"
