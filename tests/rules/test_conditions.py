from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest

from tests.rules.bench import decide
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage

A = Address.parse("Joe+x@Sub.Example.org")
HOUR = 3600
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CASES: list[tuple[str, Answer, str, bool]] = [
    # IP and network
    ("client.ip", ip_address("10.1.2.3"), "'10.1.2.3'", True),
    ("client.ip", ip_address("10.1.2.3"), "'10.0.0.0/8'", True),
    ("client.ip", ip_address("11.0.0.0"), "'10.0.0.0/8'", False),
    ("client.ip", ip_address("255.255.255.255"), "'255.255.255.255'", True),
    ("client.ip", ip_address("::"), "'255.255.255.255'", False),
    ("client.ip", ip_address("::1"), "['10.0.0.0/8', '::1']", True),
    ("client.ip", ip_address("0.0.0.1"), "'::1'", False),
    ("client.ip", ip_address("127.5.5.5"), "'@trusted'", True),
    ("client.ip", ip_address("10.1.2.3"), "{not_in=['10.0.0.0/8', '10.1.0.0/16']}", False),
    ("client.ip", MISSING, "{not='10.0.0.0/8'}", True),
    ("client.net", ip_network("10.1.2.0/24"), "'10.0.0.0/8'", True),
    ("client.net", ip_network("10.1.2.0/24"), "'10.1.2.0/32'", False),
    ("client.net", ip_network("10.1.2.0/24"), "'{client.net}'", True),
    # domain
    ("rcpt.domain", "Example.ORG", "'example.org'", True),
    ("rcpt.domain", "Example.ORG", "'@local_domains'", True),
    ("rcpt.domain", "sub.example.org", "'@local_domains'", False),
    ("rcpt.domain", "sub.example.org", "{under='@local_domains'}", True),
    ("rcpt.domain", "example.org", "{under='example.org'}", True),
    ("rcpt.domain", "badexample.org", "{under='example.org'}", False),
    ("rcpt.domain", "example.org", "{under='@empty'}", False),
    ("rcpt.domain", "example.org", "{not='@empty'}", True),
    ("rcpt.domain", MISSING, "{exists=false}", True),
    ("rcpt.domain", "x.example", "{under='example', not='x.example'}", False),
    ("rcpt.domain", "x.example", "{starts_with='X.', ends_with='ple', contains='.ex'}", True),
    # address
    ("rcpt.address", A, "'joe+X@sub.example.ORG'", True),
    ("rcpt.address", A, "'joe@sub.example.org'", False),
    ("rcpt.address", A, "{under='example.org'}", True),
    ("rcpt.address", A, "{glob='joe*@*.org'}", True),
    ("rcpt.address", A, "{starts_with='JOE'}", True),
    ("rcpt.address", Address("postmaster", ""), "'Postmaster'", True),
    # text
    ("sender.local", "Straße", "'STRASSE'", True),
    ("sender.local", "abc", "{matches='B'}", False),
    ("sender.local", "abc", "{matches='(?i)B'}", True),
    ("sender.local", "abc", "{glob='b*'}", False),
    ("sender.local", "a.c", "{glob='a.c'}", True),
    ("sender.local", "abc", "{glob='a.c'}", False),
    ("sender.local", "abc", "{glob='?[a-b]c'}", True),
    ("sender.local", "abc", "{glob='[!a]*'}", False),
    ("sender.local", "a*c", "{contains='*'}", True),
    ("sender.local", "ä" * 3, "{glob='ä?ä'}", True),
    ("sender.local", "joe", "'{rcpt.local}'", False),
    ("sender.local", "{x", "'{x'", True),
    # numbers, sizes, times
    ("sender.size", 2**20, "'1 MiB'", True),
    ("sender.size", 2**20, "{gt='1 MiB'}", False),
    ("sender.size", 2**20 + 1, "{gt='1 MiB'}", True),
    ("sender.size", 2**20, "{ge='1 MiB', le=1048576}", True),
    ("sender.size", 5, "{lt=5}", False),
    ("sender.size", 4, "{lt=[3, 5]}", True),
    ("sender.size", MISSING, "{lt=5}", False),
    ("sender.size", 7, "{between=[[1, 2], [7, 9]]}", True),
    ("client.port", 25, "{not=25}", False),
    ("time.hour", 23, "{between=[22, 6]}", True),
    ("time.hour", 12, "{between=[22, 6]}", False),
    ("time.clock", 6 * HOUR, "{between=['22:00', '06:00']}", True),
    ("time.clock", 6 * HOUR + 1, "{between=['22:00', 06:00:00]}", False),
    ("time.date", date(2026, 12, 24), "{ge=2026-12-24, le='2026-12-26'}", True),
    ("time.weekday", "sunday", "['saturday', 'Sunday']", True),
    # bool
    ("rcpt.known", True, "true", True),
    ("rcpt.known", False, "{not=true}", True),
    ("rcpt.known", MISSING, "false", False),
    ("rcpt.known", True, "{unavailable=false}", True),
    # lists
    ("rcpts.domain", ("a.example", "b.example"), "'B.example'", True),
    ("rcpts.domain", ("a.example", "b.example"), "{all={under='example'}}", True),
    ("rcpts.domain", ("a.example", "b.org"), "{all={under='example'}}", False),
    ("rcpts.domain", ("a.example", "b.org"), "{any={under='example', not='a.example'}}", False),
    ("rcpts.domain", ("a.example",), "{none={in=['b.example']}}", True),
    ("rcpts.domain", (), "{all={under='example'}}", False),
    ("rcpts.domain", (), "{none={under='example'}}", True),
    ("rcpts.domain", (), "{any={under='example'}}", False),
    ("rcpts.domain", (), "{exists=false}", True),
]


