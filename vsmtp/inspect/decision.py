"""What was decided of a message that is or was queued, as the spool remembers it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

# As `queue.browse.find_decision` gives them: `stage`, `time`, `rules`, `verdict`, and of one recipient's
# delivery `recipient` and `outcome`.
Entry: TypeAlias = Mapping[str, Any]


def decision_object(entries: Sequence[Entry]) -> dict[str, Any]:
    """For programs: the entries in order, times in ISO 8601."""
    return {"stages": [{**entry, "time": _moment(entry)} for entry in entries]}


def decision_lines(name: str, entries: Sequence[Entry]) -> Iterator[str]:
    """For people: a line for each decision, and one for each of its rules."""
    yield f"{name}: what was decided"
    for entry in entries:
        about = f" {entry['recipient']}" if entry.get("recipient") else ""
        ends = [str(entry[key]) for key in ("verdict", "outcome") if entry.get(key)]
        yield f"{_moment(entry)}  {entry.get('stage', '')}{about}: {', '.join(ends) or 'go on'}"
        for rule in entry.get("rules") or ():
            yield f"    `{rule}` matched"


def _moment(entry: Entry) -> str:
    moment = entry.get("time")
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
