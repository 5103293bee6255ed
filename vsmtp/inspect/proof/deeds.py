"""What effects do in any session: variables, envelope, and the mail that goes where a client wants it to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vsmtp.inspect.proof.facts import PARTS, Facts
from vsmtp.inspect.proof.formula import Formula, both, choose, either, every, implies, opposite, some
from vsmtp.inspect.proof.gather import all_rules, constant_address
from vsmtp.inspect.proof.lines import ABSENT, Flags, Line, Numbers, Texts
from vsmtp.inspect.proof.symbols import Amount, Mailbox, Single, Symbol
from vsmtp.inspect.proof.taint import Taint
from vsmtp.rules.effects import (
    AddRcpt,
    AddVariables,
    Assigned,
    Effect,
    Forward,
    ForwardHost,
    RewriteRcpt,
    RewriteSender,
    SetVariables,
    TableAdd,
    TableSet,
    templates,
)
from vsmtp.rules.graph import Graph
from vsmtp.rules.language import Quantified, Rule, RuleInfo, Test
from vsmtp.rules.template import Slot, Template
from vsmtp.vocabulary.facts import Fact
from vsmtp.vocabulary.stages import Stage

# At these stages a session can come by more than once before its message.
_AGAIN: Final = {
    Stage.HELO: frozenset({Stage.HELO, Stage.AUTH}),
    Stage.AUTH: frozenset({Stage.AUTH}),
    Stage.RCPT: frozenset({Stage.RCPT}),
    Stage.DATA: frozenset({Stage.RCPT}),
}
_LASTING: Final = frozenset({
    "client.ip", "client.net", "client.port", "client.trusted", "listener.name", "listener.port",
    "listener.kind",
})  # fmt: skip


@dataclass(slots=True)
class Leak:
    """An effect that sends a stranger's mail where the stranger wants it to go, and when."""

    formula: Formula
    rule: RuleInfo
    what: str


