"""Tables in memory: cidr, regex, the forms of an address, unions and chains."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables.opened import opened
from vsmtp.tables.cidr import Networks
from vsmtp.tables.contract import Lookup
from vsmtp.tables.joined import ChainTable, UnionTable
from vsmtp.tables.search import forms_of
from vsmtp.values.answer import MISSING, Found, Missing, Unavailable

DOWN = Unavailable("down")


class Fake:
    """A table that says one thing, and can be asked only by waiting."""

    def __init__(self, answer: Lookup) -> None:
        self.answer = answer
        self.keys: list[str] = []

    async def find(self, key: str) -> Lookup:
        self.keys.append(key)
        return self.answer

    def close(self) -> None:
        pass


NETWORKS = {
    "type": "cidr",
    "entries": {"192.0.2.0/24": "net", "192.0.2.64/26": "part", "192.0.2.65": "host", "2001:db8::/32": "six"},
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("192.0.2.1", "net"), ("192.0.2.64", "part"), ("192.0.2.65", "host"), ("2001:DB8::1", "six"),
        ("192.0.3.1", ""), ("::", ""), ("c000:0241::", ""), ("ann", ""), ("192.0.2.0/24", ""),
    ],
)  # fmt: skip
def test_an_address_is_in_the_smallest_network_around_it(key: str, value: str, tmp_path: Path) -> None:
    with opened(tmp_path, nets=NETWORKS) as tables:
        expected = Found({"value": value}) if value else MISSING
        assert asyncio.run(tables["nets"].find(key)) == expected


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=8), st.integers(0, 255))
def test_networks_answer_like_one_by_one(written: list[tuple[int, int]], last: int) -> None:
    nets = {ip_network(f"10.0.0.{host}/{length}", strict=False) for host, length in written}
    address = ip_address(f"10.0.0.{last}")
    around = max((net for net in nets if address in net), key=lambda net: net.prefixlen, default=None)
    answer = Networks({str(net): {"value": str(net)} for net in nets}).look_up(str(address))
    assert answer == (MISSING if around is None else Found({"value": str(around)}))


PATTERNS = {
    "type": "regex",
    "entries": {
        "^(?P<who>[^@]*)@old[.]example$": "{who}@new.example", "^A+$": "{{x}}", "^(?P<a>b)?c": "[{a}]",
        "^n$": "",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [("Ann@OLD.example", "Ann@new.example"), ("aaa", "{x}"), ("bc", "[b]"), ("c", "[]"), ("x\nc", "")],
)
def test_a_pattern_s_groups_fill_in_its_value(key: str, value: str, tmp_path: Path) -> None:
    with opened(tmp_path, p=PATTERNS) as tables:
        assert asyncio.run(tables["p"].find(key)) == (Found({"value": value}) if value else MISSING)


def test_a_pattern_without_a_value_has_an_empty_row(tmp_path: Path) -> None:
    with opened(tmp_path, p={"type": "regex", "entries": ["^n"]}) as tables:
        assert asyncio.run(tables["p"].find("n")) == Found({})


@pytest.mark.parametrize(
    ("key", "delimiter", "forms"),
    [
        ("a+b@c.d", "+", ["a+b@c.d", "a@c.d", "c.d"]),
        ("a@c.d", "+", ["a@c.d", "c.d"]),
        ("+b@c.d", "+", ["+b@c.d", "c.d"]),
        ("a+b@c.d", "", ["a+b@c.d", "c.d"]),
        ('"x@y"@c.d', "+", ['"x@y"@c.d', "c.d"]),
        ("c.d", "+", ["c.d"]),
        ("postmaster", "+", ["postmaster"]),
    ],
)
def test_an_address_is_looked_for_in_its_forms(key: str, delimiter: str, forms: list[str]) -> None:
    assert list(forms_of(key, ("address", "untagged", "domain"), delimiter)) == forms


def test_the_first_form_that_is_there_counts(tmp_path: Path) -> None:
    entries = {"ann@a.example": "ann", "a.example": "all"}
    declared = {"type": "inline", "entries": entries, "search": ["address", "untagged", "domain"]}
    with opened(tmp_path, t=declared) as tables:
        assert asyncio.run(tables["t"].find("Ann+tag@A.example")) == Found({"value": "ann"})
        assert asyncio.run(tables["t"].find("bob@a.example")) == Found({"value": "all"})
        assert asyncio.run(tables["t"].find("bob@b.example")) == MISSING


def test_a_union_asks_in_order_and_no_further_than_it_must() -> None:
    first, second = Fake(Found({"value": "1"})), Fake(Found({"value": "2"}))
    assert asyncio.run(UnionTable([Fake(MISSING), first, second]).find("k")) == Found({"value": "1"})
    assert (first.keys, second.keys) == (["k"], [])


def test_a_union_with_a_table_that_is_down_does_not_guess() -> None:
    assert asyncio.run(UnionTable([Fake(DOWN), Fake(Found({}))]).find("k")) == DOWN
    assert asyncio.run(UnionTable([Fake(MISSING), Fake(DOWN)]).find("k")) == DOWN


def test_a_chain_asks_for_what_the_one_before_had() -> None:
    last = Fake(Found({"a": 1}))
    assert asyncio.run(ChainTable([Fake(Found({"value": "x", "b": 2})), last]).find("k")) == Found({"a": 1})
    assert last.keys == ["x"]


@pytest.mark.parametrize("answer", [MISSING, DOWN])
def test_a_chain_ends_where_a_table_has_nothing(answer: Missing | Unavailable) -> None:
    last = Fake(Found({}))
    assert asyncio.run(ChainTable([Fake(answer), last]).find("k")) == answer
    assert last.keys == []


def test_a_file_that_cannot_be_read_is_complained_of_and_unavailable(tmp_path: Path) -> None:
    with opened(tmp_path, friends={"type": "list", "path": "none"}) as tables:
        assert isinstance(asyncio.run(tables["friends"].find("x")), Unavailable)
        assert [name for name, _ in tables.complaints] == ["friends"]
