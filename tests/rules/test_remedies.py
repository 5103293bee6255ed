"""What a first user gets wrong comes with the way out."""

from __future__ import annotations

from typing import Any

import pytest

from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.reading import RuleSource
from vsmtp.vocabulary.stages import Stage

NETWORKS = "addresses are written `192.0.2.1` or `2001:db8::1`, networks `192.0.2.0/24`"


def remedies(rule: dict[str, Any], stage: Stage = Stage.RCPT) -> dict[str, str]:
    source = RuleSource(("rules", stage.label, 0), {"name": "a", **rule})
    compiled = compile_rules(Ruleset({stage: [source]}, {}, {}), {"people": ()}, {})
    return {fault.code: fault.help for fault in compiled.faults}


@pytest.mark.parametrize(
    ("rule", "code", "remedy"),
    [
        ({"reject": "450 4.7.1 Later"}, "bad-reply", "`defer` is for now, and takes 4yz"),
        ({"defer": "550 5.7.1 No"}, "bad-reply", "`reject` is for good, and takes 5yz"),
        ({"reject": "550 5.7.1 Schl\u00fcssel"}, "bad-reply", "clients would be told `?` in its place"),
        ({"reject": "550 5.7.1 a\tb"}, "bad-reply", "clients would be told `?` in its place"),
        ({"jump": "nowhere"}, "unknown-chain", "declare it: `[[chains.nowhere]]`"),
        ({"any": {"sender.null": True}}, "wrong-type", "write `any = [{ ... }, { ... }]`"),
        ({"when": {"helo": "x"}}, "unknown-fact", "there are `helo.name`, `helo.literal`, `helo.esmtp`"),
        ({"when": {"sender": {"domain": "@lists"}}}, "unknown-table", "declare it: `[tables.lists]`"),
        ({"when": {"sender": {"domain": "@peple"}}}, "unknown-table", "did you mean `@people`?"),
        (
            {"do": [{"table_remove": {"table": "seen", "key": "k"}}]}, "unknown-table",
            "declare it: `[tables.seen]`",
        ),
    ],
)  # fmt: skip
def test_a_fault_says_what_to_do(rule: dict[str, Any], code: str, remedy: str) -> None:
    assert remedies(rule)[code] == remedy


def test_a_verdict_out_of_place_says_where_its_place_is() -> None:
    found = remedies({"quarantine": "spam"}, Stage.DELIVERY)["verdict-not-allowed"]
    assert found.startswith("it may stand at `connect`, ")
    assert found.endswith("`postqueue`")


def test_a_table_where_only_text_can_stand_is_warned_of() -> None:
    found = remedies({"when": {"sender": {"domain": {"ends_with": "@people"}}}, "return": True})
    assert found == {"text-not-table": "tables stand behind `is`, `not`, `in`, `not_in` and `under`"}
    assert remedies({"when": {"sender": {"domain": {"ends_with": "@peple"}}}, "return": True}) == {}
    assert remedies({"when": {"sender": {"domain": {"under": "@people"}}}, "return": True}) == {}


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"sender": {"domain": 5}}, "a text is wanted here, not `5`"),
        ({"sender": {"size": {"gt": True}}}, "a number is wanted here, not `True`"),
        ({"client": {"trusted": "yes"}}, "`true` or `false` is wanted here, not `yes`"),
        ({"sender": {"address": "ann"}}, "`ann` is no mail address: no domain"),
        ({"client": {"ip": "ten"}}, "`ten` is no IP address: " + NETWORKS),
        (
            {"client": {"net": "10.0.0.1/8"}},
            "`10.0.0.1/8` is no network: the network that holds it is `10.0.0.0/8`",
        ),
        ({"time": {"date": "soon"}}, "a date is written `2026-12-31`, not `soon`"),
        ({"time": {"hour": 30}}, "`30` is no hour: an hour is 0 to 23"),
        (
            {"sender": {"size": "much"}},
            "`much` is not a size: write `25 MiB`, `64 KiB`, `10 MB` or a number of octets",
        ),
    ],
)
def test_what_is_wanted_is_said_once(when: dict[str, Any], message: str) -> None:
    source = RuleSource(("rules", "rcpt", 0), {"name": "a", "when": when})
    compiled = compile_rules(Ruleset({Stage.RCPT: [source]}, {}, {}), {}, {})
    assert [fault.message for fault in compiled.faults] == [message]
