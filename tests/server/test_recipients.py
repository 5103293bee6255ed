from __future__ import annotations

import asyncio

import pytest

from vsmtp.server.recipients import ANYBODY, SYSTEM, LocalMail, Recipients, Users
from vsmtp.tables.contract import Lookup, Row
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Found, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Unasked

OURS = LocalMail(frozenset({"here.test"}), "+")
POSTMASTER = Address.parse("root@here.test")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def recipients(*, everybody: bool, clock: Clock | None = None) -> Recipients:
    return Recipients(OURS, POSTMASTER, Users(ANYBODY if everybody else SYSTEM), clock or Clock())


def test_everybody_of_a_local_domain_may_exist() -> None:
    assert recipients(everybody=True).meet(Address.parse("who@HERE.test"), 1).known is True


def test_of_other_domains_nothing_is_known() -> None:
    assert recipients(everybody=True).meet(Address.parse("who@there.test"), 1).known is MISSING


def test_a_user_of_the_system_is_looked_up_once_a_minute() -> None:
    clock = Clock()
    some = recipients(everybody=False, clock=clock)
    root = Address.parse("Root+tag@here.test")
    assert some.meet(root, 1).known is UNASKED
    assert some.look_up(root) is True
    assert some.meet(root, 1).known is True
    clock.now = 61.0
    assert some.meet(root, 1).known is UNASKED


def test_who_is_no_user_of_the_system_is_not_known() -> None:
    some = recipients(everybody=False)
    nobody = Address.parse("no-such-user-here@here.test")
    assert some.look_up(nobody) is False
    assert some.meet(nobody, 1).known is False


@pytest.mark.parametrize("written", ["postmaster@here.test", "PostMaster+list@Here.test"])
def test_the_postmaster_of_a_local_domain_exists_and_is_who_the_tree_says(written: str) -> None:
    some = recipients(everybody=False)
    address = Address.parse(written)
    assert some.meet(address, 1).known is True
    assert some.keeper(address) == POSTMASTER


def test_where_everybody_exists_the_postmaster_has_a_mailbox_of_its_own() -> None:
    address = Address.parse("postmaster@here.test")
    assert recipients(everybody=True).keeper(address) == address


def test_a_bare_postmaster_is_who_the_tree_says() -> None:
    assert recipients(everybody=True).keeper(Address("Postmaster", "")) == POSTMASTER
    assert recipients(everybody=True).keeper(Address.parse("a@there.test")) == Address.parse("a@there.test")


class Table:
    """A table that has to be waited for."""

    def __init__(self, answer: Lookup) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def find(self, key: str) -> Lookup:
        self.asked.append(key)
        return self.answer

    def close(self) -> None:
        """Nothing is held."""


class InstantTable(Table):
    """One that need not be."""

    def look_up(self, key: str) -> Lookup | Unasked:
        self.asked.append(key)
        return self.answer


ROW: Found[Row] = Found({"value": "x"})


def by_table(table: Table) -> Recipients:
    return Recipients(OURS, POSTMASTER, Users("any", {"here.test": "@users"}, {"users": table}), Clock())


@pytest.mark.parametrize(
    ("answer", "known"), [(ROW, True), (MISSING, False), (Unavailable("down"), Unavailable("down"))]
)
def test_the_keys_of_a_table_exist(answer: Lookup, known: bool | Unavailable) -> None:  # noqa: FBT001 an answer
    who = Address.parse("Who@here.test")
    table = Table(answer)
    assert by_table(table).meet(who, 1).known is UNASKED
    assert asyncio.run(by_table(table).find_out(who)) == known
    assert table.asked == ["Who@here.test"]
    assert by_table(InstantTable(answer)).meet(who, 1).known == known


def test_without_its_table_nobody_knows() -> None:
    lost = Recipients(OURS, POSTMASTER, Users("@users"), Clock())
    assert lost.meet(Address.parse("who@here.test"), 1).known == Unavailable("there is no table `users`")


def test_what_can_be_told_at_once_is_not_asked_of_the_system() -> None:
    some = recipients(everybody=True)
    assert asyncio.run(some.find_out(Address.parse("no-such-user-here@here.test"))) is True
    assert asyncio.run(some.find_out(Address.parse("who@there.test"))) is MISSING


def test_who_exists_is_said_by_the_nearest_domain_above() -> None:
    users = Users("system", {"test": "any", "b.test": "@users"})
    assert [users.of(domain) for domain in ("a.b.test", "b.test", "c.test", "elsewhere")] == [
        "@users", "@users", "any", "system",
    ]  # fmt: skip
