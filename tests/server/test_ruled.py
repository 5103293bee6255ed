"""What rules say at every stage, seen from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.server import VSMTP, Server
from tests.server.daemon import Client, event, events, serving, until

SOURCE = "127.0.0.66"
LARGE = b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000

RULES = """
[[rules.connect]]
name = "nobody from there"
when.client.ip = "127.0.0.66"
reject = "554 5.7.1 not you"
[[rules.connect]]
name = "later from there"
when.client.ip = "127.0.0.67"
defer = "450 4.7.1 not now"
[[rules.connect]]
name = "marks"
do = [{ add_header = { name = "X-Connect", value = "{client.ip}" } }]

[[rules.helo]]
name = "no such name"
when.helo.name = "bad.test"
reject = "550 5.7.1 that is not your name"
[[rules.helo]]
name = "a friend"
when.helo.name = "friend.test"
trust = true
[[rules.helo]]
name = "twice"
when.helo.name = "twice.test"
do = [{ add_header = { name = "X-Helo", value = "{helo.name}" } }]
[[rules.helo]]
name = "kept apart"
when.helo.name = "quarantined.test"
quarantine = "suspects"

[quarantines.suspects]
[quarantines.virus]

[[rules.mail]]
name = "no such sender"
when.sender.domain = "bad.test"
reject = "550 5.7.1 not from there"
[[rules.mail]]
name = "greylisted"
when.sender.local = "grey"
defer = "451 4.7.1 come again"
[[rules.mail]]
name = "gone"
when.sender.local = "spam"
discard = true

[[rules.rcpt]]
name = "noisy"
when.rcpt.local = "noisy"
do = [{ log = { level = "warning", text = "mail for {rcpt.address} from {sender.address}" } }]
[[rules.rcpt]]
name = "would refuse"
when.rcpt.local = "dry"
dry_run = true
reject = "550 5.7.1 not really"
[[rules.rcpt]]
name = "closed"
when.rcpt.local = "closed"
reject = "550 5.2.1 this mailbox is closed"
[[rules.rcpt]]
name = "get out"
when.rcpt.local = "trap"
reject = { code = 554, enhanced = "5.7.1", text = "get out" }
close = true
[[rules.rcpt]]
name = "bin"
when.rcpt.local = "bin"
discard = true
[[rules.rcpt]]
name = "apart"
when.rcpt.local = "apart"
quarantine = "virus"
[[rules.rcpt]]
name = "marked"
when.rcpt.local = "marked"
do = [{ add_header = { name = "X-Rcpt", value = "for {rcpt.address}" } }]

[[rules.prequeue]]
name = "no viruses"
when.message.subject = "virus"
reject = "554 5.7.1 no viruses"
[[rules.prequeue]]
name = "not now"
when.message.subject = "busy"
defer = "451 4.7.1 not now"
[[rules.prequeue]]
name = "header"
when.message.subject = "edit"
do = [
  { prepend_header = { name = "X-Top", value = "{message.subject}" } },
  { remove_header = "X-Secret" },
  { set_header = { name = "Subject", value = "edited" } },
]
[[rules.prequeue]]
name = "to quarantine"
when.message.subject = "suspicious"
quarantine = "suspects"

[[rules.delivery]]
name = "bounced"
when.rcpt.local = "bounced"
reject = "550 5.7.1 not delivered"
[[rules.delivery]]
name = "waits"
when.rcpt.local = "waits"
defer = "451 4.7.1 waits"
[[rules.delivery]]
name = "dropped"
when.rcpt.local = "dropped"
discard = true
[[rules.delivery]]
name = "own copy"
when.rcpt.local = "copy"
do = [{ add_header = { name = "X-Delivery", value = "{rcpt.local} {queue.attempts}" } }]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("ruled"), extra=RULES) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.port) as connected:
        yield connected.greet()


def stored(server: Server, user: str) -> str:
    return until(lambda: server.inbox(user))[0].read_text()


def queue(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*VSMTP, "queue", "-c", str(server.base), *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=30
    )


