"""The whole language of rules through the daemon: stages, domains, effects, and what was decided."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.server import VSMTP, Server
from tests.server.daemon import Client, event, events, serving, strange, until
from vsmtp.queue.browse import find_decision

SOON = 'retry = ["1s"]\njitter = 0'
DOMAINS = """
[domains."strict.test"]
class = "local"
incoming = "strict"
[domains."loose.test"]
class = "local"
[[domains."marked.test".incoming]]
name = "mark"
stage = "prequeue"
do = [{ add_header = { name = "X-Marked", value = "yes" } }]
[domains."marked.test"]
class = "local"
[domains."held.test"]
class = "local"
[[domains."held.test".incoming]]
name = "hold"
stage = "postqueue"
unless.message.released = true
quarantine = "held"
[quarantines.held]
[quarantines.suspects]
keep = "30d"
[[chains.strict]]
name = "strict about subjects"
stage = "prequeue"
when.message.subject = "bad"
reject = "554 5.7.1 not in this domain"
"""
RULES = """
[limiters.senders]
key = "{sender.address}"
per = "1h"
[exports]
path = "BASE/exports"
[tables.seen]
type = "sqlite"
path = "BASE/seen.db"
writable = true
columns = { value = "text" }

[[rules.mail]]
name = "variables"
do = [
  { set = { origin = "from {sender.domain}" } },
  { add = { score = 2 } },
  { count = "senders" },
]
[[rules.rcpt]]
name = "rename"
when.rcpt.local = "old"
do = [{ rewrite_rcpt = "new@local.test" }]
[[rules.rcpt]]
name = "bcc"
when.rcpt.local = "watched"
do = [{ add_rcpt = "watcher@local.test" }]
[[rules.rcpt]]
name = "no copy for those who are refused"
when.rcpt.local = "refused"
do = [{ add_rcpt = "leak@local.test" }]
[[rules.rcpt]]
name = "refused"
when.rcpt.local = "refused"
reject = "550 5.7.1 no"
[[rules.rcpt]]
name = "rcpt variable"
when.rcpt.local = "counted"
do = [{ set = { rcpt.note = "for {rcpt.local}" } }]
[[rules.data]]
name = "no data for"
when.sender.local = "nodata"
reject = "554 5.7.1 no data for you"
[[rules.data]]
name = "before 354"
do = [{ add_header = { name = "X-Data", value = "{rcpts.count}" } }]
[[rules.prequeue]]
name = "exports"
when.message.subject = "export"
do = [{ write = "{sender.local}.eml" }, { dump = "{sender.local}.json" }]
[[rules.prequeue]]
name = "suspects"
when.message.subject = "suspicious"
quarantine = "suspects"
[[rules.prequeue]]
name = "first time"
when.message.subject = "greylist"
unless.sender.address = "@seen"
do = [{ table_set = { table = "seen", key = "{sender.address}", row = { value = "x" } } }]
defer = "451 4.7.1 come again"
[[rules.prequeue]]
name = "notice"
when.message.subject = "notify"
do = [{ notify = { to = "admin@local.test", subject = "mail from {sender.address}", text = "hello" } }]
[[rules.postqueue]]
name = "score"
when.var.score.ge = 2
do = [{ add_header = { name = "X-Score", value = "{var.score} {var.origin} {rate.senders}" } }]
[[rules.postqueue]]
name = "postqueue bounces"
when.message.subject = "bounce"
reject = "550 5.7.1 after all"
[[rules.postqueue]]
name = "postqueue drops"
when.message.subject = "drop"
discard = true
[[rules.postqueue]]
name = "once"
do = [{ add_header = { name = "X-Once", value = "{queue.attempts}" } }]
[[rules.postqueue]]
name = "wait once"
when.message.subject = "wait"
when.queue.attempts.lt = 1
defer = { code = 451, enhanced = "4.7.1", text = "wait", retry_in = "1s" }
[[rules.postqueue]]
name = "keep"
when.message.subject = "keep"
quarantine = "held"
[[rules.postqueue]]
name = "after keep"
do = [{ add_header = { name = "X-After", value = "{message.released}" } }]
[[rules.delivery]]
name = "folder"
when.rcpt.tag = "folder"
do = [{ maildir = "BASE/mail/folder" }]
[[rules.delivery]]
name = "notes"
when.rcpt.var.note.exists = true
do = [{ add_header = { name = "X-Note", value = "{rcpt.var.note} {rcpt.original}" } }]
[[rules.delivery]]
name = "nowhere"
when.rcpt.local = "nowhere"
do = [{ no_delivery = true }]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("language")
    extra = RULES.replace("BASE", str(base)) + DOMAINS
    with serving(base, extra=extra, queue=SOON) as running:
        yield running
        assert strange(running) == []
        assert events(running, "internal error") == []


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.port) as connected:
        yield connected.greet()


