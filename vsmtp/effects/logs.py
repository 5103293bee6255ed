"""A rule's log effects as lines for whoever keeps the log."""

from __future__ import annotations

from dataclasses import dataclass

from vsmtp.rules.effects import Log
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.template import one_line, render_text
from vsmtp.vocabulary.actions import Level
from vsmtp.vocabulary.answers import Facts


@dataclass(frozen=True, slots=True)
class Line:
    """A rule's words: one line, free of control characters."""

    level: Level
    text: str
    rule: RuleInfo


def as_line(effect: Log, rule: RuleInfo, facts: Facts) -> Line:
    """The line that the effect of that rule asks for, its text filled in through the facts of its `Fired`."""
    return Line(effect.level, one_line(render_text(effect.text, facts)), rule)
