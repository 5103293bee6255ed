"""What senders want of their mail, end to end: reports, privacy, and octets that the next server takes."""

from __future__ import annotations

import email
from email.message import Message
from pathlib import Path

import pytest

from tests.peers.clients import smtp_sink
from tests.peers.postfix import Postfix, postfix
from tests.peers.server import Server
from tests.server.daemon import TRUSTING, Client, event, events, serving, strange, until
from tests.server.peer import agreeable, peer

EIGHT_BIT = "Subject: s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n".encode()


def submit(
    client: Client,
    *recipients: str,
    mail: str = "MAIL FROM:<me@local.test>",
    message: bytes = b"Subject: s\r\n\r\nhi\r\n",
) -> None:
    """Send a message; each of `recipients` is what follows RCPT TO."""
    for command in (mail, *(f"RCPT TO:{to}" for to in recipients)):
        reply = client.say(command)
        assert reply.startswith("250"), (command, reply)
    assert client.say("DATA").startswith("354")
    client.send(message + b".\r\n")
    assert client.reply().startswith("250")


def report(paths: list[Path]) -> list[dict[str, str]]:
    """The fields of the only report among these messages: of the message, then of each recipient."""
    reports = [email.message_from_bytes(path.read_bytes()) for path in paths]
    [status] = [
        part
        for message in reports
        if message.get_content_type() == "multipart/report"
        for part in message.walk()
        if part.get_content_type() == "message/delivery-status"
    ]
    return [dict(block.items()) for block in status.get_payload() if isinstance(block, Message)]


def inbox(server: Server, user: str = "me") -> list[Path]:
    return until(lambda: server.inbox(user))


def test_a_delivery_here_is_reported_where_it_is_wanted(tmp_path: Path) -> None:
    with serving(tmp_path) as server, Client(server.port).greet() as client:
        submit(
            client,
            "<b@local.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;info+2Bb@src.test",
            "<c@local.test>",
            mail="MAIL FROM:<me@local.test> RET=HDRS ENVID=QQ+2B7",
        )
        about, *recipients = report(inbox(server))
        assert about["Original-Envelope-Id"] == "QQ+7"
        assert recipients == [
            {
                "Original-Recipient": "rfc822; info+b@src.test",
                "Final-Recipient": "rfc822; b@local.test",
                "Action": "delivered",
                "Status": "2.0.0",
            }
        ]
        until(lambda: len(events(server, "delivered")) == 3)
        assert not strange(server)


def test_what_was_handed_to_a_server_that_does_not_report_is_reported(open_dir: Path) -> None:
    with (
        smtp_sink(open_dir / "sink", "-N") as sink,
        serving(open_dir, server=TRUSTING, delivery=f'smarthost = "127.0.0.1:{sink.port}"') as server,
        Client(server.port).greet() as client,
    ):
        submit(client, "<b@relay.test> NOTIFY=SUCCESS")
        assert report(inbox(server))[1]["Action"] == "relayed"


def test_a_server_that_reports_is_told_all_and_nobody_reports_here(open_dir: Path) -> None:
    with (
        smtp_sink(open_dir / "sink") as sink,
        serving(open_dir, server=TRUSTING, delivery=f'smarthost = "127.0.0.1:{sink.port}"') as server,
        Client(server.port).greet() as client,
    ):
        submit(
            client,
            "<b@relay.test> NOTIFY=SUCCESS ORCPT=rfc822;x@y.test",
            mail="MAIL FROM:<me@local.test> RET=FULL ENVID=A1",
        )
        [message] = until(sink.messages)
        assert "RET=FULL ENVID=A1" in message
        assert "X-Rcpt-Args: <b@relay.test> NOTIFY=SUCCESS ORCPT=rfc822;x@y.test" in message
        until(lambda: events(server, "delivered"))
        assert not server.inbox("me")


def test_who_never_wants_to_hear_of_a_failure_does_not(tmp_path: Path) -> None:
    def refusing(command: str) -> str:
        return "550 5.1.1 no" if "RCPT" in command else agreeable(command)

    with (
        peer(refusing) as relay,
        serving(tmp_path, server=TRUSTING, delivery=f'smarthost = "127.0.0.1:{relay.port}"') as server,
        Client(server.port).greet() as client,
    ):
        submit(client, "<b@relay.test> NOTIFY=NEVER")
        assert event(server, "failed")["bounce"] == ""
        submit(client, "<c@relay.test> NOTIFY=FAILURE", mail="MAIL FROM:<me@local.test> RET=FULL")
        assert b"\r\nhi\r\n" in inbox(server)[0].read_bytes()
        assert [block.get("Final-Recipient") for block in report(inbox(server))[1:]] == [
            "rfc822; c@relay.test"
        ]


