from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.peers.clients import Sink
from tests.peers.programs import needs
from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.conversion import PIECE
from vsmtp.delivery.pool import Limits
from vsmtp.delivery.session import MAX_TEXT, Peer, Timeouts, _tls_context
from vsmtp.delivery.smtp import Relay
from vsmtp.smtp.parameters import MailParameters, Notify, RcptParameters, Return
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.envelope import BodyFile, Content
from vsmtp.values.outcome import Deferred, Delivered, Failed, Outcome
from vsmtp.values.reply import Reply
from vsmtp.values.secret import Secret

CONTENT = Content(b"Subject: a\r\n\r\n.dot\r\nline\r\n")
HANG_UP = "hang up"
STALL = "stall"
EHLO = "250-peer.test\r\n250-SIZE 100000000\r\n250-8BITMIME\r\n250 SMTPUTF8"
QUICK = Timeouts(connect=2, command=0.3, block=2, data=0.3, parting=0.2)


@dataclass
class ScriptedPeer:
    """Answers by the script's reply for a command's beginning, the longest that fits; counts what it sees."""

    script: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0

    def reply(self, command: str) -> str:
        usual = {
            "": "250 2.0.0 ok",
            "greeting": "220 peer",
            "EHLO": EHLO,
            "DATA": "354 go on",
            "QUIT": "221 bye",
        }
        known = usual | self.script
        return known[max((key for key in known if command.startswith(key)), key=len)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self.say("greeting", reader, writer):
            return
        while line := await reader.readline():
            command = line.decode().rstrip("\r\n")
            self.commands.append(command)
            if not await self.say(command, reader, writer):
                return
            if command == "DATA" and self.reply(command).startswith("354"):
                self.contents.append(unstuffed(await reader.readuntil(b"\r\n.\r\n")))
                if not await self.say("content", reader, writer):
                    return

    async def say(self, step: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = self.reply(step)
        if reply == STALL:
            await reader.read()
        if reply in (HANG_UP, STALL):
            return False
        writer.write(reply.encode("latin-1") + b"\r\n")
        await writer.drain()
        return step != "QUIT"


def unstuffed(octets: bytes) -> bytes:
    return b"\r\n".join(line.removeprefix(b".") for line in octets[:-3].split(b"\r\n"))


def consignment(number: int = 1, local: str = "b", **more: Any) -> Consignment:
    usual: dict[str, Any] = {
        "queue_id": 7,
        "name": "7",
        "sender": Address("a", "src.test"),
        "recipient": Address(local, "far.test"),
        "arrived": 0.0,
        "content": CONTENT,
    }
    return Consignment(number=number, **(usual | more))


Story = Callable[[Relay], Awaitable[Any]]


def against(peer: ScriptedPeer, story: Story, **more: Any) -> Any:
    limits = more.pop("limits", Limits(unreachable=0))

    async def run() -> Any:
        server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, limit=2**26)
        port = server.sockets[0].getsockname()[1]
        relay = Relay(Peer("127.0.0.1", port, "mx.test", **({"timeouts": QUICK} | more)), limits)
        try:
            return await story(relay)
        finally:
            await relay.close()
            server.close()

    return asyncio.run(run())


def deliver(peer: ScriptedPeer, *batch: Consignment, **more: Any) -> Sequence[Outcome]:
    async def story(relay: Relay) -> Sequence[Outcome]:
        return await relay.deliver(batch)

    outcomes: Sequence[Outcome] = against(peer, story, **more)
    return outcomes


def test_what_arrives_is_what_was_sent() -> None:
    peer = ScriptedPeer()
    (outcome,) = deliver(peer, consignment())
    assert isinstance(outcome, Delivered)
    assert outcome.reply == Reply(250, "2.0.0", "ok")
    assert outcome.where.startswith("smtp:127.0.0.1:")
    assert peer.contents == [CONTENT.data]
    assert peer.commands == [
        "EHLO mx.test",
        f"MAIL FROM:<a@src.test> SIZE={CONTENT.size}",
        "RCPT TO:<b@far.test>",
        "DATA",
        "QUIT",
    ]


def test_recipients_of_a_message_share_a_transaction_and_keep_their_own_outcomes() -> None:
    peer = ScriptedPeer({"RCPT TO:<no@": "550 5.1.1 who?", "RCPT TO:<later@": "450 4.2.1 busy"})
    outcomes = deliver(peer, *(consignment(n, name) for n, name in enumerate(["b", "no", "c", "later"])))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Failed, Delivered, Deferred]
    assert peer.commands.count("DATA") == 1
    assert outcomes[1].reply == Reply(550, "5.1.1", "who?")


