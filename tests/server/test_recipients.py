from __future__ import annotations

import pytest

from vsmtp.server.recipients import ANYBODY, SYSTEM, LocalMail, Recipients, Users
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING
from vsmtp.vocabulary.answers import UNASKED

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
