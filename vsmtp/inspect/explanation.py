"""A rehearsal as JSON for programs: why a mail ended as it did, stage by stage."""

from __future__ import annotations

from typing import Any

from vsmtp.config.merge import dotted
from vsmtp.inspect.account import RuleSeen, StageSeen, verdict_word
from vsmtp.inspect.rehearsed import Copy, Rehearsed
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.rules.template import text_of
from vsmtp.rules.verdicts import Defer, Refuse
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.vocabulary.answers import Answer, Unasked
from vsmtp.vocabulary.facts import find_fact
from vsmtp.vocabulary.types import Type


def as_object(rehearsed: Rehearsed, book: Rulebook) -> dict[str, Any]:
    """`outcome`, `reply`, `stages` in order, `recipients` that were accepted, and the `dialogue`."""
    return {
        "outcome": rehearsed.outcome,
        "reply": str(rehearsed.reply),
        "stages": [stage_object(seen, book) for seen in rehearsed.stages],
        "recipients": [_copy_object(copy) for copy in rehearsed.copies],
        "dialogue": [{"command": said.command, "reply": str(said.reply)} for said in rehearsed.dialogue],
    }


def stage_object(seen: StageSeen, book: Rulebook) -> dict[str, Any]:
    """One evaluation: `stage`, `rules`, `facts`, `effects`, `verdict`; `recipient` where it is about one.

    `chains` are those of the recipients' domains, where there are any.
    `verdict` is the key that decided, None where no rule did; `by` is the rule, `reply` what was said for it.
    """
    recipient = {} if seen.recipient is None else {"recipient": str(seen.recipient)}
    return {
        "stage": seen.stage.label,
        **recipient,
        **({"chains": list(seen.chains)} if seen.chains else {}),
        "rules": [_rule_object(rule, book) for rule in seen.rules],
        "facts": {name: _fact_object(answer) for name, answer in seen.facts.items()},
        "effects": [deed.text for deed in seen.effects],
        "verdict": verdict_word(seen.verdict) or None,
        "by": seen.ended.rule.name if seen.ended.rule else None,
        "reply": str(seen.verdict.reply) if isinstance(seen.verdict, Refuse | Defer) else None,
    }


def _rule_object(rule: RuleSeen, book: Rulebook) -> dict[str, Any]:
    place = book.place(rule.info.path)
    return {
        "name": rule.info.name,
        "file": place.file,
        "line": place.line,
        "matched": rule.matched,
        "condition": None if rule.matched else condition_text(rule),
    }


def condition_text(rule: RuleSeen) -> str:
    """The condition that decided against a rule, as its keys are written."""
    if rule.fate == "undecided":
        return f"{', '.join(rule.unavailable)} unavailable"
    return dotted(rule.condition)


def _fact_object(answer: Answer) -> Any:
    match answer:
        case Missing():
            return None
        case Unavailable(reason):
            return {"unavailable": reason}
        case bool() | int() | float():
            return answer
        case tuple():
            return [_fact_object(item) for item in answer]
        case _:
            return str(answer)


def fact_text(name: str, answer: Answer) -> str:
    """An answer for a reader."""
    match answer:
        case Missing():
            return "absent"
        case Unavailable(reason):
            return f"unavailable ({reason})"
        case Unasked():
            return "not asked"
        case _:
            fact = find_fact(name)
            return text_of(answer, fact.type if fact else Type.TEXT) or "empty"


def _copy_object(copy: Copy) -> dict[str, Any]:
    return {
        "recipient": str(copy.recipient),
        "end": copy.end,
        "transport": copy.transport or None,
        "quarantine": copy.quarantine or None,
        "reply": copy.reply or None,
    }
