"""All checks of a compiled graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from vsmtp.rules.analyse.always_true import find_always_true
from vsmtp.rules.analyse.backscatter import find_backscatter
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.analyse.never_true import find_never_true
from vsmtp.rules.analyse.study import Study, study
from vsmtp.rules.analyse.unreachable_rule import find_unreachable_rules
from vsmtp.rules.analyse.unreachable_stage import find_unreachable_stages
from vsmtp.rules.analyse.unused_chain import find_unused_chains
from vsmtp.rules.graph import Graph
from vsmtp.values.diagnostic import KeyPath

_Check: TypeAlias = Callable[[Study], Iterator[Finding]]
# What has to be so at every stage that reads the rule: a chain may be read at several.
_EVERYWHERE: Final[tuple[_Check, ...]] = (find_never_true, find_always_true, find_unreachable_rules)


def analyse(graph: Graph, chains: Iterable[str]) -> tuple[Finding, ...]:
    """What is odd about the rules of a sound graph, less what they allow; `chains` are those declared.

    Nothing is said that is not so; not all that is so is found (`layout`, `cover`).
    """
    studies = [study(pipeline) for pipeline in graph.stages.values()]
    found = [
        *_everywhere(studies),
        *(finding for each in studies for finding in find_backscatter(each, graph.domains)),
        *find_unreachable_stages(studies),
        *find_unused_chains(graph, chains),
    ]
    allowed = (each for each in found if each.rule is None or each.code not in each.rule.allow)
    return tuple({(each.path, each.code): each for each in allowed}.values())


def _everywhere(studies: Sequence[Study]) -> Iterator[Finding]:
    readings = Counter(rule.info.path for each in studies for rule in each.rules())
    found: dict[tuple[KeyPath, str], list[Finding]] = {}
    for each in studies:
        for check in _EVERYWHERE:
            for finding in check(each):
                found.setdefault((finding.path, finding.code), []).append(finding)
    for findings in found.values():
        rule = findings[0].rule
        assert rule is not None
        if len(findings) == readings[rule.info.path]:
            yield findings[0]
