"""What becomes of a rule whose table could not be written: it does what its `unavailable` says."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.server.parts import Guest, House, visit
from vsmtp.tables.contract import Lookup, Table
from vsmtp.telemetry.events import EffectFailed, RuleSkipped
from vsmtp.values.answer import MISSING, Unavailable

DOWN = Unavailable("the disk is full")
TREE = """
[tables.seen]
type = "sqlite"
path = "{folder}/seen.db"
writable = true
columns = {{ value = "text" }}
[[rules.mail]]
name = "remember"
do = [
  {{ table_set = {{ table = "seen", key = "{{sender.address}}", row = {{ value = "x" }} }} }},
]
{policy}
[[rules.mail]]
name = "behind"
do = [{{ log = "behind" }}]
"""


class Down:
    """A table that answers, but takes nothing."""

    async def find(self, key: str) -> Lookup:  # noqa: ARG002 the table is empty
        return MISSING

    def close(self) -> None:
        pass

    async def set(self, *_: object, **__: object) -> Unavailable:
        return DOWN

    async def add(self, *_: object, **__: object) -> Unavailable:
        return DOWN

    async def remove(self, *_: object) -> Unavailable:
        return DOWN


@pytest.mark.parametrize(
    ("policy", "reply", "goes_on", "skipped"),
    [
        ("", "451 4.3.0 Temporary failure, try again later", False, 0),
        ('unavailable = "skip"\nreject = "550 5.7.1 no"', "250 2.1.0", True, 1),
        ('unavailable = "match"\nreject = "550 5.7.1 no"', "550 5.7.1 no", False, 0),
        ('unavailable = "match"', "250 2.1.0", True, 0),
    ],
)
def test_a_table_that_cannot_be_written_leaves_the_rule_to_its_policy(
    tmp_path: Path,
    policy: str,
    reply: str,
    goes_on: bool,  # noqa: FBT001 parametrised
    skipped: int,
) -> None:
    async def scenario(house: House, guest: Guest) -> tuple[str, list[str], int]:
        tables = cast("dict[str, Table]", house.parts.tables)
        tables.pop("seen").close()
        tables["seen"] = Down()
        said = await guest.say(b"MAIL FROM:<a@src.test>\r\n")
        assert any(isinstance(event, EffectFailed) for event in house.log.events)
        passed = sum(isinstance(event, RuleSkipped) for event in house.log.events)
        return said, [rule for _, rule in house.parts.stages.hits], passed

    said, matched, passed = visit(tmp_path, TREE.format(folder=tmp_path, policy=policy), scenario)
    assert said.startswith(reply)
    assert ("behind" in matched) == goes_on
    assert passed == skipped