def test_messages_go_over_the_same_connection() -> None:
    peer = ScriptedPeer()

    async def story(relay: Relay) -> None:
        for number in range(5):
            await relay.deliver([consignment(queue_id=number)])

    against(peer, story, limits=Limits(uses=3))
    assert peer.connections == 2
    assert len(peer.contents) == 5


def test_no_more_connections_than_allowed_are_open() -> None:
    peer = ScriptedPeer()
    outcomes = deliver(peer, *(consignment(queue_id=n) for n in range(40)), limits=Limits(connections=3))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert peer.most_open == 3


def test_an_idle_connection_is_left_after_its_time() -> None:
    peer = ScriptedPeer()

    async def story(relay: Relay) -> None:
        await relay.deliver([consignment()])
        assert peer.open == 1
        await asyncio.sleep(0.1)
        assert peer.open == 0

    against(peer, story, limits=Limits(idle=0.02))
    assert peer.commands[-1] == "QUIT"


@pytest.mark.parametrize("farewell", [HANG_UP, "421 4.3.2 idle too long"])
def test_a_stale_connection_is_replaced_once(farewell: str) -> None:
    peer = ScriptedPeer()

    async def story(relay: Relay) -> Sequence[Outcome]:
        await relay.deliver([consignment()])
        peer.script["MAIL FROM:<stale@"] = farewell
        stale = consignment(queue_id=8, sender=Address("stale", "src.test"))
        return await relay.deliver([stale])

    outcomes = against(peer, story)
    assert isinstance(outcomes[0], Deferred)
    assert peer.connections == 2
    assert sum(command.startswith("MAIL FROM:<stale@") for command in peer.commands) == 2


STEPS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content"]


@pytest.mark.parametrize("step", STEPS)
def test_a_refusal_for_now_defers(step: str) -> None:
    script = {step: "451 4.3.0 not now"} | ({"HELO": "451 4.3.0 not now"} if step == "EHLO" else {})
    (outcome,) = deliver(ScriptedPeer(script), consignment())
    assert isinstance(outcome, Deferred)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "content"])
def test_a_refusal_for_good_fails(step: str) -> None:
    (outcome,) = deliver(ScriptedPeer({step: "554 5.7.1 never"}), consignment())
    assert isinstance(outcome, Failed)
    assert outcome.reply == Reply(554, "5.7.1", "never")


@pytest.mark.parametrize("step", ["greeting", "EHLO"])
def test_a_server_that_refuses_everybody_only_defers(step: str) -> None:
    (outcome,) = deliver(ScriptedPeer({step: "554 no", "HELO": "554 no"}), consignment())
    assert isinstance(outcome, Deferred)


TROUBLES = [HANG_UP, STALL, "garbage", "999 x", "421 4.3.2 going", "250-" + "x" * 40000]
OUT_OF_PLACE = [("greeting", "250 ok"), ("DATA", "250 ok"), ("content", "354 go on"), ("MAIL", "354 go on")]