def test_a_server_without_8bitmime_gets_seven_bits(open_dir: Path) -> None:
    with (
        smtp_sink(open_dir / "sink", "-8") as sink,
        serving(open_dir, server=TRUSTING, delivery=f'smarthost = "127.0.0.1:{sink.port}"') as server,
        Client(server.port).greet() as client,
    ):
        submit(client, "<b@relay.test>", mail="MAIL FROM:<me@local.test> BODY=8BITMIME", message=EIGHT_BIT)
        [message] = until(sink.messages)
        assert message.isascii()
        assert "Gr=C3=BC=C3=9Fe" in message


def test_a_server_without_smtputf8_has_such_mail_returned(open_dir: Path) -> None:
    with (
        smtp_sink(open_dir / "sink") as sink,
        serving(open_dir, server=TRUSTING, delivery=f'smarthost = "127.0.0.1:{sink.port}"') as server,
        Client(server.port).greet() as client,
    ):
        submit(
            client,
            "<ü@relay.test>",
            "<b@relay.test>",
            mail="MAIL FROM:<me@local.test> BODY=8BITMIME SMTPUTF8",
        )
        [failed] = report(inbox(server))[1:]
        assert (failed["Final-Recipient"], failed["Status"]) == (r"utf-8; \x{FC}@relay.test", "5.6.7")
        [message] = until(sink.messages)
        assert "X-Rcpt-Args: <b@relay.test>" in message


HERE = {"virtual_mailbox_domains": "relay.test src.test"}


def arrived(server: Postfix, count: int) -> list[Path]:
    """What lies in the inbox of `server`, once there is so much."""
    return until(
        lambda: (
            found if server.inbox.is_dir() and len(found := sorted(server.inbox.iterdir())) == count else []
        )
    )


@pytest.mark.root
@pytest.mark.slow
def test_a_real_postfix_reports_what_we_pass_on_to_it(open_dir: Path) -> None:
    (open_dir / "postfix").mkdir()
    with (
        postfix(open_dir / "postfix", HERE) as next_one,
        serving(open_dir, server=TRUSTING, delivery=f'smarthost = "127.0.0.1:{next_one.port}"') as server,
        Client(server.port).greet() as client,
    ):
        submit(
            client,
            "<b@relay.test> NOTIFY=SUCCESS ORCPT=rfc822;x@y.test",
            mail="MAIL FROM:<me@src.test> RET=HDRS ENVID=A+2B1",
        )
        about, recipient = report(arrived(next_one, 2))
        assert about["Original-Envelope-Id"] == "A+1"
        assert recipient["Original-Recipient"] == "rfc822;x@y.test"
        assert recipient["Action"] == "delivered"
        submit(
            client,
            "<ü@relay.test>",
            mail="MAIL FROM:<me@src.test> BODY=8BITMIME SMTPUTF8",
            message="Subject: ü\r\n\r\nGrüße\r\n".encode(),
        )
        assert any("Subject: ü".encode() in path.read_bytes() for path in arrived(next_one, 3))
        assert not events(server, "failed")


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize(("discard", "text"), [("8bitmime", b"Gr=C3=BC=C3=9Fe"), ("dsn", "Grüße".encode())])
def test_a_real_postfix_gets_what_it_offers_to_take(open_dir: Path, discard: str, text: bytes) -> None:
    (open_dir / "postfix").mkdir()
    offer = {"smtpd_discard_ehlo_keywords": f"{discard}, smtputf8", **HERE}
    with (
        postfix(open_dir / "postfix", offer) as next_one,
        serving(open_dir, server=TRUSTING, delivery=f'smarthost = "127.0.0.1:{next_one.port}"') as server,
        Client(server.port).greet() as client,
    ):
        submit(client, "<b@relay.test> NOTIFY=SUCCESS", message=EIGHT_BIT)
        assert any(text in path.read_bytes() for path in arrived(next_one, 1))


@pytest.mark.root
@pytest.mark.slow
def test_a_real_postfix_leaves_the_reporting_to_us(open_dir: Path) -> None:
    (open_dir / "postfix").mkdir()
    with serving(open_dir, server=TRUSTING) as server:
        extra = {"virtual_mailbox_domains": "", "relayhost": f"[127.0.0.1]:{server.port}"}
        with postfix(open_dir / "postfix", extra) as before, Client(before.port).greet() as client:
            submit(
                client,
                "<b@local.test> NOTIFY=SUCCESS ORCPT=rfc822;x@y.test",
                mail="MAIL FROM:<me@local.test> ENVID=Z9",
            )
            about, recipient = report(inbox(server))
            assert about["Original-Envelope-Id"] == "Z9"
            assert about["Reporting-MTA"] == "dns; mx.test"
            assert recipient["Original-Recipient"] == "rfc822; x@y.test"
            assert "status=sent" in before.log
