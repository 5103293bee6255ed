"""`unused-chain`: a chain that no `jump` and no domain leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.graph import Graph

_REMEDY = "lead to it by `jump`, or name it in a domain"


def find_unused_chains(graph: Graph, chains: Iterable[str]) -> Iterator[Finding]:
    """Of the chains that were declared those that no stage reads."""
    read = {name for pipeline in graph.stages.values() for name in pipeline.chains}
    read |= {name for keys in graph.domains.values() for name in keys.values()}
    for name in chains:
        if name not in read:
            message = f"nothing leads to the chain `{name}`"
            yield Finding(None, ("chains", name), "unused-chain", message, _REMEDY)
