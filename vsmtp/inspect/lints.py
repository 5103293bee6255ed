"""What is odd about the rules of a tree: the findings of the graph, said with the places of other rules."""

from __future__ import annotations

from collections.abc import Iterator

from vsmtp.config.load import Tree
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.rules.analyse.analysis import analyse
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.graph import Graph
from vsmtp.values.diagnostic import Fault

# More rules than this are counted, not named.
_NAMED = 3


def lint(tree: Tree, graph: Graph) -> tuple[Fault, ...]:
    """A warning for each finding; the graph is that of the tree, compiled without errors."""
    rulebook = Rulebook.of(tree)
    findings = analyse(graph, _declared(tree))
    return tuple(
        Fault(each.path, each.code, each.message, _help(each, rulebook), "key", "warning")
        for each in findings
    )


def _declared(tree: Tree) -> Iterator[str]:
    """The chains, less those one of whose rules allows them to be unused."""
    for name, pairs in tree.chains.items():
        if not any("unused-chain" in table.get("allow", ()) for _, table in pairs):
            yield name


def _help(finding: Finding, rulebook: Rulebook) -> str:
    if not finding.others:
        return finding.help
    named = []
    for rule in finding.others[:_NAMED]:
        place = rulebook.place(rule.path)
        named.append(f"`{rule.name}` ({place.file}:{place.line})" if place.file else f"`{rule.name}`")
    if len(finding.others) > _NAMED:
        named.append(f"{len(finding.others) - _NAMED} more")
    listed = ", ".join(named[:-1]) + " and " + named[-1] if len(named) > 1 else named[0]
    return f"all that it could match was taken before it by {listed}"
