from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from vsmtp.inspect.supposing import read_world
from vsmtp.inspect.world import Supposed, World
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.values.diagnostic import Diagnostic
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.facts import FACTS


def world(tmp_path: Path, text: str) -> World:
    found = supposed(tmp_path, text)
    assert isinstance(found, World), found
    return found


def supposed(tmp_path: Path, text: str) -> World | tuple[Diagnostic, ...]:
    path = tmp_path / "world.toml"
    path.write_text(text, "utf-8")
    return read_world(path)


def fault(tmp_path: Path, text: str) -> str:
    found = supposed(tmp_path, text)
    assert not isinstance(found, World)
    [one] = found
    assert one.place is not None
    return f"{one.place.line}:{one.place.column} {one.code}: {one.message}"


class Nothing:
    def ask(self, name: str) -> Answer:
        return f"real {name}"


def test_an_empty_world_supposes_nothing(tmp_path: Path) -> None:
    assert world(tmp_path, "") == World()


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ('"client.ip" = "192.0.2.1"', "client.ip", ip_address("192.0.2.1")),
        ('client.net = "192.0.2.0/24"', "client.net", ip_network("192.0.2.0/24")),
        ('sender.address = "a@example.org"', "sender.address", Address("a", "example.org")),
        ("rcpts.count = 3", "rcpts.count", 3),
        ('message.size = "1 KiB"', "message.size", 1024),
        ('queue.age = "5m"', "queue.age", 300.0),
        ('time.clock = "01:00:05"', "time.clock", 3605),
        ("time.clock = 01:00:05", "time.clock", 3605),
        ("time.date = 2026-03-01", "time.date", date(2026, 3, 1)),
        ("message.date = 2026-03-01T00:00:00Z", "message.date", datetime(2026, 3, 1, tzinfo=UTC)),
        ("client.trusted = true", "client.trusted", True),
        ('message.headers.X-Tag = ["a", "b"]', "message.headers.x-tag", ("a", "b")),
        ('rcpts.domain = "example.org"', "rcpts.domain", ("example.org",)),
    ],
)
def test_a_fact_has_a_value_of_its_type(tmp_path: Path, written: str, name: str, value: Answer) -> None:
    assert world(tmp_path, f"[facts]\n{written}\n").facts == {name: value}


def test_a_fact_can_be_absent_or_unavailable(tmp_path: Path) -> None:
    facts = world(
        tmp_path, '[absent]\nfacts = "helo.name"\n[unavailable]\nfacts = ["rcpt.known", "time.hour"]\n'
    ).facts
    assert facts["helo.name"] is MISSING
    assert isinstance(facts["rcpt.known"], Unavailable)
    assert isinstance(facts["time.hour"], Unavailable)


def test_tables_have_rows_and_values_by_folded_keys(tmp_path: Path) -> None:
    tables = world(tmp_path, '[tables.users]\nAnn = { home = "/a" }\nbob = "x"\n').tables
    assert tables == {"users": {"ann": {"home": "/a"}, "bob": {"value": "x"}}}


def test_a_table_can_be_down(tmp_path: Path) -> None:
    assert world(tmp_path, '[unavailable]\ntables = ["users"]\n').tables == {"users": None}


def test_users_time_and_a_zone_are_taken(tmp_path: Path) -> None:
    found = world(
        tmp_path,
        'users = ["Ann"]\ntime = 2026-03-01T10:00:00Z\n[dns]\n"example.org" = { A = ["192.0.2.1"] }\n',
    )
    assert found.users == frozenset({"ann"})
    assert found.time == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert found.dns == {"example.org": {"A": ["192.0.2.1"]}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[facts]\nhelo.nmae = "x"\n', "2:6 unknown-fact: unknown fact `helo.nmae`"),
        ('[facts]\nclient.ip = "x"\n', "2:13 wrong-type: `client.ip` has the type `IP address`"),
        ("[facts]\nclient.trusted = 1\n", "2:18 wrong-type: `client.trusted` has the type `true or false`"),
        ('[facts]\ntime.weekday = "someday"\n', "2:16 wrong-type: `time.weekday` is one of"),
        ("[facts]\nrcpts.count = [1]\n", "2:15 wrong-type: `rcpts.count` has one value"),
        ('[unavailable]\nfacts = ["x.y"]\n', "2:9 unknown-fact: unknown fact `x.y`"),
        ('[worlds]\nx = "y"\n', "1:2 unknown-key: unknown key `worlds`"),
        ("users = 5\n", "1:9 wrong-type: expected a text, found an integer `5`"),
        ("time = 5\n", "1:8 wrong-type: a time is wanted here"),
        ('time = "soon"\n', "1:8 wrong-type: `soon` is no time"),
        ("[tables.users]\nann = []\n", "2:7 wrong-type: a row is a value, or a table"),
        ("[tables]\nusers = 1\n", "2:9 wrong-type: expected a table, found an integer `1`"),
        ("facts = 1\n", "1:9 wrong-type: expected a table, found an integer `1`"),
        ("x =\n", "1:4 syntax: this is not TOML"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert fault(tmp_path, text).startswith(said)


def test_what_is_supposed_takes_the_place_of_what_is(tmp_path: Path) -> None:
    facts = Supposed(Nothing(), world(tmp_path, '[facts]\nhelo.name = "x"\n[absent]\nfacts = "sender.tag"\n'))
    assert facts.ask("helo.name") == "x"
    assert facts.ask("sender.tag") is MISSING
    assert facts.ask("client.ip") == "real client.ip"


def test_a_world_lies_over_another() -> None:
    below = World({"a": 1, "b": 1}, {"t": {}}, frozenset({"x"}), {}, datetime(2026, 1, 1, tzinfo=UTC))
    above = World({"a": 2}, {"u": None})
    assert above.over(below) == World({"a": 2, "b": 1}, {"t": {}, "u": None}, below.users, {}, below.time)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_a_value_of_a_wrong_kind_is_a_fault_whatever_the_fact(tmp_path: Path, name: str) -> None:
    assert "wrong-type" in fault(tmp_path, f'[facts]\n"{name}" = [[1], {{ x = 1 }}]\n')