@pytest.mark.parametrize(
    ("step", "trouble"), [*((step, trouble) for step in STEPS for trouble in TROUBLES), *OUT_OF_PLACE]
)
def test_trouble_at_any_step_defers(step: str, trouble: str) -> None:
    peer = ScriptedPeer({step: trouble} | ({"HELO": trouble} if step == "EHLO" else {}))
    (outcome,) = deliver(peer, consignment())
    assert isinstance(outcome, Deferred)
    assert 400 <= outcome.reply.code <= 499
    assert len(outcome.reply.text) < 2 * MAX_TEXT


def test_a_break_after_some_refusals_leaves_them_as_they_are() -> None:
    peer = ScriptedPeer({"RCPT TO:<no@": "550 5.1.1 who?", "RCPT TO:<z@": HANG_UP})
    outcomes = deliver(peer, consignment(1, "no"), consignment(2, "b"), consignment(3, "z"))
    assert [type(outcome) for outcome in outcomes] == [Failed, Deferred, Deferred]


def test_a_server_that_is_down_is_not_asked_again_for_a_while() -> None:
    peer = ScriptedPeer({"greeting": "421 4.3.2 closed"})
    batch = [consignment(queue_id=n) for n in range(100)]
    outcomes = deliver(peer, *batch, limits=Limits(connections=1, unreachable=60))
    assert all(isinstance(outcome, Deferred) for outcome in outcomes)
    assert peer.connections == 1


def test_a_port_where_nobody_listens_defers() -> None:
    async def story() -> Sequence[Outcome]:
        relay = Relay(Peer("127.0.0.1", 1, "mx.test", timeouts=QUICK))
        return await relay.deliver([consignment()])

    assert isinstance(asyncio.run(story())[0], Deferred)


def test_a_peer_without_esmtp_gets_plain_mail() -> None:
    peer = ScriptedPeer({"EHLO": "502 what?"})
    (outcome,) = deliver(peer, consignment(eight_bit=True))
    assert isinstance(outcome, Delivered)
    assert "MAIL FROM:<a@src.test>" in peer.commands


def test_what_the_peer_offers_is_used() -> None:
    peer = ScriptedPeer()
    deliver(peer, consignment(sender=Address("é", "src.test"), eight_bit=True))
    assert f"MAIL FROM:<é@src.test> SIZE={CONTENT.size} BODY=8BITMIME SMTPUTF8" in peer.commands


SEVEN = {"EHLO": "250 peer.test"}
UTF8_HEADER = Content("Subject: ä\r\n\r\ntext\r\n".encode())
EIGHT = Content("Content-Type: text/plain; charset=utf-8\r\n\r\nä\r\n".encode())
SIGNED = Content(
    b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xe4\r\n--b\r\n\r\ns\r\n--b--\r\n"
)


def test_recipients_whom_the_peer_cannot_name_fail_alone() -> None:
    peer = ScriptedPeer(SEVEN)
    outcomes = deliver(peer, consignment(1, "é"), consignment(2))
    assert [type(outcome) for outcome in outcomes] == [Failed, Delivered]
    assert outcomes[0].reply.enhanced == "5.6.7"
    assert peer.contents == [CONTENT.data]


def test_nothing_is_said_where_nobody_can_be_named() -> None:
    peer = ScriptedPeer(SEVEN)
    deliver(peer, consignment(1, "é"))
    assert not any(command.startswith("MAIL") for command in peer.commands)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"sender": Address("é", "src.test")}, Failed),
        ({"smtputf8": True, "content": UTF8_HEADER}, Failed),
        ({"smtputf8": True, "content": EIGHT}, Delivered),
        ({"smtputf8": True}, Delivered),
    ],
)
def test_a_message_fails_where_it_needs_smtputf8_and_not_where_it_was_only_said(
    more: dict[str, Any], kind: type
) -> None:
    (outcome,) = deliver(ScriptedPeer({"EHLO": "250-peer.test\r\n250 8BITMIME"}), consignment(**more))
    assert isinstance(outcome, kind)
    assert isinstance(outcome, Delivered) or outcome.reply.enhanced == "5.6.7"


