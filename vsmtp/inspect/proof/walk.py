"""A stage's evaluation for all sessions at once: under which formula each rule fires and how it ends.

This follows `rules.evaluate.Walk`; what the proof finds is played on that one before anybody is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from vsmtp.inspect.proof.facts import Facts
from vsmtp.inspect.proof.formula import Formula, both, either, every, opposite, some
from vsmtp.inspect.proof.gather import rules_of
from vsmtp.inspect.proof.symbols import Truth
from vsmtp.rules.effects import Count, Effect, Log, Notify, changes, exact_templates, is_binding
from vsmtp.rules.graph import SHIPPED, Node, Pipeline
from vsmtp.rules.language import Jump, Return, Rule, Written
from vsmtp.rules.verdicts import Defer, Discard, Quarantine, Refuse, Trust
from vsmtp.vocabulary.facts import Cost

_REFUSALS: Final = (Written, Refuse, Defer)
# So many rules are read, those of a chain anew for each jump to it.
_MOST: Final = 40_000


class TooLargeError(Exception):
    """More rules are reached than anybody can look at."""


@dataclass(slots=True)
class Ends:
    """The formulas of how a stage ends; `passed`: nothing was refused."""

    passed: Formula = False
    trusted: Formula = False
    kept: Formula = False


@dataclass(slots=True)
class Walker:
    """Walks tables; `carry` is told of each effect, and the formula under which it is carried out."""

    facts: Facts
    pipeline: Pipeline
    carry: Callable[[Rule, Effect, Formula], None]
    _shipped_ran: Formula = False
    _passed: list[Formula] = field(default_factory=list)
    _trusted: list[Formula] = field(default_factory=list)
    _kept: list[Formula] = field(default_factory=list)
    _read: int = 0

    def walk(self, reached: Formula, chains: Sequence[tuple[Formula, str]]) -> Ends:
        """Root table, domain chains each under its formula, shipped rules."""
        live = self._table(self.pipeline.root, reached)
        for guard, name in chains:
            nodes = self.pipeline.chains.get(name, ())
            if nodes:
                passed_by = both(live, opposite(guard))
                live = either(self._table(nodes, both(live, guard)), passed_by)
        live = self._enter_shipped(live)
        passed = some((live, *self._passed, *self._trusted, *self._kept))
        return Ends(self.facts.names.named("passed", passed), some(self._trusted), some(self._kept))

    def _enter_shipped(self, live: Formula) -> Formula:
        ran, self._shipped_ran = self._shipped_ran, either(self._shipped_ran, live)
        return either(self._table(self.pipeline.shipped, both(live, opposite(ran))), both(live, ran))

    def _table(self, nodes: Sequence[Node], live: Formula) -> Formula:
        """When the walk comes out of the table with nothing decided."""
        returned: list[Formula] = []
        for rule in rules_of(nodes):
            if live is False:
                break
            if not matters(rule):
                self.facts.forget(_changed(rule))
                continue
            live = self._rule(rule, live, returned)
        return some((live, *returned))

    def _rule(self, rule: Rule, live: Formula, returned: list[Formula]) -> Formula:
        self._read += 1
        if self._read > _MOST:
            raise TooLargeError
        claim = self._settled(rule, self.facts.rule(rule))
        names = self.facts.names
        if isinstance(rule.move, _REFUSALS) and not rule.effects:
            # Most rules are like this: the shorter the formula the better.
            lets_by = opposite(claim.open if rule.policy == "defer" else claim.sure)
            return names.named("live", both(live, lets_by))
        fires = names.named(f"fires {rule.info.name}", both(live, claim.sure))
        for effect in rule.effects:
            self.carry(rule, effect, fires)
        self.facts.forget(_changed(rule), keep=self._kept_by_carry(rule))
        if rule.policy == "defer" and claim.open is not claim.sure:
            live = every((live, either(claim.sure, opposite(claim.open))))
        return names.named("live", self._follow(rule, live, fires, returned))

    def _kept_by_carry(self, rule: Rule) -> tuple[str, ...]:
        """What `carry` puts in its place itself."""
        changed = _changed(rule)
        return tuple(
            name
            for name in self.facts.symbols
            if name.startswith(("var.", "rcpt.var."))
            or ("sender.*" in changed and name.startswith("sender."))
            or ("rcpt.*" in changed and name.startswith("rcpt."))
        )

    def _settled(self, rule: Rule, claim: Truth) -> Truth:
        """What the rule does where it is undecided; then `sure` is when it fires."""
        exact = [text for effect in rule.effects for text in exact_templates(effect)]
        facts = [fact for text in exact for fact in text.known if fact.cost is not Cost.MEMORY]
        lost = some(self.facts.of(fact).lost for fact in facts)
        sure = claim.open if rule.policy == "match" else claim.sure
        return Truth(both(sure, opposite(lost)), claim.open)

    def _follow(self, rule: Rule, live: Formula, fires: Formula, returned: list[Formula]) -> Formula:
        move = rule.move
        rest = both(live, opposite(fires))
        match move:
            case None:
                return live
            case Return():
                returned.append(fires)
                return rest
            case Jump(chain):
                inside = (
                    self._enter_shipped(fires)
                    if chain == SHIPPED
                    else self._table(self.pipeline.chains[chain], fires)
                )
                return either(rest, inside)
            case Written() | Refuse() | Defer():
                pass
            case Trust():
                self._trusted.append(fires)
            case Discard() | Quarantine():
                self._kept.append(fires)
            case _:
                self._passed.append(fires)
        return rest


def matters(rule: Rule) -> bool:
    """Whether it decides anything or does anything that a later rule can see."""
    if rule.move is not None or rule.policy == "defer":
        return True
    return any(is_binding(effect) or not isinstance(effect, Log | Notify | Count) for effect in rule.effects)


def _changed(rule: Rule) -> frozenset[str]:
    return frozenset().union(*(changes(effect) for effect in rule.effects))
