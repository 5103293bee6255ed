"""Rule coverage: which rules of a tree its policy tests have made match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vsmtp.inspect.account import all_fired
from vsmtp.inspect.rehearsed import Rehearsed
from vsmtp.inspect.rulebook import Rulebook, RuleWritten


@dataclass(frozen=True, slots=True)
class Coverage:
    """`fired` of the tree's own rules matched in some test; `missed` in none. Shipped rules do not count."""

    fired: tuple[RuleWritten, ...]
    missed: tuple[RuleWritten, ...]

    @property
    def percent(self) -> float:
        """The share that matched; of no rules at all, all."""
        rules = len(self.fired) + len(self.missed)
        return 100.0 * len(self.fired) / rules if rules else 100.0


def coverage(played: Iterable[Rehearsed], book: Rulebook) -> Coverage:
    """What these plays covered."""
    paths = {rule.path for rehearsed in played for rule in all_fired(rehearsed.stages)}
    rules = book.own.values()
    return Coverage(
        tuple(rule for rule in rules if rule.path in paths),
        tuple(rule for rule in rules if rule.path not in paths),
    )