@pytest.mark.parametrize(("fact", "answer", "test", "holds"), CASES)
def test_an_operator_on_a_type(fact: str, answer: Answer, test: str, holds: bool) -> None:  # noqa: FBT001
    text = f'[[rules.rcpt]]\nname = "r"\nwhen.{fact} = {test}\ndiscard = true'
    ended = decide(text, {"rcpt.local": "x", fact: answer}, Stage.RCPT)
    assert (ended.verdict is not None) == holds


@pytest.mark.parametrize(
    ("fact", "answer", "test"),
    [
        ("message.date", datetime(2026, 1, 1, tzinfo=UTC), "{lt=2026-01-01T01:00:00+00:30}"),
        ("queue.age", 299.0, "{lt='5m'}"),
        ("queue.age", 301.0, "{older_than='5m'}"),
        ("queue.age", 299.0, "{newer_than=['1s', '5m']}"),
        ("message.date", NOW - timedelta(days=5, seconds=1), "{older_than='5d'}"),
        ("message.date", NOW - timedelta(days=4), "{newer_than='5d'}"),
        ("message.date", NOW + timedelta(days=1), "{newer_than='0s', gt='{time.now}'}"),
        ("message.headers.X-Spam", ("yes", "no"), "'NO'"),
        ("message.header_count.received", 3, "{gt=2}"),
        ("message.from_domain", "example.org", "'{sender.domain}'"),
    ],
)
def test_facts_of_messages_and_queues(fact: str, answer: Answer, test: str) -> None:
    text = f'[[rules.delivery]]\nname = "r"\nwhen.{fact} = {test}\ndiscard = true'
    facts: dict[str, Answer] = {fact.lower(): answer, "sender.domain": "EXAMPLE.org", "time.now": NOW}
    ended = decide(text, facts, Stage.DELIVERY)
    assert ended.verdict is not None


def test_each_fact_of_unless_is_an_exemption_and_each_table_of_a_list_is_one() -> None:
    each = '[[rules.rcpt]]\nname = "r"\nunless.rcpt.local = "a"\nunless.rcpt.known = true\ndiscard = true'
    both = '[[rules.rcpt]]\nname = "r"\nunless = [{rcpt = {local = "a", known = true}}]\ndiscard = true'
    facts: dict[str, Answer] = {"rcpt.local": "a", "rcpt.known": False}
    assert decide(each, facts, Stage.RCPT).verdict is None
    assert decide(both, facts, Stage.RCPT).verdict is not None


def test_any_needs_one_of_its_tables() -> None:
    text = (
        '[[rules.rcpt]]\nname = "r"\nany = [{rcpt.local = "a"}, {rcpt.local = "b", rcpt.known = true}]\n'
        "discard = true"
    )
    assert decide(text, {"rcpt.local": "a"}, Stage.RCPT).verdict is not None
    assert decide(text, {"rcpt.local": "b", "rcpt.known": False}, Stage.RCPT).verdict is None
    assert decide('[[rules.rcpt]]\nname="r"\nany=[]\ndiscard=true', {}, Stage.RCPT).verdict is None
