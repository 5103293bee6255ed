"""`backscatter`: a rejection after queueing that a stranger's mail can come to, and the bounce to anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vsmtp.rules.analyse.cover import covering
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.analyse.flow import Met, Region
from vsmtp.rules.analyse.layout import Layout
from vsmtp.rules.analyse.study import Study, Table
from vsmtp.rules.language import Rule, Written
from vsmtp.rules.verdicts import Refuse
from vsmtp.vocabulary.stages import Stage

_MESSAGE = "a stranger's mail may come to this `reject`, and its bounce goes to whoever it says it is from"
_REMEDY = "reject at `prequeue` or earlier, or add `when.client.stranger = false`"


def find_backscatter(study: Study, domains: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """Each `reject` after queueing that strangers can reach; `domains` are those of the graph."""
    if study.stage not in {Stage.POSTQUEUE, Stage.DELIVERY}:
        return
    ours = _of_our_own(domains)
    for name, table in study.tables.items():
        for met in table.flow.met if name not in ours else ():
            if _rejects(met.rule) and _meets_strangers(study.layout, table, met):
                path = (*met.rule.info.path, "reject")
                yield Finding(met.rule, path, "backscatter", _MESSAGE, _REMEDY)


def _of_our_own(domains: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """The chains for mail of our own users only: a stranger's is `incoming`, whatever it claims."""
    used = [(key, name) for keys in domains.values() for key, name in keys.items()]
    incoming = {name for key, name in used if key == "incoming"}
    return frozenset(name for _, name in used if name not in incoming)


def _rejects(rule: Rule) -> bool:
    move = rule.move.verdict if isinstance(rule.move, Written) else rule.move
    return isinstance(move, Refuse)


def _meets_strangers(layout: Layout, table: Table, met: Met) -> bool:
    return any(
        covering(layout, _narrowed(layout, region, met), table.index, met.before) is None
        for region in met.fires
    )


def _narrowed(layout: Layout, region: Region, met: Met) -> Region:
    box = dict(region.box)
    for dimension, cells in met.strangers.items():
        box[dimension] = box.get(dimension, layout.full[dimension]) & cells
    return Region(box, region.exemptions)
