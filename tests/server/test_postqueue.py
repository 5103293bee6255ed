"""The rules of `postqueue` by themselves: what they leave of the recipients, and what goes on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.server.parts import Guest, House, visit
from vsmtp.queue.records import NewMessage
from vsmtp.server.context import read_context
from vsmtp.server.notes import read_notes
from vsmtp.server.parcel import Destination, Dropped, Held, Postponed
from vsmtp.server.postqueue import Judged, Row
from vsmtp.values.outcome import Failed

T = TypeVar("T")
RULE = """
[[rules.postqueue]]
name = "{name}"
{body}
"""
HELD = '[quarantines.held]\n[domains."held.test"]\nclass = "local"\nincoming = "held"\n'
CHAIN = '[[chains.held]]\nname = "hold"\nstage = "postqueue"\n{body}\n'


def rows_of(message: NewMessage, attempts: int = 0) -> list[Row]:
    return [Row(n, to.address, attempts, to.notes) for n, to in enumerate(message.recipients)]


async def judge(house: House, held: Held, rows: list[Row]) -> Judged:
    done: asyncio.Future[Judged] = asyncio.get_running_loop().create_future()
    house.parts.postqueue(house.works).begin(held, rows, done.set_result)
    return await done


def judged(folder: Path, text: str, *to: str, look: Callable[[Judged], T]) -> T:
    """What `look` sees of a message to these recipients, once it was judged for the first time."""

    async def scenario(house: House, guest: Guest) -> T:
        assert (await guest.mail(*to)).startswith("250")
        (message,) = house.queued
        held = Held(house.spool, message, "name", len(message.recipients))
        return look(await judge(house, held, rows_of(message)))

    return visit(folder, text, scenario)


def destinations(result: Judged) -> dict[str, type[Destination] | None]:
    return {str(row.address): None if to is None else type(to) for row, to in result.rows}


@pytest.mark.parametrize(
    ("body", "destination"),
    [
        ('reject = "550 5.7.1 no"', Failed),
        ('defer = "451 4.7.1 later"', Postponed),
        ("discard = true", Dropped),
        ("accept = true", type(None)),
        ('do = [{ log = "x" }]', type(None)),
    ],
)
def test_a_verdict_is_every_recipients_destination(
    tmp_path: Path, body: str, destination: type[object]
) -> None:
    found = judged(
        tmp_path, RULE.format(name="r", body=body), "a@local.test", "b@local.test", look=destinations
    )
    expected = None if destination is type(None) else destination
    assert found == {"a@local.test": expected, "b@local.test": expected}


def test_where_nothing_changed_nothing_is_revised(tmp_path: Path) -> None:
    def look(result: Judged) -> object:
        return result.change and (result.change.revised, len(result.change.remarks))

    assert judged(
        tmp_path, RULE.format(name="r", body='do = [{ log = "x" }]'), "a@local.test", look=look
    ) == ((), 1)
    quiet = RULE.format(name="r", body='when.sender.local = "nobody"\nreject = "550 5.7.1 no"')
    (tmp_path / "quiet").mkdir()
    assert judged(tmp_path / "quiet", quiet, "a@local.test", look=look) is None


def test_edits_are_kept_with_the_message(tmp_path: Path) -> None:
    def look(result: Judged) -> tuple[int, object]:
        assert result.change is not None
        context = read_context(result.change.revised[0].context)
        return len(context.edits), context.passed

    body = 'do = [{ add_header = { name = "X-A", value = "1" } }]'
    assert judged(tmp_path, RULE.format(name="r", body=body), "a@local.test", look=look) == (1, {"": True})


def test_added_and_removed_recipients_are_put_on_record(tmp_path: Path) -> None:
    def look(result: Judged) -> tuple[dict[str, object], list[tuple[int, str]]]:
        assert result.change is not None
        (revision,) = result.change.revised
        return dict(destinations(result)), [(n, str(to.address)) for n, to in revision.recipients]

    body = 'do = [{ remove_rcpt = "b@local.test" }, { add_rcpt = "c@local.test" }]'
    found, kept = judged(
        tmp_path, RULE.format(name="r", body=body), "a@local.test", "b@local.test", look=look
    )
    assert found == {"a@local.test": None, "b@local.test": Dropped, "c@local.test": None}
    assert kept == [(2, "c@local.test")]


def test_a_held_group_becomes_a_message_of_its_own(tmp_path: Path) -> None:
    def look(result: Judged) -> tuple[dict[str, object], list[str], int]:
        assert result.change is not None
        (held,) = result.change.accepted
        return (
            dict(destinations(result)),
            [held.state, str(held.recipients[0].address)],
            len(result.change.finished),
        )

    text = HELD + CHAIN.format(body='quarantine = "held"')
    found = judged(tmp_path, text, "a@local.test", "b@held.test", look=look)
    assert found == ({"a@local.test": None}, ["quarantine/held", "b@held.test"], 1)


def test_what_a_chain_says_is_noted_at_its_own_recipients(tmp_path: Path) -> None:
    def look(result: Judged) -> dict[str, int]:
        return {str(row.address): len(read_notes(row.notes).edits) for row, _ in result.rows}

    text = HELD + CHAIN.format(body='do = [{ add_header = { name = "X-A", value = "1" } }]')
    assert judged(tmp_path, text, "a@local.test", "b@held.test", look=look) == {
        "a@local.test": 0,
        "b@held.test": 1,
    }


def test_a_deferral_is_gone_on_from_at_its_rule(tmp_path: Path) -> None:
    text = RULE.format(name="first", body="do = [{ add = { n = 1 } }]")
    text += RULE.format(name="wait", body='when.queue.attempts.lt = 1\ndefer = "451 4.7.1 later"')
    text += RULE.format(name="last", body='do = [{ add_header = { name = "X-N", value = "{var.n}" } }]')

    async def scenario(house: House, guest: Guest) -> tuple[dict[str, object], dict[str, object], bytes]:
        await guest.mail("a@local.test")
        (message,) = house.queued
        held = Held(house.spool, message, "name", 1)
        first = await judge(house, held, rows_of(message))
        held.mail, held.context = first.mail, first.context
        second = await judge(house, held, rows_of(message, attempts=1))
        (edit,) = second.context.edits
        return dict(destinations(first)), dict(destinations(second)), str(edit).encode()

    first, second, edit = visit(tmp_path, text, scenario)
    assert (first, second) == ({"a@local.test": Postponed}, {"a@local.test": None})
    assert b"1" in edit
    assert b"2" not in edit
