from __future__ import annotations

from vsmtp.inspect.decision import decision_lines, decision_object
from vsmtp.inspect.rulebook import Rulebook, RuleWritten
from vsmtp.values.diagnostic import Place

BOOK = Rulebook(
    {("rules", "rcpt", 0): RuleWritten(("rules", "rcpt", 0), {"name": "one"}, Place("a.toml", 3, 1))}
)
ENTRIES = (
    {"stage": "delivery", "time": 60.5, "rules": [], "outcome": "delivered", "verdict": ""},
    {"stage": "prequeue", "time": 0, "rules": ["gone"], "verdict": "quarantine spam", "rule": "gone"},
    {
        "stage": "rcpt",
        "time": 0,
        "recipient": "a@example.org",
        "rules": ["one"],
        "verdict": "accept",
        "rule": "one",
    },
)


def test_decisions_come_by_time_and_stage_each_with_its_rules_and_their_places() -> None:
    assert list(decision_lines("ID", ENTRIES, BOOK)) == [
        "ID: what was decided",
        "",
        "rcpt a@example.org: accept  (1970-01-01T00:00:00+00:00)",
        "  yes  `one`",
        "       a.toml:3",
        "",
        "prequeue: quarantine spam  (1970-01-01T00:00:00+00:00)",
        "  yes  `gone`",
        "       not in the tree any more",
        "",
        "delivery: delivered  (1970-01-01T00:01:00+00:00)",
    ]


def test_programs_get_the_shape_of_a_rehearsal() -> None:
    first, second, third = decision_object(ENTRIES, BOOK)["stages"]
    assert first["rules"] == [
        {"name": "one", "file": "a.toml", "line": 3, "matched": True, "condition": None}
    ]
    assert (first["verdict"], first["by"], first["reply"]) == ("accept", "one", None)
    assert (second["verdict"], second["reply"]) == ("quarantine", None)
    assert (third["verdict"], third["outcome"]) == (None, "delivered")
