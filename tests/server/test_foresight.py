"""What rules after the queue will ask of the network about the client is found out before the 250."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from tests.server.parts import Guest, House, visit
from vsmtp.facts.answers import FactBook
from vsmtp.server.foresight import find_out, foreseen, of_the_network
from vsmtp.server.parcel import Held
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Answer

RULES: Final = """
[[rules.prequeue]]
name = "before"
when.iprev.result = "pass"
unavailable = "skip"
do = [{ log = "{spf.explanation}" }]
[[rules.postqueue]]
name = "after"
when.client.rdns = "host.test"
do = [{ add_header = { name = "X-Domain", value = "{spf.domain}" } }]
[[rules.delivery]]
name = "copy"
when.client.rdns_valid = true
do = [{ log = "known" }]
"""
NAMES: Final = ("client.rdns", "spf.domain", "client.rdns_valid")


def about_the_client(name: str) -> bool:
    return name.startswith(("client.rdns", "spf.", "iprev."))


def test_what_only_earlier_rules_ask_is_not_foreseen(tmp_path: Path) -> None:
    async def scenario(house: House, _: Guest) -> set[str]:
        return set(foreseen(house.parts.stages.graph, about_the_client))

    assert visit(tmp_path, RULES, scenario) == set(NAMES)


def test_what_this_release_cannot_find_out_or_knows_anyway_is_not_worth_asking() -> None:
    assert not any(of_the_network(name) for name in (*NAMES, "client.ip", "message.subject", "no.such"))


class Slow:
    """Answers what has been fetched."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.fetched: list[str] = []

    def ask(self, name: str) -> Answer:
        return self.answers[name] if name in self.fetched or name == "here" else UNASKED

    async def fetch(self, _: FactBook, name: str) -> None:
        self.fetched.append(name)


def test_what_is_not_known_yet_is_fetched_once_and_no_answer_is_one_too() -> None:
    answers: dict[str, Answer] = {
        "here": 1, "list": ("a", "b"), "none": MISSING, "down": Unavailable("timeout"),
    }  # fmt: skip
    slow = Slow(answers)
    known = asyncio.run(find_out(tuple(answers), cast("FactBook", slow), slow.fetch))
    assert known == answers
    assert slow.fetched == ["list", "none", "down"]


def test_the_answers_are_kept_with_the_message(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> list[Answer]:
        # As the network would have answered: this release does not ask it yet.
        answers: dict[str, Answer] = {
            "client.rdns": "host.test",
            "client.rdns_valid": True,
            "spf.domain": MISSING,
        }
        session = guest.session
        session.arrival._office = replace(house.office, foreseen=NAMES)
        session.visit.book.known = answers
        assert (await guest.mail("a@local.test")).startswith("250")
        (message,) = house.queued
        book = house.parts.memory().book(Held(house.spool, message, "name", 1), 0)
        return [book.ask(name) for name in NAMES]

    assert visit(tmp_path, RULES, scenario) == ["host.test", MISSING, True]
