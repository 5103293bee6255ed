from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from tests.rules.bench import TABLES, by_stage
from vsmtp.config.shipped import read_shipped
from vsmtp.facts.answers import FactBook
from vsmtp.facts.subject import Connection, Recipient, Transaction
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.evaluate import Ended, Walk
from vsmtp.rules.verdicts import Refuse
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing
from vsmtp.vocabulary.stages import Stage


def reply(address: str, *, trusted: bool, known: bool | Missing = MISSING) -> str:
    compiled = compile_rules(Ruleset({}, {}, by_stage("shipped", read_shipped())), TABLES)
    assert compiled.faults == ()
    pipeline = compiled.graph.stage(Stage.RCPT)
    assert pipeline is not None
    connection = Connection(ip_address("192.0.2.1"), 1, "mx", 25, "relay", trusted=trusted)
    book = FactBook(connection, Transaction(), lambda: datetime.now(UTC))
    book.recipient = Recipient(Address.parse(address), known=known)
    ended = Walk(pipeline, book).advance()
    assert isinstance(ended, Ended)
    return str(ended.verdict.reply) if isinstance(ended.verdict, Refuse) else ""


@pytest.mark.parametrize("address", ["a@else.example", "a@sub.example.org", "a@example.org.else.example"])
def test_a_stranger_cannot_relay(address: str) -> None:
    assert reply(address, trusted=False) == "554 5.7.1 Relay access denied"


def test_a_trusted_client_can() -> None:
    assert reply("a@else.example", trusted=True) == ""


def test_relay_domains_and_a_bare_postmaster_are_open_to_all() -> None:
    assert reply("a@relay.example", trusted=False) == ""
    assert reply("Postmaster", trusted=False) == ""


@pytest.mark.parametrize("trusted", [True, False])
def test_a_local_user_must_exist(trusted: bool) -> None:  # noqa: FBT001
    assert reply("a@EXAMPLE.org", trusted=trusted, known=True) == ""
    assert reply("a@EXAMPLE.org", trusted=trusted, known=False) == "550 5.1.1 No such user here"
