"""`always-true`: a condition that holds whatever the fact is."""

from __future__ import annotations

from collections.abc import Iterator

from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.analyse.layout import Layout, at_once, box_of
from vsmtp.rules.analyse.study import Study
from vsmtp.rules.language import Condition
from vsmtp.rules.wording import describe_condition


def find_always_true(study: Study) -> Iterator[Finding]:
    """Each condition that nothing refutes."""
    for rule in study.rules():
        conditions = {each.path: each for part in (*rule.when, *rule.unless) for each in part}
        for path, condition in conditions.items():
            if _always(study.layout, condition):
                message = f"`{describe_condition(condition)}` always holds"
                yield Finding(rule, path, "always-true", message, "correct it, or leave it out")


def _always(layout: Layout, condition: Condition) -> bool:
    box = box_of(layout, (condition,), at_once, sure=False)
    return all(cells == layout.full[dimension] for dimension, cells in box.items())