def message(subject: str) -> bytes:
    return f"Subject: {subject}\r\n\r\nbody\r\n".encode()


def stored(server: Server, user: str) -> str:
    return until(lambda: server.inbox(user))[0].read_text()


def queue_id(reply: str) -> str:
    assert reply.startswith("250 "), reply
    return reply.rpartition(" ")[2]


def queue(server: Server, *words: str) -> str:
    command = [*VSMTP, "queue", "-c", str(server.base), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def queued(server: Server, state: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in queue(server, "list", "--format", "json").splitlines()]
    return [row for row in rows if row["state"] == state]


def decided(server: Server, name: str, stage: str) -> list[dict[str, Any]]:
    entries = find_decision(server.base / "spool", name) or ()
    return [dict(entry) for entry in entries if entry["stage"] == stage]


def test_variables_and_counts_reach_the_rules_after_the_queue(server: Server, client: Client) -> None:
    client.mail("scored@local.test", sender="one@src.test")
    text = stored(server, "scored")
    assert "X-Score: 2 from src.test 1\n" in text
    assert "X-Data: 1\n" in text
    assert text.count("X-Once: 0") == 1


def test_a_rewritten_recipient_gets_the_mail(server: Server, client: Client) -> None:
    client.mail("old@local.test")
    assert stored(server, "new")
    assert not server.inbox("old")


def test_an_added_recipient_gets_a_copy_and_one_of_a_refused_recipient_none(
    server: Server, client: Client
) -> None:
    client.say("MAIL FROM:<a@src.test>")
    assert client.say("RCPT TO:<refused@local.test>").startswith("550")
    assert client.say("RCPT TO:<watched@local.test>").startswith("250")
    client.say("DATA")
    client.send(message("hi") + b".\r\n")
    assert client.reply().startswith("250")
    assert stored(server, "watched")
    assert stored(server, "watcher")
    assert not server.inbox("leak")


def test_data_rejects_before_the_message(client: Client) -> None:
    client.say("MAIL FROM:<nodata@src.test>")
    client.say("RCPT TO:<a@local.test>")
    assert client.say("DATA") == "554 5.7.1 no data for you"


def test_exports_are_written_before_the_250(server: Server, client: Client) -> None:
    assert client.mail("e@local.test", sender="exporter@src.test", message=message("export")).startswith(
        "250"
    )
    folder = server.base / "exports"
    assert (folder / "exporter.eml").read_bytes().endswith(b"Subject: export\r\nX-Data: 1\r\n\r\nbody\r\n")
    assert json.loads((folder / "exporter.json").read_text())["sender.address"] == "exporter@src.test"


def test_an_export_leaves_its_directory_by_no_address(server: Server, client: Client) -> None:
    before = sorted(server.base.iterdir())
    said = client.mail("e@local.test", sender='"../../out/x"@src.test', message=message("export"))
    assert said.startswith("250")
    names = [path.name for path in (server.base / "exports").rglob("*out*")]
    assert sorted(names) == ["%2E.%2F..%2Fout%2Fx.eml", "%2E.%2F..%2Fout%2Fx.json"]
    assert sorted(server.base.iterdir()) == before


def test_limits_count_what_came_through_the_daemon(server: Server) -> None:
    for _ in range(3):
        with Client(server.port).greet() as client:
            client.mail("rated@local.test", sender="rated@src.test")
    until(lambda: len(server.inbox("rated")) == 3)
    scores = "".join(path.read_text() for path in server.inbox("rated"))
    assert [scores.count(f"X-Score: 2 from src.test {count}\n") for count in (1, 2, 3)] == [1, 1, 1]


def test_a_table_is_written_before_the_verdict(server: Server, client: Client) -> None:
    assert client.mail("g@local.test", message=message("greylist")) == "451 4.7.1 come again"
    assert client.mail("g@local.test", message=message("greylist")).startswith("250")


def test_a_notice_is_queued(server: Server, client: Client) -> None:
    client.mail("n@local.test", message=message("notify"))
    text = stored(server, "admin")
    assert "Subject: mail from a@src.test\n" in text
    assert "X-Once" not in text


def test_a_rejection_after_queueing_is_a_bounce(server: Server, client: Client) -> None:
    client.mail("b@local.test", sender="bouncer@local.test", message=message("bounce"))
    assert "5.7.1 after all" in stored(server, "bouncer")


def test_a_discard_after_queueing_drops(server: Server, client: Client) -> None:
    name = queue_id(client.mail("d@local.test", message=message("drop")))
    until(lambda: decided(server, name, "delivery"))
    assert decided(server, name, "postqueue")[0]["verdict"] == "discard"
    assert decided(server, name, "delivery")[0]["outcome"] == "dropped"
    assert not server.inbox("d")


def test_a_deferral_after_queueing_goes_on_at_its_rule(server: Server, client: Client) -> None:
    client.mail("w@local.test", message=message("wait"))
    text = stored(server, "w")
    assert text.count("X-Once") == 1
    assert "X-Once: 0\n" in text
    assert "X-After: false\n" in text


def test_a_rule_may_choose_a_folder_for_a_recipient(server: Server, client: Client) -> None:
    client.mail("f+folder@local.test")
    assert until(lambda: list((server.base / "mail/folder/new").glob("*")))


def test_a_recipient_has_variables_and_an_original_address(server: Server, client: Client) -> None:
    client.mail("counted@local.test")
    assert "X-Note: for counted" in stored(server, "counted")


def test_no_delivery_ends_a_recipient(server: Server, client: Client) -> None:
    name = queue_id(client.mail("nowhere@local.test"))
    until(lambda: decided(server, name, "delivery"))
    assert decided(server, name, "delivery")[0]["rules"] == ["nowhere"]
    dropped = until(lambda: [one for one in events(server, "dropped") if one["queue"] == name])
    assert [one["recipient"] for one in dropped] == ["nowhere@local.test"]
    assert not server.inbox("nowhere")


def test_mail_held_after_queueing_goes_on_after_its_rule(server: Server, client: Client) -> None:
    name = queue_id(client.mail("k@local.test", message=message("keep")))
    until(lambda: queued(server, "quarantine/held"))
    assert "postqueue: `score`, `once`, `keep`: quarantine held" in queue(server, "show", name)
    assert not server.inbox("k")
    queue(server, "release", name)
    text = stored(server, "k")
    assert text.count("X-Once") == 1
    assert "X-After: true\n" in text


def test_mail_quarantined_before_queueing_meets_postqueue_once_released(
    server: Server, client: Client
) -> None:
    name = queue_id(client.mail("q@local.test", message=message("suspicious")))
    assert [row["id"] for row in queued(server, "quarantine/suspects")] == [name]
    queue(server, "release", name)
    assert "X-Once: 0\n" in stored(server, "q")


def test_recipients_whose_domains_judge_differently_come_apart(client: Client) -> None:
    client.say("MAIL FROM:<a@src.test>")
    assert client.say("RCPT TO:<a@loose.test>").startswith("250")
    assert client.say("RCPT TO:<b@local.test>").startswith("250")
    assert client.say("RCPT TO:<c@strict.test>").startswith("452 4.5.3")


def test_a_domain_judges_its_own_mail_alone(server: Server, client: Client) -> None:
    assert client.mail("s@strict.test", message=message("bad")) == "554 5.7.1 not in this domain"
    assert client.mail("s@loose.test", message=message("bad")).startswith("250")
    client.mail("m@marked.test")
    assert "X-Marked: yes\n" in stored(server, "m")


def test_of_several_groups_one_may_be_held_after_queueing(server: Server, client: Client) -> None:
    client.mail("free@local.test", "bound@held.test")
    assert stored(server, "free")
    (held,) = until(lambda: [row for row in queued(server, "quarantine/held") if row["recipients"]])
    assert [to["address"] for to in held["recipients"]] == ["bound@held.test"]
    assert event(server, "held")
    queue(server, "release", held["id"])
    assert stored(server, "bound").count("X-Once") == 1


def test_what_was_decided_is_remembered_past_the_end(server: Server, client: Client) -> None:
    name = queue_id(client.mail("r@local.test", sender="remember@src.test"))
    until(lambda: decided(server, name, "delivery"))
    assert decided(server, name, "mail")[0]["rules"] == ["variables"]
    assert decided(server, name, "postqueue")[0]["rules"] == ["score", "once", "after keep"]
    assert decided(server, name, "delivery")[0]["outcome"].startswith("delivered by maildir:")


def test_a_trusted_clients_recipients_are_judged_by_group_and_bounced(tmp_path: Path) -> None:
    trusting = 'recipients = "any"\ntrusted = ["127.0.0.0/8"]'
    with serving(tmp_path, extra=DOMAINS, server=trusting) as server, Client(server.port).greet() as client:
        reply = client.mail(
            "a@loose.test", "b@strict.test", "c@marked.test", sender="me@local.test", message=message("bad")
        )
        assert reply.startswith("250")
        assert "X-Marked" not in stored(server, "a")
        assert "X-Marked: yes\n" in stored(server, "c")
        assert "5.7.1 not in this domain" in stored(server, "me")
        assert not server.inbox("b")


def test_strictest_lets_one_refusal_be_for_all(tmp_path: Path) -> None:
    extra = DOMAINS + '[smtp]\nmixed_recipients = "strictest"\n'
    with serving(tmp_path, extra=extra) as server, Client(server.port).greet() as client:
        two = ("a@loose.test", "b@strict.test")
        assert client.mail(*two, message=message("bad")) == "554 5.7.1 not in this domain"
        assert client.mail(*two, message=message("good")).startswith("250")
        assert stored(server, "a")
        assert stored(server, "b")
