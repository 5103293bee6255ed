from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

import pytest

from vsmtp.facts.answers import ANSWERS, FactBook
from vsmtp.facts.subject import Connection, Recipient, Transaction
from vsmtp.message.edits import AddField, RemoveField
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.answer import MISSING, OverLimit
from vsmtp.vocabulary.answers import UNASKED, Answer
from vsmtp.vocabulary.facts import FACTS

NOW = datetime(2026, 11, 22, 14, 30, 5, tzinfo=timezone(timedelta(hours=1)))
HEAD = (
    b"Received: from a\r\nReceived: from b\r\nMessage-ID: <1@x.example>\r\n"
    b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"From: Joe <joe@x.example>, al@y.example\r\n"
    b"To: a@b.example,\r\n c@d.example\r\nX-A: =?utf-8?q?=C3=A4?=\r\n\r\n"
)


def book(head: bytes | None = HEAD, sender: str = "Joe+news@Example.org") -> FactBook:
    connection = Connection(
        ip_address("::ffff:192.0.2.7"),
        4711,
        "mx",
        25,
        "relay",
        trusted=False,
        helo_name="[192.0.2.7]",
        esmtp=True,
    )
    transaction = Transaction(
        Address.parse(sender) if sender else NULL_SENDER,
        1000,
        smtputf8=True,
        recipients=[Address("a", "x.example"), Address("b", "X.example"), Address("postmaster", "")],
        head=head,
        size=99,
        queue_id="q1",
        attempts=2,
        arrived=NOW.timestamp() - 60,
    )
    made = FactBook(connection, transaction, lambda: NOW)
    made.recipient = Recipient(Address("c+t", "d.example"), 3)
    return made


EXPECTED: dict[str, Answer] = {
    "client.ip": ip_address("192.0.2.7"),
    "client.net": ip_network("192.0.2.0/24"),
    "client.port": 4711,
    "client.trusted": False,
    "client.stranger": True,
    "listener.name": "mx",
    "listener.port": 25,
    "listener.kind": "relay",
    "time.hour": 14,
    "time.weekday": "sunday",
    "time.date": date(2026, 11, 22),
    "time.clock": 52205,
    "time.iso": "2026-11-22T14:30:05+01:00",
    "helo.name": "[192.0.2.7]",
    "helo.literal": True,
    "helo.esmtp": True,
    "sender.address": Address("Joe+news", "Example.org"),
    "sender.local": "Joe+news",
    "sender.tag": "news",
    "sender.domain": "Example.org",
    "sender.null": False,
    "sender.size": 1000,
    "rcpt.address": Address("c+t", "d.example"),
    "rcpt.local": "c+t",
    "rcpt.tag": "t",
    "rcpt.domain": "d.example",
    "rcpt.known": UNASKED,
    "rcpt.index": 3,
    "rcpts.address": (Address("a", "x.example"), Address("b", "X.example"), Address("postmaster", "")),
    "rcpts.domain": ("X.example",),
    "rcpts.count": 3,
    "message.size": 99,
    "message.id": "<1@x.example>",
    "message.date": datetime(2026, 11, 22, 12, tzinfo=UTC),
    "message.subject": "Grüße",
    "message.from": Address("joe", "x.example"),
    "message.from_domain": "x.example",
    "message.to": (Address("a", "b.example"), Address("c", "d.example")),
    "message.cc": (),
    "message.received_count": 2,
    "message.utf8": True,
    "message.defects": (),
    "queue.id": "q1",
    "queue.attempts": 2,
    "queue.age": 60.0,
    "message.headers.x-a": ("ä",),
    "message.raw_headers.x-a": ("=?utf-8?q?=C3=A4?=",),
    "message.header_count.received": 2,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fact_has_its_answer(name: str) -> None:
    assert book().ask(name) == EXPECTED[name]


def test_every_fact_of_the_catalogue_is_answered() -> None:
    assert FACTS.keys() <= EXPECTED.keys()
    assert ANSWERS.keys() <= FACTS.keys()


def test_the_null_sender_has_no_address() -> None:
    null = book(sender="")
    assert null.ask("sender.null") is True
    assert {null.ask(f"sender.{name}") for name in ("address", "local", "tag", "domain")} == {MISSING}


def test_before_there_is_a_message_its_facts_are_absent() -> None:
    assert book(head=None).ask("message.subject") == MISSING


@pytest.mark.parametrize("written", [b"nonsense", b"32 Foo 99", b"x" * 500, b""])
def test_an_odd_date_is_absent(written: bytes) -> None:
    assert book(b"Date: " + written + b"\r\n\r\n").ask("message.date") == MISSING


def test_a_header_over_the_limit_is_unavailable_for_good() -> None:
    assert isinstance(book(b"A: b\r\n" * 6000 + b"\r\n").ask("message.headers.a"), OverLimit)


def test_an_edit_of_the_header_is_seen_by_the_next_question() -> None:
    facts = book()
    assert facts.ask("message.headers.x-a") == ("ä",)
    facts.apply([RemoveField("X-*"), AddField("X-B", "1")])
    assert facts.ask("message.headers.x-a") == ()
    assert facts.ask("message.headers.x-b") == ("1",)


def test_what_was_fetched_is_kept_with_the_recipient() -> None:
    facts = book()
    facts.store("rcpt.known", answer=True)
    assert facts.ask("rcpt.known") is True
    with pytest.raises(KeyError):
        facts.store("client.ip", answer=True)


def test_the_time_stands_still_within_a_stage() -> None:
    times = iter([NOW, NOW + timedelta(hours=1)])
    facts = FactBook(book().connection, None, lambda: next(times))
    assert (facts.ask("time.hour"), facts.ask("time.clock")) == (14, 52205)
    facts.begin_stage()
    assert facts.ask("time.hour") == 15
