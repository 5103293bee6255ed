"""`never-true`: a condition that cannot hold, conditions that cannot hold together, a rule with none left."""

from __future__ import annotations

from collections.abc import Iterator

from vsmtp.rules.analyse.cover import can_match
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.analyse.layout import Layout, at_once, box_of
from vsmtp.rules.analyse.study import Study
from vsmtp.rules.language import Conjunction, Rule
from vsmtp.rules.wording import describe_condition

_REMEDY = "correct it, or take it out: the rule reads as if it did something"


def find_never_true(study: Study) -> Iterator[Finding]:
    """Each place where something never holds, whatever the facts are."""
    for rule in study.rules():
        found = {
            finding.path: finding
            for conjunction in (*rule.when, *rule.unless)
            if (finding := _contradiction(study.layout, rule, conjunction)) is not None
        }
        yield from found.values()
        if not found and not can_match(study.layout, rule):
            message = "this rule never matches: "
            message += "its exemptions cover its conditions" if rule.when else "its `any` is empty"
            yield Finding(rule, rule.info.path, "never-true", message, _REMEDY)


def _contradiction(layout: Layout, rule: Rule, conjunction: Conjunction) -> Finding | None:
    """The first condition that cannot hold beside those before it."""
    if not _never(layout, conjunction):
        return None
    end = next(n for n in range(1, len(conjunction) + 1) if _never(layout, conjunction[:n]))
    last, before = conjunction[end - 1], conjunction[: end - 1]
    if _never(layout, (last,)):
        message = f"`{describe_condition(last)}` never holds"
    else:
        against = next((each for each in before if _never(layout, (each, last))), None)
        other = f"`{describe_condition(against)}`" if against is not None else "those before it"
        message = f"`{describe_condition(last)}` never holds together with {other}"
    return Finding(rule, last.path, "never-true", message, _REMEDY)


def _never(layout: Layout, conjunction: Conjunction) -> bool:
    return layout.narrowed(box_of(layout, conjunction, at_once, sure=True)) is None
