"""What was decided of a message that is or was queued, as the spool remembers it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from vsmtp.inspect.rulebook import Rulebook
from vsmtp.vocabulary.stages import STAGES

# As `queue.browse.find_decision` gives them: `stage`, `time`, `rules`, `verdict`, and of one recipient's
# delivery `recipient` and `outcome`.
Entry: TypeAlias = Mapping[str, Any]

_REPLYING: Final = frozenset({"reject", "defer"})


def in_order(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries by time, those of one moment in the order of the stages."""
    return tuple(sorted(entries, key=_when))


def decision_object(entries: Sequence[Entry], book: Rulebook) -> dict[str, Any]:
    """For programs: `stages` in the shape that a rehearsal's have, as far as it is remembered.

    `rules` are those that matched, with the places that rules of these names have in the tree now.
    """
    return {"stages": [_stage(entry, book) for entry in in_order(entries)]}


def _stage(entry: Entry, book: Rulebook) -> dict[str, Any]:
    verdict, _, rest = str(entry.get("verdict") or "").partition(" ")
    kept = {key: entry[key] for key in ("recipient", "outcome") if entry.get(key)}
    return {
        "stage": entry["stage"],
        "time": _moment(entry),
        **kept,
        "rules": [_rule(name, book) for name in entry.get("rules") or ()],
        "verdict": verdict or None,
        "by": entry.get("rule"),
        "reply": rest if verdict in _REPLYING else None,
    }


def _rule(name: str, book: Rulebook) -> dict[str, Any]:
    place = book.place_of(name)
    return {"name": name, "file": place.file, "line": place.line, "matched": True, "condition": None}


def decision_lines(name: str, entries: Sequence[Entry], book: Rulebook) -> Iterator[str]:
    """For people: a line for each decision, and one for each of its rules."""
    yield f"{name}: what was decided"
    for entry in in_order(entries):
        about = f" {entry['recipient']}" if entry.get("recipient") else ""
        ends = [str(entry[key]) for key in ("verdict", "outcome") if entry.get(key)]
        yield ""
        yield f"{entry['stage']}{about}: {', '.join(ends) or 'go on'}  ({_moment(entry)})"
        for rule in entry.get("rules") or ():
            place = book.place_of(rule)
            yield f"  yes  `{rule}`"
            yield f"       {place.file}:{place.line}" if place.file else "       not in the tree any more"


def _moment(entry: Entry) -> str:
    moment = entry.get("time")
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _when(entry: Entry) -> tuple[float, int]:
    stage = STAGES.get(str(entry.get("stage")))
    return entry.get("time") or 0.0, -1 if stage is None else stage.value
