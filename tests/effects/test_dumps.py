from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import ip_address

import orjson

from tests.rules.bench import LiteralFacts
from vsmtp.effects.dumps import as_json
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable
from vsmtp.vocabulary.stages import Stage

FACTS = LiteralFacts(
    {
        "client.ip": ip_address("192.0.2.1"),
        "client.trusted": True,
        "time.date": date(2026, 11, 22),
        "time.clock": 3600,
        "time.now": datetime(2026, 11, 22, tzinfo=UTC),
        "helo.name": "half \ud800",
        "rcpts.address": (Address("a", "b.example"),),
        "message.subject": Unavailable("too long"),
        "spf.result": "pass",
    },
    frozenset({"rcpt.known"}),
)


def test_a_dump_holds_what_the_stage_knows() -> None:
    said = orjson.loads(as_json(FACTS, Stage.PREQUEUE))
    assert said["stage"] == "prequeue"
    assert said["client.ip"] == "192.0.2.1"
    assert said["client.trusted"] is True
    assert (said["time.date"], said["time.now"]) == ("2026-11-22", "2026-11-22T00:00:00+00:00")
    assert said["helo.name"] == "half ?"
    assert said["rcpts.address"] == ["a@b.example"]
    assert said["message.subject"] == {"unavailable": "too long"}
    assert said["sender.address"] is None
    assert "spf.result" not in said
    assert "rcpt.address" not in said


def test_what_comes_later_or_was_not_asked_is_left_out() -> None:
    assert "message.subject" not in orjson.loads(as_json(FACTS, Stage.MAIL))
    assert "rcpt.known" not in orjson.loads(as_json(FACTS, Stage.RCPT))
