"""What evaluating whole chains may change: there nodes end, and answers are good no longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vsmtp.rules.language import Jump, Rule
from vsmtp.rules.nodes import changed_by


def changes_of_chains(chains: Mapping[str, Sequence[Rule]]) -> Mapping[str, frozenset[str]]:
    """What each chain may change, by itself or by those it jumps to, as `effects.changes` says it.

    Each chain is looked at once, however deep they lie in one another. Of chains that go round something may
    be missing: they are faulty, and nothing is made of them.
    """
    known: dict[str, frozenset[str]] = {}
    entered: set[str] = set()
    for name in chains:
        todo = [name]
        while todo:
            if todo[-1] in known:
                todo.pop()
            elif todo[-1] in entered:
                chain = todo.pop()
                known[chain] = frozenset().union(*(changed_by(rule, known) for rule in chains[chain]))
            else:
                entered.add(todo[-1])
                todo.extend(_jumps(chains[todo[-1]]) - entered)
    return known


def _jumps(rules: Sequence[Rule]) -> set[str]:
    return {rule.move.chain for rule in rules if isinstance(rule.move, Jump)}
