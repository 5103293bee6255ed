"""What is known of session and mail as JSON, for `dump`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import orjson

from vsmtp.rules.template import text_of
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.vocabulary.answers import Answer, Facts, Unasked
from vsmtp.vocabulary.facts import FACTS, Cost, Fact
from vsmtp.vocabulary.stages import Stage


def as_json(facts: Facts, stage: Stage) -> bytes:
    """An object of the catalogue's facts that `stage` has: null where absent, a list for a list fact.

    What is unavailable is `{"unavailable": reason}`; what only the network knows, or nobody has asked yet, is
    left out.
    """
    said: dict[str, Any] = {"stage": stage.label}
    for name, fact in FACTS.items():
        if _is_known(fact, stage):
            answer = facts.ask(name)
            if not isinstance(answer, Unasked):
                said[name] = _as_value(answer, fact)
    return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _is_known(fact: Fact, stage: Stage) -> bool:
    in_time = fact.first <= stage and (not fact.only or stage in fact.only)
    return in_time and fact.answered and fact.cost is not Cost.NETWORK


def _as_value(answer: Answer, fact: Fact) -> Any:
    match answer:
        case Missing() | Unasked():
            return None
        case Unavailable(reason):
            return {"unavailable": _valid(reason)}
        case tuple():
            return [_as_value(item, fact) for item in answer]
        case bool() | int() | float():
            return answer
        case date() | datetime():
            return answer.isoformat()
        case _:
            return _valid(text_of(answer, fact.type))


def _valid(text: str) -> str:
    # Halves of characters cannot be written as UTF-8.
    return text.encode(errors="replace").decode()
