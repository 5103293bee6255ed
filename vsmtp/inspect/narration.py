"""A rehearsal as text, to be read at three in the morning: what came of the mail first, then why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vsmtp.inspect.account import RuleSeen, StageSeen, verdict_text
from vsmtp.inspect.explanation import condition_text, fact_text
from vsmtp.inspect.rehearsed import Copy, Rehearsed
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.values.diagnostic import KeyPath

# Of rules that do not match only so many are shown at each stage, those nearest to the decision.
FEW: Final = 8
ALL: Final = 10**9


def narrate(rehearsed: Rehearsed, book: Rulebook, most: int = FEW) -> Iterator[str]:
    """Lines without ends. At most `most` rules that do not match are shown at each stage."""
    yield f"{rehearsed.outcome}: {_flat(str(rehearsed.reply))}"
    for copy in rehearsed.copies:
        yield f"  {_copy_line(copy)}"
    for seen in rehearsed.stages:
        yield ""
        yield from stage_lines(seen, book, most)


def dialogue_lines(rehearsed: Rehearsed) -> Iterator[str]:
    """What client and server say."""
    for said in rehearsed.dialogue:
        if said.command:
            yield f"C: {said.command}"
        yield f"S: {_flat(str(said.reply))}"


def stage_lines(seen: StageSeen, book: Rulebook, most: int = FEW) -> Iterator[str]:
    """One evaluation: its verdict, then its rules in order with what decided, then the effects."""
    about = f" {seen.recipient}" if seen.recipient is not None else ""
    about += f" ({', '.join(seen.chains)})" if seen.chains else ""
    yield f"{seen.stage.label}{about}: {_flat(verdict_text(seen.verdict))}{_whose(seen)}"
    hidden = max(0, sum(not rule.matched for rule in seen.rules) - most)
    if hidden:
        yield f"  ... {hidden} more that {'do' if hidden > 1 else 'does'} not match"
    for rule in seen.rules:
        if not rule.matched and hidden:
            hidden -= 1
            continue
        yield f"  {_rule_line(rule, seen)}"
        yield f"       {_place(book, rule.info.path)}"
        yield from (f"       -> {_flat(deed.text)}" for deed in seen.effects if deed.rule == rule.info)


def _whose(seen: StageSeen) -> str:
    rule = seen.ended.rule
    if rule is None:
        return ""
    decided = [one for one in seen.rules if one.info == rule and one.unavailable]
    for_want = f", for want of {', '.join(decided[-1].unavailable)}" if decided else ""
    return f", by `{rule.name}`{for_want}"


def _rule_line(rule: RuleSeen, seen: StageSeen) -> str:
    if rule.matched:
        return f"yes  `{rule.info.name}`"
    if rule.fate == "undecided":
        return f" ?   `{rule.info.name}`: {condition_text(rule)}"
    if rule.fate == "exempted":
        return f"no   `{rule.info.name}`: exempted by {condition_text(rule)}"
    answer = seen.facts.get(rule.fact)
    because = "" if answer is None else f": {rule.fact} is {_flat(fact_text(rule.fact, answer))}"
    return f"no   `{rule.info.name}`: {condition_text(rule)}{because}"


def _place(book: Rulebook, path: KeyPath) -> str:
    place = book.place(path)
    return f"{place.file}:{place.line}"


def _copy_line(copy: Copy) -> str:
    match copy.end:
        case "accepted" if copy.transport:
            return f"{copy.recipient}: to `{copy.transport}`"
        case "accepted":
            return f"{copy.recipient}: no way yet: {_flat(copy.reply)}"
        case "quarantined":
            return f"{copy.recipient}: quarantined in `{copy.quarantine}`"
        case _:
            return f"{copy.recipient}: {copy.end}" + (f": {_flat(copy.reply)}" if copy.reply else "")


def _flat(text: str) -> str:
    return " ".join(text.split("\n"))
