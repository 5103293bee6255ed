"""Groups of recipients that are judged together, and which refusal counts most."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.parts import Guest, House, visit
from vsmtp.rules.evaluate import WHOLE, Ended, Part
from vsmtp.rules.verdicts import Accept, Defer, Discard, Refuse, Verdict
from vsmtp.server.judging import Group, groups_of, strictest, whole
from vsmtp.server.mailing import Accepted, Scope
from vsmtp.values.address import Address
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.stages import Stage

NO = Refuse(Reply(550, "5.7.1", "no"))
LATER = Defer(Reply(451, "4.7.1", "later"))
CHAINS = """
[[chains.one]]
name = "of the message"
stage = "prequeue"
do = [{ log = "x" }]
[[chains.two]]
name = "of the copy"
stage = "delivery"
do = [{ log = "x" }]
[domains."one.test"]
incoming = "one"
[domains."two.test"]
incoming = "two"
"""


def group(verdict: Verdict | None) -> Group:
    return Group((), [], ended=Ended(verdict, None))


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([None, Accept(), Discard()], None),
        ([None, LATER], LATER),
        ([LATER, NO, None], NO),
        ([NO, LATER], NO),
    ],
)
def test_a_refusal_for_good_is_stricter_than_one_for_now(
    verdicts: list[Verdict | None], worst: Verdict | None
) -> None:
    found = strictest(group(verdict) for verdict in verdicts)
    assert (found and found.ended.verdict) == worst


def test_only_chains_with_rules_for_the_stage_part_recipients(tmp_path: Path) -> None:
    def to(local: str, *chains: str, trusted: bool = False) -> Accepted:
        return Accepted(Address(local, "x.test"), Scope(trusted=trusted), chains)

    async def scenario(house: House, _: Guest) -> list[tuple[tuple[str, ...] | None, list[str]]]:
        recipients = [to("a"), to("b", "one"), to("c", "two"), to("d", "one", "two"), to("e", trusted=True)]
        groups = groups_of(house.parts.stages, Stage.PREQUEUE, recipients)
        return [(one.chains, [each.address.local for each in one.recipients]) for one in groups]

    assert visit(tmp_path, CHAINS, scenario) == [((), ["a", "c"]), (("one",), ["b", "d"]), (None, ["e"])]


def test_without_domain_chains_the_part_is_the_whole_stage() -> None:
    assert whole(()) is WHOLE
    assert whole(("a",)) == Part(root=True, chains=("a",), shipped=True)
