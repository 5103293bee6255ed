from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from vsmtp.facts.answers import FactBook, World
from vsmtp.facts.organization import SuffixesJob
from vsmtp.facts.subject import Connection, Recipient, Transaction
from vsmtp.rules.language import Binding
from vsmtp.rules.template import Slot, Template, parse_template
from vsmtp.server.recipients import LocalMail, Recipients, Users
from vsmtp.server.works import Sources
from vsmtp.tables.contract import Lookup, Table
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Found, Unavailable
from vsmtp.values.envelope import Content

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Slow:
    """A table that has to be waited for, and that knows one key."""

    def __init__(self, key: str, value: str) -> None:
        self.row = {"value": value}
        self.key = key
        self.asked: list[str] = []

    async def find(self, key: str) -> Lookup:
        self.asked.append(key)
        await asyncio.sleep(0)
        return Found(self.row) if key == self.key else MISSING

    def close(self) -> None:
        pass


def book(world: World) -> FactBook:
    connection = Connection(None, None, "", None, "pickup", trusted=True)
    made = FactBook(connection, Transaction(Address("ann", "x.example")), lambda: NOW, world=world)
    made.recipient = Recipient(Address("bob", "y.example"))
    return made


def fetch(facts: FactBook, name: str, tables: Mapping[str, Table] | None = None) -> None:
    about = LocalMail(frozenset({"y.example"}), "+")
    users = Users(exists=lambda user: user == "bob")
    recipients = Recipients(about, Address("postmaster", "y.example"), users, lambda: 0.0)
    asyncio.run(Sources(tables or {}, recipients).fetch(facts, name))


def test_whether_a_user_exists_is_asked_of_the_users() -> None:
    facts = book(World())
    fetch(facts, "rcpt.known")
    assert facts.ask("rcpt.known") is True


def test_a_key_made_of_a_row_is_found_by_another_question() -> None:
    first, second = Slow("ann", "boss"), Slow("boss", "yes")
    tables = {"first": first, "second": second}
    bindings = (
        Binding(0, "a", "first", parse_template("{sender.local}")),
        Binding(1, "b", "second", Template((Slot("lookup:0.value"),))),
    )
    facts = book(World(bindings, tables))
    fetch(facts, "lookup:1.value", tables)
    assert facts.ask("lookup:1.value") == "yes"
    assert (first.asked, second.asked) == (["ann"], ["boss"])


def test_a_table_that_is_not_there_is_unavailable() -> None:
    slow = Slow("k", "v")
    facts = book(World((), {"t": slow}))
    fetch(facts, "table:t:sender.address")
    assert isinstance(facts.ask("table:t:sender.address"), Unavailable)


def test_a_large_message_is_looked_through_in_a_thread() -> None:
    facts = book(World())
    facts.transaction.head = b"Content-Type: text/plain\r\n\r\n"
    facts.transaction.body = Content(b"x" * 100_000)
    assert facts.wanted("message.attachments")
    fetch(facts, "message.attachments")
    assert facts.ask("message.attachments") == 0


def test_the_list_of_suffixes_is_read_when_it_is_needed() -> None:
    facts = book(World())
    fetch(facts, "rcpt.org_domain")
    SuffixesJob().run()
    assert facts.ask("rcpt.org_domain") == "y.example"