def test_eight_bits_are_declared_where_they_are() -> None:
    peer = ScriptedPeer()
    deliver(peer, consignment(content=EIGHT))
    assert f"MAIL FROM:<a@src.test> SIZE={EIGHT.size} BODY=8BITMIME" in peer.commands
    assert peer.contents == [EIGHT.data]


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_peer_that_takes_seven_bits_gets_seven_bits(tmp_path: Path, on_disk: bool) -> None:  # noqa: FBT001
    (tmp_path / "body").write_bytes(EIGHT.data)
    stored = Content(EIGHT.data[:43], BodyFile(tmp_path / "body", 43, EIGHT.size))
    assert stored.size == EIGHT.size
    peer = ScriptedPeer({"EHLO": "250-peer.test\r\n250 SIZE 1000"})
    (outcome,) = deliver(peer, consignment(content=stored if on_disk else EIGHT, eight_bit=True))
    assert isinstance(outcome, Delivered)
    [content] = peer.contents
    assert content.endswith(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n")
    assert "MAIL FROM:<a@src.test>" in peer.commands


def test_what_cannot_become_seven_bits_fails_unsent() -> None:
    peer = ScriptedPeer(SEVEN)
    (outcome,) = deliver(peer, consignment(content=SIGNED))
    assert isinstance(outcome, Failed)
    assert outcome.reply.enhanced == "5.6.3"
    assert "signed" in outcome.reply.text
    assert not any(command.startswith("MAIL") for command in peer.commands)


@pytest.mark.parametrize(("ehlo", "success"), [("250 DSN", "passed-on"), ("250 SIZE 1000", "relayed")])
def test_who_reports_success_is_told_by_what_the_peer_offers(ehlo: str, success: str) -> None:
    peer = ScriptedPeer({"EHLO": f"250-peer.test\r\n{ehlo}"})
    wished = RcptParameters(frozenset({Notify.SUCCESS}))
    (outcome,) = deliver(peer, consignment(wished=wished, wishes=MailParameters(Return.HDRS)))
    assert isinstance(outcome, Delivered)
    assert outcome.success == success
    assert ("RCPT TO:<b@far.test> NOTIFY=SUCCESS" in peer.commands) == (success == "passed-on")
    assert ("MAIL FROM:<a@src.test> RET=HDRS" in peer.commands) == (success == "passed-on")


def test_a_message_too_large_for_the_peer_fails_unsent() -> None:
    peer = ScriptedPeer({"EHLO": "250-peer.test\r\n250 SIZE 10"})
    (outcome,) = deliver(peer, consignment())
    assert isinstance(outcome, Failed)
    assert outcome.reply.enhanced == "5.3.4"
    assert not any(command.startswith("MAIL") for command in peer.commands)


def test_the_null_sender_stays_null() -> None:
    peer = ScriptedPeer()
    deliver(peer, consignment(sender=NULL_SENDER))
    assert any(command.startswith("MAIL FROM:<> ") for command in peer.commands)


def test_a_large_body_arrives_octet_for_octet(tmp_path: Path) -> None:
    body = tmp_path / "body"
    lines = b"".join(b"%c%d\r\n" % (46 + n % 2, n) for n in range(200_000))
    body.write_bytes(b"skip" + lines)
    assert len(lines) > 5 * PIECE
    peer = ScriptedPeer()
    content = Content(b"Subject: a\r\n\r\n", BodyFile(body, 4, 4 + len(lines)))
    (outcome,) = deliver(peer, consignment(content=content), timeouts=Timeouts())
    assert isinstance(outcome, Delivered)
    assert peer.contents == [content.data + lines]


def test_a_body_shorter_than_announced_is_never_ended(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"short\r\n")
    peer = ScriptedPeer()
    (outcome,) = deliver(peer, consignment(content=Content(b"Subject: a\r\n\r\n", BodyFile(body, 0, 100))))
    assert isinstance(outcome, Deferred)
    assert peer.contents == []


def test_more_than_a_hundred_recipients_are_parted() -> None:
    peer = ScriptedPeer()
    outcomes = deliver(peer, *(consignment(n, f"r{n}") for n in range(150)))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert peer.commands.count("DATA") == 2


def test_what_a_peer_says_is_made_printable() -> None:
    peer = ScriptedPeer({"RCPT": "550-5.1.1 \x1b[2Jé\r\n550 5.1.1 " + "y" * 5000})
    (outcome,) = deliver(peer, consignment())
    assert outcome.reply.enhanced == "5.1.1"
    assert outcome.reply.text.startswith("?[2J??\ny") or outcome.reply.text.startswith("?[2J?\ny")
    assert len(outcome.reply.text) <= MAX_TEXT


def test_required_tls_that_is_not_offered_defers() -> None:
    peer = ScriptedPeer()
    (outcome,) = deliver(peer, consignment(), tls="required")
    assert isinstance(outcome, Deferred)
    assert "STARTTLS" in outcome.reply.text
    assert peer.contents == []


@pytest.mark.parametrize("answer", ["454 4.7.0 not now", "220 go ahead"])
def test_opportunistic_tls_that_fails_is_done_without(answer: str) -> None:
    # After its 220 the scripted peer reads a handshake as a command, and answers in plain text.
    peer = ScriptedPeer({"EHLO": "250-peer.test\r\n250 STARTTLS", "STARTTLS": answer})
    (outcome,) = deliver(LatinPeer(peer.script), consignment())
    assert isinstance(outcome, Delivered)


class LatinPeer(ScriptedPeer):
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await super().talk(reader, writer)
        except UnicodeDecodeError:
            writer.write(b"500 what?\r\n")
            await writer.drain()


def test_a_password_is_not_sent_without_tls_unless_told_so() -> None:
    ehlo = {"EHLO": "250-peer.test\r\n250 AUTH PLAIN", "AUTH": "235 2.7.0 welcome"}
    login: dict[str, Any] = {"user": "me", "password": Secret("sesame")}
    refused = ScriptedPeer(dict(ehlo))
    (outcome,) = deliver(refused, consignment(), **login)
    assert isinstance(outcome, Deferred)
    assert not any(command.startswith("AUTH") for command in refused.commands)
    trusted = ScriptedPeer(dict(ehlo))
    (outcome,) = deliver(trusted, consignment(), tls="none", **login)
    assert isinstance(outcome, Delivered)
    assert any(command.startswith("AUTH PLAIN") for command in trusted.commands)


def test_a_refused_login_defers() -> None:
    peer = ScriptedPeer({"EHLO": "250-peer.test\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 no"})
    (outcome,) = deliver(peer, consignment(), tls="none", user="me", password=Secret("sesame"))
    assert isinstance(outcome, Deferred)
    assert "sesame" not in str(outcome.reply)


def test_certificates_are_checked_only_where_verified_is_asked() -> None:
    assert _tls_context("required").verify_mode == ssl.CERT_NONE
    assert _tls_context("verified").verify_mode == ssl.CERT_REQUIRED
    assert _tls_context("verified").check_hostname


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for `localhost`, with its key in one file."""
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    both = tmp_path / "both.pem"
    command = [needs("openssl"), *kind, *names, "-keyout", str(both), "-out", str(tmp_path / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    with both.open("ab") as file:
        file.write((tmp_path / "cert.pem").read_bytes())
    return both


class SecretPeer(ScriptedPeer):
    """Offers STARTTLS with a certificate, and offers AUTH under TLS only."""

    certificate: Path
    secret_ehlo: str = "250-peer.test\r\n250 AUTH PLAIN"

    async def say(self, step: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        going_on = await super().say(step, reader, writer)
        if step == "STARTTLS":
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate)
            await writer.start_tls(context)
            self.script["EHLO"] = self.secret_ehlo
            self.script["AUTH"] = "235 2.7.0 welcome"
        return going_on


@pytest.mark.parametrize("tls", ["may", "required"])
def test_mail_and_password_go_under_tls_with_any_certificate(certificate: Path, tls: str) -> None:
    peer = SecretPeer({"EHLO": "250-peer.test\r\n250 STARTTLS", "STARTTLS": "220 go ahead"})
    peer.certificate = certificate
    (outcome,) = deliver(peer, consignment(), tls=tls, user="me", password=Secret("sesame"))
    assert isinstance(outcome, Delivered)
    assert peer.contents == [CONTENT.data]
    steps = [command.split(" ")[0] for command in peer.commands]
    assert steps == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


def test_a_certificate_nobody_vouches_for_is_not_verified(certificate: Path) -> None:
    peer = SecretPeer({"EHLO": "250-peer.test\r\n250 STARTTLS", "STARTTLS": "220 go ahead"})
    peer.certificate = certificate
    (outcome,) = deliver(peer, consignment(), tls="verified")
    assert isinstance(outcome, Deferred)
    assert outcome.reply.enhanced == "4.7.5"
    assert peer.contents == []


def test_postfix_takes_what_we_send(sink: Sink) -> None:
    async def run() -> Sequence[Outcome]:
        relay = Relay(Peer("127.0.0.1", sink.port, "mx.test"), Limits(connections=2))
        batch = [
            consignment(
                n % 2,
                f"r{n % 2}",
                queue_id=n // 2,
                content=Content(b"Subject: %d\r\n\r\n.\r\n..x\r\n" % (n // 2)),
            )
            for n in range(20)
        ]
        try:
            return await relay.deliver(batch)
        finally:
            await relay.close()

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(run()))
    messages = sink.messages()
    assert len(messages) == 20
    assert all("\n.\n..x\n" in message for message in messages)


def secret_peer(certificate: Path, ehlo: str) -> SecretPeer:
    peer = SecretPeer({"EHLO": "250-peer.test\r\n250 STARTTLS", "STARTTLS": "220 go ahead"})
    peer.certificate, peer.secret_ehlo = certificate, ehlo
    return peer


@pytest.mark.parametrize("tls", ["none", "may", "verified"])
def test_mail_that_requires_tls_goes_where_the_peer_proves_its_name_and_offers_it(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
    peer = secret_peer(certificate, "250-peer.test\r\n250-DSN\r\n250 REQUIRETLS")
    wishes = MailParameters(Return.FULL, requiretls=True)
    (outcome,) = deliver(peer, consignment(wishes=wishes), tls=tls, timeouts=Timeouts())
    assert isinstance(outcome, Delivered)
    assert "MAIL FROM:<a@src.test> REQUIRETLS RET=HDRS" in peer.commands


@pytest.mark.parametrize("trouble", ["unproven", "unoffered", "in clear"])
def test_mail_that_requires_tls_fails_anywhere_else(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    if trouble == "unoffered":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
    offer = "250 DSN" if trouble == "unoffered" else "250 REQUIRETLS"
    peer = secret_peer(certificate, f"250-peer.test\r\n{offer}")
    if trouble == "in clear":
        peer.script["EHLO"] = "250-peer.test\r\n250 REQUIRETLS"
    (outcome,) = deliver(peer, consignment(wishes=MailParameters(requiretls=True)), timeouts=Timeouts())
    assert isinstance(outcome, Failed)
    assert outcome.reply.enhanced == "5.7.30"
    assert not any(command.startswith("MAIL") for command in peer.commands)


def test_mail_that_requires_tls_waits_for_a_peer_that_is_away() -> None:
    (outcome,) = deliver(
        ScriptedPeer({"greeting": HANG_UP}), consignment(wishes=MailParameters(requiretls=True))
    )
    assert isinstance(outcome, Deferred)
