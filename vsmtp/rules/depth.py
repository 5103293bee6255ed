"""Chains that jump to chains: how often one evaluation may go into a chain, all rules matching.

Each level multiplies: thirty chains that jump twice to the next are sixty rules, and would be evaluated a
thousand million times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vsmtp.rules.domains import Chains
from vsmtp.rules.reading import RuleSource
from vsmtp.values.diagnostic import Fault

MOST: Final = 1_000


def too_deep(chains: Chains) -> Iterator[Fault]:
    """A fault at the first jump of each chain that leads into more than `MOST`, not by its own jumps alone.

    Of chains that lead to each other, the innermost is told of.
    """
    jumps = {name: [jump for source in table if (jump := _jump(source))] for name, table in chains.items()}
    entered = _entered(jumps)
    for name, targets in jumps.items():
        if _is_deep(name, jumps, entered) and not any(_is_deep(to, jumps, entered) for to in targets):
            source = next(source for source in chains[name] if _jump(source))
            yield Fault(
                (*source.path, "jump"),
                "deep-chains",
                f"the jumps of the chain `{name}` lead into chains more than {MOST:,} times",
                "jump once, from the table above, to what several chains want to be asked",
            )


def _jump(source: RuleSource) -> str:
    target = source.table.get("jump")
    return target if isinstance(target, str) else ""


def _is_deep(name: str, jumps: Mapping[str, Sequence[str]], entered: Mapping[str, int]) -> bool:
    # Many jumps that stand beside each other are as many as somebody has written.
    return entered.get(name, 0) > max(MOST, len(jumps.get(name, ())))


def _entered(jumps: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many chains an evaluation of each goes into; what leads back to itself counts as nothing there."""
    entered: dict[str, int] = {}
    for name in jumps:
        stack = [name]
        opened: set[str] = set()
        while stack:
            chain = stack[-1]
            ahead = [to for to in jumps.get(chain, ()) if to not in entered and to not in opened]
            if chain not in opened and ahead:
                opened.add(chain)
                stack += dict.fromkeys(ahead)
                continue
            stack.pop()
            if chain not in entered:
                inner = sum(1 + entered.get(to, 0) for to in jumps.get(chain, ()))
                entered[chain] = min(inner, MOST * MOST)
    return entered