class Deeds:
    """Carries effects out on the facts of any session; `silent`: what leads outside is not noted."""

    def __init__(self, facts: Facts, graph: Graph, ours: frozenset[str]) -> None:
        self._facts = facts
        self._ours = ours
        self._added: set[str] = set()
        self._set_at: dict[str, set[Stage]] = {}
        self._setters: dict[str, list[Rule]] = {}
        written: set[str] = set()
        for rule in all_rules(graph):
            for effect in rule.effects:
                self._note(rule, effect, written)
        self.taint = Taint(facts, ours, graph.bindings, frozenset(written))
        self.leaks: list[Leak] = []
        self.silent = False
        self.stage = Stage.CONNECT

    def _note(self, rule: Rule, effect: Effect, written: set[str]) -> None:
        match effect:
            case SetVariables(pairs) | AddVariables(pairs):
                for name, _ in pairs:
                    self._set_at.setdefault(name, set()).add(rule.info.stage)
                    self._setters.setdefault(name, []).append(rule)
                    if isinstance(effect, AddVariables):
                        self._added.add(name)
            case TableSet(table) | TableAdd(table):
                if any(text.facts for text in templates(effect)):
                    written.add(table)
            case _:
                pass

    def sets_at(self, stage: Stage) -> bool:
        """Whether rules of that stage set variables of the whole transaction."""
        return any(stage in stages and not name.startswith("rcpt.") for name, stages in self._set_at.items())

    # Variables.

    def clear(self, fact: Fact) -> None:
        """Nobody has set the variable."""
        names = self._facts.names
        if fact.name in self._added:
            self._facts.place(fact, Amount(names.amount(fact.name), True))
            return
        fresh = self._facts.make(fact)
        assert isinstance(fresh, Single)
        names.always(fresh.cell == ABSENT)
        self._facts.place(fact, fresh)

    def unsettle(self, stage: Stage) -> None:
        """What earlier greetings and recipients may have set is anything that this client can set."""
        for name, fact in list(self._facts.known.items()):
            if _AGAIN.get(stage, frozenset()) & self._set_at.get(name, set()):
                possible = some(self._may_fire(rule) for rule in self._setters[name])
                self._unsettle(fact, self._facts.names.named(f"{name} may be set", possible))

    def _may_fire(self, rule: Rule) -> Formula:
        """Whether what never changes while a connection lasts lets the rule fire."""
        return some(
            every(
                self._facts.test(condition.fact, test).open
                for condition in conjunction
                if condition.fact.name in _LASTING
                for test in condition.tests
                if not test_refers(test)
            )
            for conjunction in rule.when
        )

    def _unsettle(self, fact: Fact, possible: Formula) -> None:
        now, new = self._facts.of(fact), self._anything(fact)
        if isinstance(now, Amount) and isinstance(new, Amount):
            same = both(new.number == now.number, new.absent == now.absent)
            self._facts.names.always(either(possible, same))
        elif isinstance(now, Single) and isinstance(new, Single):
            new.become(now, opposite(possible))
        self._facts.place(fact, new)

    def _anything(self, fact: Fact) -> Symbol:
        names = self._facts.names
        if fact.name in self._added:
            return Amount(names.amount(fact.name), names.claim(f"{fact.name} absent"))
        return self._facts.make(fact)

    def _assign(self, name: str, value: Assigned, fires: Formula) -> None:
        fact = self._facts.known.get(name)
        if fact is None:
            return
        now, names = self._facts.of(fact), self._facts.names
        if isinstance(now, Amount):
            known = isinstance(value, int | float) and not isinstance(value, bool)
            new = Amount(names.amount(name), both(now.absent, opposite(fires)))
            if known:
                names.always(new.number == choose(fires, value, now.number))
            self._facts.place(fact, new)
            return
        assert isinstance(now, Single)
        fresh = self._facts.make(fact)
        assert isinstance(fresh, Single)
        fresh.become(now, opposite(fires))
        place = _cell_of(fresh.line, value)
        if place is not None:
            names.always(implies(fires, fresh.cell == place))
        self._facts.place(fact, fresh)

    def _add(self, name: str, amount: float, fires: Formula) -> None:
        fact = self._facts.known.get(name)
        now = None if fact is None else self._facts.of(fact)
        if fact is None or not isinstance(now, Amount):
            return
        names = self._facts.names
        sum_ = amount if now.absent is True else choose(now.absent, amount, now.number + amount)
        new = Amount(names.amount(name), both(now.absent, opposite(fires)))
        names.always(new.number == choose(fires, sum_, now.number))
        self._facts.place(fact, new)

    # All effects.

    def carry(self, rule: Rule, effect: Effect, fires: Formula) -> None:
        """The effect is carried out where `fires` holds."""
        match effect:
            case SetVariables() | AddVariables():
                self._vary(rule, effect, fires)
            case RewriteSender(address):
                self._rewrite("sender", address, rule, fires)
            case RewriteRcpt(address):
                if self.stage is Stage.DELIVERY:
                    self._leak(rule, address, fires, "rewrite_rcpt")
                self._rewrite("rcpt", address, rule, fires)
            case AddRcpt(address):
                self._leak(rule, address, fires, "add_rcpt")
            case Forward() | ForwardHost():
                self._forward(rule, effect, fires)
            case _:
                pass

    def _vary(self, rule: Rule, effect: SetVariables | AddVariables, fires: Formula) -> None:
        if isinstance(effect, AddVariables):
            for name, amount in effect.amounts:
                self._add(name, amount, fires)
            return
        for name, value in effect.values:
            self._assign(name, value, fires)
            if isinstance(value, Template):
                self._taint(name, both(fires, self.taint.chosen(value.parts, rule)), fires)

    def _taint(self, name: str, chosen: Formula, fires: Formula) -> None:
        old = self.taint.variables.get(name, False)
        new = either(chosen, both(old, opposite(fires)))
        self.taint.variables[name] = self._facts.names.named(f"{name} chosen", new)

    def _rewrite(self, which: str, template: Template, rule: Rule, fires: Formula) -> None:
        facts = self._facts
        now = facts.symbols[f"{which}.address"]
        assert isinstance(now, Mailbox)
        new = facts.mailbox(PARTS[which])
        new.become(now, opposite(fires))
        address = constant_address(template)
        if address is not None:
            local, domain = address.local.casefold(), address.domain.casefold()
            is_it = both(new.local.is_text(local), new.domain.is_text(domain) if domain else True)
            facts.names.always(implies(fires, is_it))
            new.chosen = both(now.chosen, opposite(fires))
        else:
            self._spell(template, fires, new)
            leads = self.taint.leads_outside(template, rule)
            new.chosen = either(both(fires, leads), both(opposite(fires), now.chosen))
        new.chosen = facts.names.named("chosen", new.chosen)
        facts.put_mailbox(which, new)

    def _spell(self, template: Template, fires: Formula, address: Mailbox) -> None:
        """Where the text is one fact and nothing else, that fact is the address."""
        match template.parts:
            case (Slot() as slot,):
                self._facts.spelled[slot.fact] = (fires, address)
            case _:
                pass

    def _leak(self, rule: Rule, template: Template, fires: Formula, what: str) -> None:
        leads = both(fires, self.taint.leads_outside(template, rule))
        if not self.silent and leads is not False:
            self.leaks.append(Leak(leads, rule.info, f"{what} {template}"))

    def _forward(self, rule: Rule, effect: Forward | ForwardHost, fires: Formula) -> None:
        """A host of the client's choice is as good as an address."""
        where = effect.url if isinstance(effect, Forward) else effect.host
        leads = both(fires, self.taint.chosen(where.parts, rule))
        if not self.silent and leads is not False:
            self.leaks.append(Leak(leads, rule.info, f"forward {where}"))


def test_refers(test: Test) -> bool:
    """Whether other facts have a part in the test."""
    return isinstance(test, Quantified) or bool(test.refs)


def _cell_of(line: Line, value: Assigned) -> int | None:
    """The cell of what a variable is set to, if that is known."""
    if isinstance(value, bool):
        return int(value) if isinstance(line, Flags) else None
    if isinstance(value, Template):
        constant = value.constant
        return line.place(constant.casefold()) if isinstance(line, Texts) and constant is not None else None
    if not isinstance(line, Numbers):
        return None
    spans = (n for n, cell in enumerate(line.cells) if cell.start <= value < cell.end)
    return next(spans, None)
