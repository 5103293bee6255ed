from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

import pytest

from vsmtp.facts.answers import FactBook, World
from vsmtp.facts.catalogue import ANSWERS
from vsmtp.facts.organization import SuffixesJob
from vsmtp.facts.questions import RecipientKnown, RowWanted
from vsmtp.facts.rates import Limiter, Rates
from vsmtp.facts.subject import Connection, Recipient, TlsState, Transaction
from vsmtp.message.edits import AddField, RemoveField
from vsmtp.rules.language import Binding
from vsmtp.rules.template import parse_template
from vsmtp.tables.contract import Lookup
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.answer import MISSING, Found, OverLimit, Unavailable
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
        user="ann@Example.org",
        mechanism="PLAIN",
        auth_success=False,
        attempt=2,
        tls=TlsState("1.3", "TLS_AES_256_GCM_SHA384", "mx.example"),
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
    "time.now": NOW,
    "tls.active": True,
    "tls.version": "1.3",
    "tls.cipher": "TLS_AES_256_GCM_SHA384",
    "tls.sni": "mx.example",
    "tls.client_cert": MISSING,
    "auth.user": "ann@Example.org",
    "auth.domain": "Example.org",
    "auth.mechanism": "PLAIN",
    "auth.success": False,
    "auth.attempt": 2,
    "sender.address": Address("Joe+news", "Example.org"),
    "sender.local": "Joe+news",
    "sender.tag": "news",
    "sender.domain": "Example.org",
    "sender.null": False,
    "sender.owned": MISSING,
    "sender.size": 1000,
    "rcpt.address": Address("c+t", "d.example"),
    "rcpt.local": "c+t",
    "rcpt.tag": "t",
    "rcpt.domain": "d.example",
    "rcpt.original": Address("c+t", "d.example"),
    "rcpt.org_domain": "d.example",
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
    "message.from_owned": MISSING,
    "message.to": (Address("a", "b.example"), Address("c", "d.example")),
    "message.cc": (),
    "message.received_count": 2,
    "message.utf8": True,
    "message.defects": (),
    "message.released": False,
    "queue.id": "q1",
    "queue.attempts": 2,
    "queue.age": 60.0,
    "message.headers.x-a": ("ä",),
    "message.raw_headers.x-a": ("=?utf-8?q?=C3=A4?=",),
    "message.header_count.received": 2,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fact_has_its_answer(name: str) -> None:
    SuffixesJob().run()
    assert book().ask(name) == EXPECTED[name]


def test_every_fact_of_the_catalogue_is_answered_or_comes_later() -> None:
    of_parts = {"message.attachments", "message.attachment_names", "message.attachment_types"}
    answered = {name for name, fact in FACTS.items() if fact.answered}
    assert answered - of_parts - {"message.mime_types", "message.text"} <= EXPECTED.keys()
    assert ANSWERS.keys() <= FACTS.keys()


@pytest.mark.parametrize("name", [
    *(name for name, fact in FACTS.items() if not fact.answered), "dnsbl.zen", "service.scan.result",
])  # fmt: skip
def test_a_fact_of_a_later_release_is_unavailable_unless_somebody_knows_it(name: str) -> None:
    facts = book()
    assert facts.ask(name) == Unavailable(f"`{name}` comes with a later release")
    facts.known = {name: "pass"}
    assert facts.ask(name) == "pass"


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
    wanted = RecipientKnown(Address("c+t", "d.example"))
    assert facts.wanted("rcpt.known") == (wanted,)
    facts.store(wanted, answer=True)
    assert facts.ask("rcpt.known") is True
    assert facts.wanted("rcpt.known") == ()
    assert facts.wanted("client.ip") == ()


def test_a_rewritten_recipient_is_looked_for_anew() -> None:
    facts = book()
    facts.store(RecipientKnown(Address("c+t", "d.example")), answer=True)
    facts.rewrite_recipient(Address("x", "y.example"))
    assert facts.ask("rcpt.known") == UNASKED
    assert facts.ask("rcpt.domain") == "y.example"
    assert facts.ask("rcpt.original") == Address("c+t", "d.example")
    facts.rewrite_recipient(Address("z", "y.example"))
    assert facts.ask("rcpt.original") == Address("c+t", "d.example")


def test_variables_are_the_mails_or_before_it_the_connections() -> None:
    connection = book().connection
    facts = FactBook(connection, None, lambda: NOW)
    facts.assign("var.seen", "early")
    facts.transaction = Transaction()
    facts.assign("var.score", 2)
    assert (facts.ask("var.seen"), facts.ask("var.score"), facts.ask("var.other")) == ("early", 2, MISSING)
    facts.transaction = Transaction()
    assert (facts.ask("var.seen"), facts.ask("var.score")) == ("early", MISSING)