def queued(server: Server) -> list[dict[str, Any]]:
    done = queue(server, "list", "--format", "json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_connect_rejects_with_554_and_closes(server: Server) -> None:
    with Client(server.port, source=SOURCE) as client:
        assert client.rest() == "554 5.7.1 not you"


def test_connect_defers_with_421_and_closes(server: Server) -> None:
    with Client(server.port, source="127.0.0.67") as client:
        assert client.rest().startswith("421 ")


def test_helo_rejects_and_another_name_will_do(server: Server) -> None:
    with Client(server.port) as client:
        assert client.reply().startswith("220")
        assert client.say("EHLO bad.test") == "550 5.7.1 that is not your name"
        assert client.say("MAIL FROM:<a@src.test>").startswith("503 ")
        assert client.say("EHLO good.test").startswith("250")


def test_mail_rejects_and_defers(client: Client) -> None:
    assert client.say("MAIL FROM:<a@bad.test>") == "550 5.7.1 not from there"
    assert client.say("MAIL FROM:<grey@src.test>") == "451 4.7.1 come again"
    assert client.say("MAIL FROM:<a@src.test>").startswith("250")


def test_rcpt_rejects_one_and_takes_the_others(server: Server, client: Client) -> None:
    client.say("MAIL FROM:<a@src.test>")
    assert client.say("RCPT TO:<closed@local.test>") == "550 5.2.1 this mailbox is closed"
    assert client.say("RCPT TO:<open@local.test>").startswith("250")
    client.say("DATA")
    client.send(b"\r\n.\r\n")
    assert client.reply().startswith("250")
    assert stored(server, "open")
    assert not server.inbox("closed")


def test_a_verdict_may_close_the_connection(client: Client) -> None:
    client.say("MAIL FROM:<a@src.test>")
    client.send(b"RCPT TO:<trap@local.test>\r\nNOOP\r\n")
    assert client.rest() == "554 5.7.1 get out"


def test_prequeue_rejects_and_defers_and_the_session_goes_on(server: Server, client: Client) -> None:
    assert client.mail("pre@local.test", message=b"Subject: virus\r\n\r\n") == "554 5.7.1 no viruses"
    assert client.mail("pre@local.test", message=b"Subject: busy\r\n\r\n") == "451 4.7.1 not now"
    assert client.mail("pre@local.test", message=b"Subject: busy\r\n\r\n" + LARGE).startswith("451")
    assert client.mail("pre@local.test").startswith("250")
    assert stored(server, "pre")
    assert len(server.inbox("pre")) == 1


def test_header_effects_are_in_the_maildir(server: Server, client: Client) -> None:
    client.mail("edited@local.test", message=b"X-Secret: 1\r\nSubject: edit\r\nx-secret: 2\r\n\r\nbody\r\n")
    text = stored(server, "edited")
    assert "X-Top: edit\n" in text
    assert "Subject: edited\n" in text
    assert "secret" not in text.casefold()
    assert "X-Connect: 127.0.0.1\n" in text
    assert text.endswith("\n\nbody\n")


def test_header_effects_reach_mail_that_spilled_to_the_disk(server: Server, client: Client) -> None:
    client.mail("spilled@local.test", message=b"X-Secret: 1\r\nSubject: edit\r\n\r\n" + LARGE)
    text = stored(server, "spilled")
    assert "Subject: edited\n" in text
    assert "X-Secret" not in text
    assert text.encode().endswith(LARGE.replace(b"\r\n", b"\n"))


def test_an_edit_at_rcpt_or_delivery_is_in_that_recipients_copy_alone(server: Server, client: Client) -> None:
    client.mail("marked@local.test", "copy@local.test", "plain@local.test")
    assert "X-Rcpt: for marked@local.test\n" in stored(server, "marked")
    assert "X-Delivery: copy 0\n" in stored(server, "copy")
    assert "X-Rcpt" not in stored(server, "copy") + stored(server, "plain")
    assert "X-Delivery" not in stored(server, "marked") + stored(server, "plain")


def test_a_second_greeting_replaces_what_rules_said_of_the_first(server: Server) -> None:
    with Client(server.port) as client:
        client.greet("twice.test").say("EHLO twice.test")
        client.mail("again@local.test")
        client.say("EHLO other.test")
        client.mail("other@local.test")
    assert stored(server, "again").count("X-Helo: twice.test") == 1
    assert "X-Helo" not in stored(server, "other")
    assert stored(server, "other").count("X-Connect") == 1


def test_a_trusted_session_meets_no_rule_before_delivery(server: Server) -> None:
    with Client(server.port) as client:
        client.greet("friend.test")
        assert client.mail(
            "closed@local.test", sender="a@bad.test", message=b"Subject: virus\r\n\r\n"
        ).startswith("250")
    assert stored(server, "closed")


@pytest.mark.parametrize("message", [b"Subject: s\r\n\r\n", LARGE], ids=["small", "large"])
def test_discarded_mail_gets_250_and_leaves_nothing(server: Server, client: Client, message: bytes) -> None:
    before = len(events(server, "discarded"))
    assert client.mail("bin@local.test", message=message).startswith("250 2.0.0 ")
    assert client.mail("someone@local.test", sender="spam@src.test", message=message).startswith("250 2.0.0 ")
    until(lambda: len(events(server, "discarded")) == before + 2)
    assert not server.inbox("bin")
    assert not server.inbox("someone")
    until(
        lambda: not [path for path in server.base.glob("spool/shard/*/bodies/*") if _is_strange(server, path)]
    )


def _is_strange(server: Server, body: Path) -> bool:
    """Whether no queued message has a body in the spool: only quarantined ones may."""
    return not any("quarantine/" in str(message["state"]) for message in queued(server))


@pytest.mark.parametrize("message", [b"Subject: s\r\n\r\nb\r\n", LARGE], ids=["small", "large"])
def test_a_quarantined_recipient_is_kept_while_the_other_is_served(tmp_path: Path, message: bytes) -> None:
    with serving(tmp_path, extra=RULES) as server, Client(server.port).greet() as client:
        reply = client.mail("user@local.test", "apart@local.test", message=message)
        assert reply.startswith("250")
        assert stored(server, "user")
        [kept] = until(lambda: queued(server))
        assert kept["state"] == "quarantine/virus"
        assert "quarantine/virus" in queue(server, "list").stdout
        assert not server.inbox("apart")
    # A restart changes nothing of it, and its body is there.
    with serving(tmp_path, extra=RULES) as server:
        [kept] = queued(server)
        assert kept["state"] == "quarantine/virus"
        bodies = [*tmp_path.glob("spool/shard/*/bodies/*")]
        assert len(bodies) == (message is LARGE)
        assert not server.inbox("apart")


@pytest.mark.parametrize(
    ("name", "subject"), [("quarantined.test", "s"), ("client.test", "suspicious")], ids=["helo", "prequeue"]
)
def test_quarantined_mail_gets_250_and_stays(tmp_path: Path, name: str, subject: str) -> None:
    with serving(tmp_path, extra=RULES) as server, Client(server.port).greet(name) as client:
        assert client.mail("user@local.test", message=f"Subject: {subject}\r\n\r\n".encode()).startswith(
            "250"
        )
        [kept] = queued(server)
        assert kept["state"] == "quarantine/suspects"
        assert event(server, "accepted")["state"] == "quarantine/suspects"


def test_the_log_effect_writes_and_a_dry_run_only_says_what_it_would_do(
    server: Server, client: Client
) -> None:
    client.mail("noisy@local.test", "dry@local.test")
    assert stored(server, "dry")
    said = until(lambda: [line for line in events(server, "rule") if line["rule"] == "noisy"])
    assert said[0]["text"] == "mail for noisy@local.test from a@src.test"
    assert said[0]["level"] == "warning"
    assert said[0]["session"]
    assert until(lambda: [line for line in events(server, "rule") if line["rule"] == "would refuse"])


def test_delivery_rejects_with_a_report(server: Server, client: Client) -> None:
    client.mail("bounced@local.test", sender="teller@local.test")
    assert "Status: 5.7.1" in stored(server, "teller")
    assert not server.inbox("bounced")


def test_delivery_defers_and_discards(tmp_path: Path) -> None:
    with serving(tmp_path, extra=RULES) as server, Client(server.port).greet() as client:
        client.mail("waits@local.test", "dropped@local.test", "user@local.test")
        assert stored(server, "user")
        assert event(server, "deferred")["reply"] == "451 4.7.1 waits"
        [waiting] = queued(server)
        [recipient] = waiting["recipients"]
        assert recipient["address"] == "waits@local.test"
        assert recipient["attempts"] == 1
        assert not server.inbox("dropped")


def test_accept_at_rcpt_permits_relaying(tmp_path: Path) -> None:
    rules = '[[rules.rcpt]]\nname = "for them"\nwhen.rcpt.domain = "relay.test"\naccept = true\n'
    with serving(tmp_path, extra=rules) as server, Client(server.port).greet() as client:
        client.say("MAIL FROM:<a@src.test>")
        assert client.say("RCPT TO:<b@relay.test>").startswith("250")
        assert client.say("RCPT TO:<b@elsewhere.test>").startswith("554 5.7.1")


def test_a_strangers_trusted_recipient_and_another_go_in_transactions_of_their_own(tmp_path: Path) -> None:
    rules = """
    [[rules.rcpt]]
    name = "vip"
    when.rcpt.local = "vip"
    trust = true
    [[rules.prequeue]]
    name = "judge"
    when.message.subject = "bad"
    reject = "554 5.7.1 no"
    """
    with serving(tmp_path, extra=rules) as server, Client(server.port).greet() as client:
        client.say("MAIL FROM:<a@src.test>")
        assert client.say("RCPT TO:<vip@local.test>").startswith("250")
        assert client.say("RCPT TO:<user@local.test>").startswith("452 4.5.3")
