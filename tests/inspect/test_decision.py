from __future__ import annotations

from vsmtp.inspect.decision import decision_lines, decision_object

ENTRIES = (
    {"stage": "rcpt", "time": 0, "recipient": "a@example.org", "rules": ["one", "two"], "verdict": "accept"},
    {"stage": "delivery", "time": 60.5, "rules": [], "outcome": "delivered"},
    {"stage": "mail"},
)


def test_each_decision_is_a_line_and_each_of_its_rules_another() -> None:
    assert list(decision_lines("ID", ENTRIES)) == [
        "ID: what was decided",
        "1970-01-01T00:00:00+00:00  rcpt a@example.org: accept",
        "    `one` matched",
        "    `two` matched",
        "1970-01-01T00:01:00+00:00  delivery: delivered",
        "  mail: go on",
    ]


def test_programs_get_the_entries_with_times_that_can_be_read() -> None:
    stages = decision_object(ENTRIES)["stages"]
    assert [stage["time"] for stage in stages] == [
        "1970-01-01T00:00:00+00:00",
        "1970-01-01T00:01:00+00:00",
        "",
    ]
    assert stages[0]["rules"] == ["one", "two"]
