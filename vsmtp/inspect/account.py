"""What happened at one stage, as a witness of the walk tells it: rules, facts, effects, verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from vsmtp.effects.paths import render_path
from vsmtp.effects.unfit import Unfit
from vsmtp.inspect.world import Supposed, World
from vsmtp.rules.effects import Dump, Effect, Maildir, Write, describe
from vsmtp.rules.evaluate import Ended, Fired
from vsmtp.rules.language import Binding, RuleInfo
from vsmtp.rules.template import Template, render_text
from vsmtp.rules.verdicts import Defer, Delegate, Quarantine, Refuse, Verdict
from vsmtp.server.stages import Case
from vsmtp.values.address import Address
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.answers import Answer, Facts
from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.tables import Column, Membership, hidden_of

Fate: TypeAlias = Literal["matched", "refuted", "exempted", "undecided"]


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """A rule that was looked at; `condition` is the path, below the rule, of what decided against it.

    `fact` is what that condition asks; both are empty for a rule that matched. `unavailable` are the facts
    for want of which it was left undecided.
    """

    info: RuleInfo
    fate: Fate
    condition: KeyPath = ()
    fact: str = ""
    unavailable: tuple[str, ...] = ()

    @property
    def matched(self) -> bool:
        """Whether its effects and its verdict counted."""
        return self.fate == "matched"


@dataclass(frozen=True, slots=True)
class Deed:
    """An effect that was carried out, its texts filled in, and the rule it belongs to."""

    rule: RuleInfo
    text: str


@dataclass(frozen=True, slots=True)
class StageSeen:
    """One evaluation: of a stage, or at `rcpt` and `delivery` of a stage for one recipient.

    `rules` are all that were looked at, in order; none stands behind the one that decided. `ended` is the
    verdict and whose it is. `chains` are those of the recipients' domains that it read.
    """

    stage: Stage
    recipient: Address | None
    rules: tuple[RuleSeen, ...]
    facts: dict[str, Answer]
    effects: tuple[Deed, ...]
    ended: Ended
    chains: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """What was decided; None for nothing."""
        return self.ended.verdict

    @property
    def fired(self) -> tuple[RuleInfo, ...]:
        """The rules that matched, in the order in which they did."""
        return tuple(rule.info for rule in self.rules if rule.matched)


class Account:
    """A witness of one evaluation; `tell` gets what it saw when the evaluation is over."""

    def __init__(
        self,
        stage: Stage,
        case: Case,
        world: World,
        bindings: Sequence[Binding],
        tell: Callable[[StageSeen], None],
    ) -> None:
        recipient = case.facts.recipient
        self._stage = stage
        self._chains = case.part.chains
        self._recipient = recipient.address if recipient is not None else None
        self._world = world
        self._bindings = bindings
        self._tell = tell
        self._rules: list[RuleSeen] = []
        self._facts: dict[str, Answer] = {}
        self._effects: list[Deed] = []

    def supposed(self, facts: Facts) -> Facts:
        """The facts, with what the world supposes in place of them."""
        return Supposed(facts, self._world)

    def asked(self, fact: str, answer: Answer) -> None:
        """A fact was asked and this was the answer."""
        self._facts[self._label(fact)] = answer

    def refuted(self, rule: RuleInfo, condition: KeyPath, fact: str) -> None:
        """The rule does not match."""
        if fact.startswith("@"):
            # Which fact it was that is not in the table: the one asked last.
            fact = next((name for name in reversed(self._facts) if name.endswith(f" in {fact}")), fact)
        self._rules.append(RuleSeen(rule, "refuted", condition[len(rule.path) :], fact))

    def exempted(self, rule: RuleInfo, exemption: KeyPath) -> None:
        """The rule does not apply."""
        self._rules.append(RuleSeen(rule, "exempted", exemption[len(rule.path) :]))

    def undecided(self, rule: RuleInfo, unavailable: tuple[str, ...]) -> None:
        """The rule can be neither matched nor refuted."""
        names = tuple(self._label(name) for name in unavailable)
        self._rules.append(RuleSeen(rule, "undecided", unavailable=names))

    def fired(self, rule: RuleInfo) -> None:
        """The rule matched, or was left undecided just before and matches by its policy."""
        if self._rules and self._rules[-1].info == rule and self._rules[-1].fate == "undecided":
            self._rules.pop()
        self._rules.append(RuleSeen(rule, "matched"))

    def _label(self, name: str) -> str:
        return fact_label(name, self._bindings)

    def carried_out(self, effect: Effect, fired: Fired) -> None:
        """The turn of an effect has come."""
        self._effects.append(Deed(fired.rule, describe(_filled_in(effect, fired.facts))))

    def ended(self, ended: Ended) -> None:
        """The evaluation is over."""
        rules, effects = tuple(self._rules), tuple(self._effects)
        seen = StageSeen(self._stage, self._recipient, rules, self._facts, effects, ended, self._chains)
        self._tell(seen)


def fact_label(name: str, bindings: Sequence[Binding]) -> str:
    """A fact as its author writes it: `user.quota`, `sender.domain in @partners`."""
    match hidden_of(name):
        case Column(binding, column):
            return f"{bindings[binding].var}.{column}"
        case Membership(table, fact, _):
            return f"{fact_label(fact, bindings)} in @{table}"
        case None:
            return name


def verdict_word(verdict: Verdict | None) -> str:
    """The key that gives the verdict in a rule; empty for none."""
    match verdict:
        case None:
            return ""
        case Refuse():
            return "reject"
        case _:
            return type(verdict).__name__.lower()


def verdict_text(verdict: Verdict | None) -> str:
    """The verdict with what belongs to it, in a line."""
    match verdict:
        case Refuse(reply, close):
            return f"reject {reply}" + (", and close the connection" if close else "")
        case Defer(reply):
            return f"defer {reply}"
        case Quarantine(name) | Delegate(name):
            return f"{verdict_word(verdict)} {name}"
        case _:
            return verdict_word(verdict) or "go on"


def _filled_in(effect: Effect, facts: Facts) -> Effect:
    """The effect with its texts as they come out; a password stays unsaid."""
    changes: dict[str, Any] = {
        field.name: Template(("***",))
        if field.name == "password"
        else _rendered(getattr(effect, field.name), facts)
        for field in fields(effect)
    }
    if isinstance(effect, Write | Dump | Maildir):
        path = render_path(effect.path, facts)
        changes["path"] = Template((path.reason if isinstance(path, Unfit) else path,))
    return replace(effect, **changes)


def _rendered(value: object, facts: Facts) -> object:
    match value:
        case Template():
            return Template((render_text(value, facts),))
        case tuple():
            return tuple(_rendered(item, facts) for item in value)
        case _:
            return value


def all_fired(stages: Sequence[StageSeen]) -> tuple[RuleInfo, ...]:
    """The rules that matched at any of the stages, in order; one that matched twice is there twice."""
    return tuple(rule for stage in stages for rule in stage.fired)
