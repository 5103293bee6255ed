"""Where a recipient's copy goes: by `delivery` rules, by what was said before, by its address."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from tests.server.parts import Guest, House, visit
from vsmtp.config.models.types import HostPort
from vsmtp.delivery.consignment import Transport
from vsmtp.delivery.route import Local, Route, Unroutable
from vsmtp.effects.transports import ToHost
from vsmtp.server.lanes import Goal
from vsmtp.server.parcel import Destination, Dropped, Held, Into, Lane, Parcel, Postponed
from vsmtp.values.address import Address
from vsmtp.values.outcome import Deferred, Failed
from vsmtp.values.reply import Reply

RULE = """
[[rules.delivery]]
name = "r"
{body}
"""
NO_ROUTE = Unroutable(Reply(451, "4.4.4", "nowhere to go"))
ELSEWHERE = ToHost("smtp", HostPort("192.0.2.7", 25), "may")


class Ways:
    """A lane for each goal, except where there is none."""

    def __init__(self) -> None:
        self.goals: list[Goal] = []

    def route(self, address: Address) -> Route:
        return Local() if address.domain == "local.test" else NO_ROUTE

    def lane(self, goal: Goal) -> Lane | Deferred:
        self.goals.append(goal)
        return Lane(str(goal), cast("Transport", None), 1, 1)


def sort(folder: Path, text: str, to: str = "a@local.test") -> tuple[Parcel, Destination, list[Goal]]:
    """The parcel of a message to one recipient, where it goes, and the lanes that were asked for."""

    async def scenario(house: House, guest: Guest) -> tuple[Parcel, Destination, list[Goal]]:
        answer = await guest.mail(to)
        assert answer.startswith("250"), answer
        (message,) = house.queued
        (addressee,) = message.recipients
        held = Held(house.spool, message, "name", 1)
        parcel = Parcel(held, 0, addressee.address, 0, addressee.notes, again=False)
        ways = Ways()
        placed: asyncio.Future[Destination] = asyncio.get_running_loop().create_future()
        sorting = house.parts.sorting(ways.route, ways.lane, house.works)
        sorting.settle(parcel, lambda _, destination: placed.set_result(destination))
        return parcel, await placed, ways.goals

    return visit(folder, text, scenario, trusted=True)


def test_without_rules_the_address_says_where_and_the_copy_is_the_message_itself(tmp_path: Path) -> None:
    parcel, destination, goals = sort(tmp_path, "")
    assert isinstance(destination, Into)
    assert destination.content is parcel.held.mail.content
    assert goals == [Local()]


def test_what_has_no_route_waits_for_one(tmp_path: Path) -> None:
    _, destination, goals = sort(tmp_path, "", "a@else.test")
    assert destination == Deferred("", NO_ROUTE.reply)
    assert goals == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('reject = "550 5.7.1 no"', Failed),
        ('defer = "451 4.7.1 later"', Postponed),
        ("discard = true", Dropped),
        ("do = [{ no_delivery = true }]", Dropped),
        ("accept = true", Into),
    ],
)
def test_a_rule_of_delivery_decides_for_its_recipient(tmp_path: Path, body: str, kind: type[object]) -> None:
    parcel, destination, _ = sort(tmp_path, RULE.format(body=body))
    assert isinstance(destination, kind)
    assert [rule.name for rule in parcel.matched] == ["r"]


def test_what_was_said_before_the_queue_counts_until_a_later_rule_says_else(tmp_path: Path) -> None:
    early = '[[rules.rcpt]]\nname = "early"\ndo = [{ forward = "smtp://192.0.2.7" }]\n'
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert sort(tmp_path / "one", early)[2] == [ELSEWHERE]
    parcel, _, goals = sort(
        tmp_path / "two", early + RULE.format(body='do = [{ maildir = "/srv/{rcpt.local}" }]')
    )
    assert goals == [Local()]
    assert parcel.folder is not None
    assert str(parcel.folder.path) == "/srv/a"


def test_an_edit_is_in_the_copy_and_not_in_the_message(tmp_path: Path) -> None:
    body = 'do = [{ add_header = { name = "X-Copy", value = "{rcpt.local}" } }]'
    parcel, destination, _ = sort(tmp_path, RULE.format(body=body))
    assert isinstance(destination, Into)
    assert b"X-Copy: a\r\n" in destination.content.data
    assert b"X-Copy" not in parcel.held.mail.content.data


def test_a_rewritten_recipient_goes_where_the_new_address_does(tmp_path: Path) -> None:
    body = 'do = [{ rewrite_rcpt = "b@local.test" }]'
    parcel, destination, goals = sort(tmp_path, RULE.format(body=body), "a@else.test")
    assert isinstance(destination, Into)
    assert (str(parcel.address), goals) == ("b@local.test", [Local()])
