"""A stage's rules laid out for checks: its dimensions, and each of its tables as a flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vsmtp.rules.analyse.cover import Index
from vsmtp.rules.analyse.flow import Flow, chains_of, flow_of
from vsmtp.rules.analyse.layout import Layout
from vsmtp.rules.graph import Node, Pipeline
from vsmtp.rules.language import Rule
from vsmtp.vocabulary.stages import Stage

ROOT = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A root table or a chain, with an index of its catchers."""

    flow: Flow
    index: Index


@dataclass(frozen=True, slots=True)
class Study:
    """A stage; `tables` are its root table, called `ROOT`, and its chains, as administrators wrote them."""

    stage: Stage
    layout: Layout
    tables: Mapping[str, Table]

    def rules(self) -> Iterator[Rule]:
        """All rules of all tables."""
        for table in self.tables.values():
            for met in table.flow.met:
                yield met.rule


def study(pipeline: Pipeline) -> Study:
    """Lay out a stage; its shipped rules are nobody's to correct."""
    written = {ROOT: pipeline.root, **pipeline.chains}
    layout = Layout(rule for table in written.values() for rule in _rules(table))
    chains = chains_of(pipeline)
    tables = {}
    for name, nodes in written.items():
        flow = flow_of(layout, chains, nodes)
        tables[name] = Table(flow, Index(layout, [catcher.region for catcher in flow.catchers]))
    return Study(pipeline.stage, layout, tables)


def _rules(table: Sequence[Node]) -> Iterator[Rule]:
    for node in table:
        yield from (placed.rule for placed in node.placed)
