"""`unreachable-rule`: a rule that never has its turn, for rules before it take all its mail."""

from __future__ import annotations

from collections.abc import Iterator

from vsmtp.rules.analyse.cover import can_match, covering
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.analyse.flow import Met
from vsmtp.rules.analyse.layout import Layout
from vsmtp.rules.analyse.study import Study, Table
from vsmtp.rules.language import RuleInfo


def find_unreachable_rules(study: Study) -> Iterator[Finding]:
    """Each rule all of whose mail earlier rules of its table take, and which those are."""
    for table in study.tables.values():
        for met in table.flow.met:
            shadows = _shadows(study.layout, table, met)
            if shadows and can_match(study.layout, met.rule):
                yield Finding(
                    met.rule,
                    met.rule.info.path,
                    "unreachable-rule",
                    "this rule never has its turn",
                    "",
                    shadows,
                )


def _shadows(layout: Layout, table: Table, met: Met) -> tuple[RuleInfo, ...]:
    """The rules that together take all that this one could act on; none if something is left to it."""
    shadows: dict[RuleInfo, None] = {}
    for region in met.acts:
        used = covering(layout, region, table.index, met.before)
        if used is None:
            return ()
        shadows.update(dict.fromkeys(table.flow.catchers[number].rule for number in used))
    return tuple(shadows)