def test_a_recipients_variable_is_the_one_at_hands() -> None:
    facts = book()
    facts.assign("rcpt.var.folder", "Junk")
    assert facts.ask("rcpt.var.folder") == "Junk"
    facts.recipient = Recipient(Address("o", "d.example"))
    assert facts.ask("rcpt.var.folder") == MISSING


def counting(key: str = "{sender.domain}") -> tuple[FactBook, Rates]:
    rates = Rates({"per_domain": Limiter(parse_template(key), 60)}, lambda: 0.0)
    facts = book()
    return FactBook(facts.connection, facts.transaction, lambda: NOW, world=World(rates=rates)), rates


def test_a_rate_is_that_of_the_rendered_key() -> None:
    facts, rates = counting()
    rates.count("per_domain", "example.ORG")
    assert facts.ask("rate.per_domain") == 1
    assert facts.ask("rate.other") == MISSING


def test_a_rate_is_absent_where_its_key_is() -> None:
    facts, rates = counting("{tls.client_cert}")
    rates.count("per_domain", "")
    assert facts.ask("rate.per_domain") == MISSING


def test_a_rate_waits_for_what_its_key_needs() -> None:
    facts, _ = counting("{rcpt.known}")
    facts.recipient = Recipient(Address("a", "b.example"))
    assert facts.ask("rate.per_domain") == UNASKED
    wanted = facts.wanted("rate.per_domain")
    assert wanted == (RecipientKnown(Address("a", "b.example")),)
    facts.store(wanted[0], Unavailable("down"))
    assert facts.ask("rate.per_domain") == Unavailable("down")


class SlowTable:
    async def find(self, key: str) -> Lookup:
        raise AssertionError(key)

    def close(self) -> None:
        pass


class QuickTable(SlowTable):
    def __init__(self, *keys: str) -> None:
        self.keys = keys
        self.asked: list[str] = []

    def look_up(self, key: str) -> Lookup:
        self.asked.append(key)
        return Found({"home": f"/home/{key}"}) if key in self.keys else MISSING


def with_tables(**tables: SlowTable) -> FactBook:
    bindings = (Binding(0, "user", "users", parse_template("{sender.local}")),)
    facts = book()
    world = World(bindings, tables)
    return FactBook(facts.connection, facts.transaction, lambda: NOW, world=world)


def test_a_lookup_is_asked_once_a_transaction() -> None:
    table = QuickTable("Joe+news")
    facts = with_tables(users=table)
    assert facts.ask("lookup:0.found") is True
    assert facts.ask("lookup:0.home") == "/home/Joe+news"
    assert facts.ask("lookup:0.shell") == MISSING
    assert table.asked == ["Joe+news"]
    facts.transaction = Transaction(Address("ann", "x.example"))
    assert facts.ask("lookup:0.found") is False
    assert facts.ask("lookup:0.home") == MISSING
    assert table.asked == ["Joe+news", "ann"]


def test_a_table_that_was_written_to_is_asked_anew() -> None:
    table = QuickTable()
    facts = with_tables(users=table)
    assert facts.ask("lookup:0.found") is False
    facts.forget_table("users")
    assert facts.ask("lookup:0.found") is False
    assert len(table.asked) == 2


def test_a_slow_table_is_asked_by_somebody_else() -> None:
    facts = with_tables(users=SlowTable())
    assert facts.ask("lookup:0.found") == UNASKED
    (question,) = facts.wanted("lookup:0.found")
    assert question == RowWanted("users", "Joe+news")
    facts.store(question, Found({"home": "/h"}))
    assert facts.ask("lookup:0.home") == "/h"


def test_a_table_that_is_down_is_unavailable_for_rows_and_members() -> None:
    facts = with_tables(users=SlowTable())
    for name in ("lookup:0.found", "table:users:sender.domain"):
        for question in facts.wanted(name):
            facts.store(question, Unavailable("down"))
        assert facts.ask(name) == Unavailable("down")


def test_membership_is_told_for_each_value_of_a_list() -> None:
    facts = with_tables(users=QuickTable("X.example", "a@x.example"))
    assert facts.ask("table:users:rcpts.address") == (True, False, False)
    assert facts.ask("table:users:rcpts.domain") == (True,)
    assert facts.ask("table:users:tls.client_cert") == MISSING
    assert facts.ask("table:nowhere:sender.domain") == Unavailable("there is no such table")


def test_under_asks_for_the_domain_and_those_above_it() -> None:
    table = QuickTable("org")
    facts = with_tables(vips=table)
    assert facts.ask("under:vips:sender.address") is True
    assert table.asked == ["Example.org", "org"]


def test_the_time_stands_still_within_a_stage() -> None:
    times = iter([NOW, NOW + timedelta(hours=1)])
    facts = FactBook(book().connection, None, lambda: next(times))
    assert (facts.ask("time.hour"), facts.ask("time.clock")) == (14, 52205)
    facts.begin_stage()
    assert facts.ask("time.hour") == 15
