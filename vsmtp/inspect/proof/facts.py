"""What rules ask of a session that is any session: each fact a symbol, and what they say of one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from vsmtp.inspect.proof.formula import Formula, Names, both, either, every, implies, opposite, some
from vsmtp.inspect.proof.gather import AUTHOR, RCPT, SENDER, Lines, Parts
from vsmtp.inspect.proof.lines import ABSENT, LOST, Texts
from vsmtp.inspect.proof.symbols import (
    Listed,
    Mailbox,
    Single,
    Stated,
    Symbol,
    Truth,
    both_ways,
    bound,
    judge,
    make_mailbox,
)
from vsmtp.rules.acts import depends
from vsmtp.rules.language import Ago, Conjunction, Literal, Member, Op, Quantified, Ref, Rule, Test
from vsmtp.vocabulary.facts import FACTS, Cost, Fact
from vsmtp.vocabulary.types import Type

# What is never unavailable: the server has it at hand.
_AT_HAND: Final = ("client.", "listener.", "time.", "helo.", "tls.", "auth.", "sender.", "rcpt", "queue.")
_FALSE_OR_TRUE: Final = Literal(Op.IS, False, (True,))


@dataclass(slots=True)
class Facts:
    """The facts of one session at the moment at hand; effects put other symbols in their place.

    `made` are all symbols ever made, by the name of the fact, the first of each first. `spelled` has, by the
    name of a fact that a rule makes an address of, when it does and which one comes of it.
    """

    names: Names
    lines: Lines
    symbols: dict[str, Symbol] = field(default_factory=dict)
    made: dict[str, list[Symbol]] = field(default_factory=dict)
    spelled: dict[str, tuple[Formula, Mailbox]] = field(default_factory=dict)
    relations: dict[object, Formula] = field(default_factory=dict)
    known: dict[str, Fact] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def of(self, fact: Fact) -> Symbol:
        """The fact as it is now."""
        self.asked.add(fact.name)
        symbol = self.symbols.get(fact.name)
        if symbol is None:
            symbol = self.place(fact, self.make(fact))
        return symbol

    def place(self, fact: Fact, symbol: Symbol) -> Symbol:
        """From now on this is the fact."""
        self.known[fact.name] = fact
        self.symbols[fact.name] = symbol
        self.made.setdefault(fact.name, []).append(symbol)
        return symbol

    def single(self, name: str) -> Single:
        """A fact of the catalogue that has one value on a line."""
        symbol = self.of(FACTS[name])
        assert isinstance(symbol, Single)
        return symbol

    def make(self, fact: Fact) -> Symbol:
        """The fact, whatever its value is."""
        may_be_lost = is_at_others_mercy(fact)
        if fact.many:
            cell = self.names.number(fact.name)
            self.names.always(either(both(cell >= ABSENT, cell <= 0), cell == LOST if may_be_lost else False))
            return Listed(fact.name, cell, self.names, may_be_lost)
        line = self.lines.line(fact.name, fact.type, fact.choices)
        single = Single(fact.name, fact.type, line, self.names.number(fact.name), self.names, may_be_lost)
        bound(single, may_be_absent=not fact.is_always_there)
        if fact.choices:
            self._only(single, fact.choices)
        return single

    def _only(self, single: Single, choices: tuple[str, ...]) -> None:
        assert isinstance(single.line, Texts)
        is_one = some(single.is_text(choice) for choice in choices)
        self.names.always(implies(single.cell >= 0, is_one))

    def mailbox(self, parts: Parts) -> Mailbox:
        """Any address whose parts are cut like these."""
        lines = (
            self.lines.line(parts.local, Type.TEXT),
            self.lines.line(parts.domain, Type.DOMAIN),
            self.lines.line(parts.tag, Type.TEXT),
        )
        return make_mailbox(self.names, parts, lines)

    def put_mailbox(self, prefix: str, mailbox: Mailbox) -> None:
        """From now on this is the sender, the recipient, the author."""
        for name, symbol in _facts_of(prefix, mailbox).items():
            self.place(FACTS[name], symbol)

    def forget(self, changed: frozenset[str], keep: Iterable[str] = ()) -> None:
        """What these changes may have made another is anything from now on."""
        if changed:
            stale = [name for name, fact in self.known.items() if depends(fact, changed)]
            for name in set(stale) & self.symbols.keys() - set(keep):
                del self.symbols[name]

    # What rules say.

    def rule(self, rule: Rule) -> Truth:
        """When the rule matches, and when it is not refuted."""
        when = [self.conjunction(each) for each in rule.when]
        unless = [self.conjunction(each) for each in rule.unless] if when else []
        sure = both(some(c.sure for c in when), every(opposite(c.open) for c in unless))
        if all(claim.sure is claim.open for claim in (*when, *unless)):
            return both_ways(sure)
        maybe = both(some(c.open for c in when), every(opposite(c.sure) for c in unless))
        return Truth(self.names.named(f"matches {rule.info.name}", sure), maybe)

    def conjunction(self, conjunction: Conjunction) -> Truth:
        """All its conditions."""
        claims = [self.test(condition.fact, test) for condition in conjunction for test in condition.tests]
        sure = every(claim.sure for claim in claims)
        if all(claim.sure is claim.open for claim in claims):
            return both_ways(sure)
        return Truth(sure, every(claim.open for claim in claims))

    def test(self, fact: Fact, test: Test) -> Truth:
        """One test of a fact."""
        symbol = self.of(fact)
        if isinstance(test, Quantified):
            assert isinstance(symbol, Listed)
            return self._quantified(symbol, test)
        if not test.refs:
            return judge(symbol, test, symbol.found(test))
        return self._compared(fact, symbol, test)

    def _quantified(self, symbol: Listed, test: Quantified) -> Truth:
        others = [self.of(operand.fact) for each in test.literals for operand in each.refs]
        held: Formula
        if test.quantifier == "none":
            like = Quantified("any", test.literals)
            held = opposite(both(symbol.there, symbol.claim(like)))
        else:
            held = both(symbol.there, symbol.claim(test))
        lost = some((symbol.lost, *(other.lost for other in others)))
        return both_ways(held) if lost is False else Truth(both(held, opposite(lost)), either(held, lost))

    def _compared(self, fact: Fact, symbol: Symbol, literal: Literal) -> Truth:
        """A test with other facts among its operands."""
        constants = Literal(
            literal.op, False, tuple(one for one in literal.operands if one not in literal.refs)
        )
        found, lost = [symbol.found(constants)], [symbol.lost]
        for operand in literal.refs:
            other = self.of(operand.fact)
            lost.append(other.lost)
            found.append(self._relation(fact, symbol, literal.op, (operand, other)))
        gone = some(lost)
        held = some(found)
        if literal.negated:
            held = opposite(held)
        return both_ways(held) if gone is False else Truth(both(held, opposite(gone)), either(held, gone))

    def _relation(self, fact: Fact, symbol: Symbol, op: Op, to: tuple[Ref | Member | Ago, Symbol]) -> Formula:
        operand, other = to
        if isinstance(operand, Member) and not isinstance(other, Listed):
            return both(symbol.there, other.found(_FALSE_OR_TRUE))
        if isinstance(operand, Ref) and op is Op.IS:
            equal = self.equal(symbol, other)
            if equal is not None:
                return equal
        seconds = operand.seconds if isinstance(operand, Ago) else 0
        key = (id(symbol), op, id(other), seconds)
        if key not in self.relations:
            self.relations[key] = self.names.claim(f"{fact.label} {op.value} {operand.fact.label}")
        return every((symbol.there, other.there, self.relations[key]))

    def equal(self, one: Symbol, other: Symbol) -> Formula | None:
        """The two have the same value; None where that cannot be told from their cells."""
        if isinstance(one, Mailbox) and isinstance(other, Mailbox):
            local, domain = self.equal(one.local, other.local), self.equal(one.domain, other.domain)
            bare = both(one.domain.cell == ABSENT, other.domain.cell == ABSENT)
            return both(local, either(domain, bare))
        if not isinstance(one, Single) or not isinstance(other, Single):
            return None
        if one.line is not other.line or not isinstance(one.line, Texts):
            return None
        key = frozenset({id(one), id(other)})
        if key not in self.relations:
            self.relations[key] = self.names.claim(f"{one.name} is {other.name}")
        like = self.relations[key]
        in_open = some(both(one.cell >= low, one.cell <= high) for low, high in one.line.open)
        return every((one.cell >= 0, one.cell == other.cell, either(opposite(in_open), like)))


def is_at_others_mercy(fact: Fact) -> bool:
    """Whether it may be unavailable."""
    if fact.cost is not Cost.MEMORY or not fact.answered or fact.rests_on:
        return True
    return not fact.name.startswith(_AT_HAND) or fact.name.startswith("rcpt.var.")


def _facts_of(prefix: str, mailbox: Mailbox) -> Mapping[str, Symbol]:
    match prefix:
        case "sender":
            null = Stated(mailbox.local.cell == ABSENT)
            return {
                "sender.address": mailbox, "sender.local": mailbox.local, "sender.domain": mailbox.domain,
                "sender.tag": mailbox.tag, "sender.null": null,
            }  # fmt: skip
        case "rcpt":
            return {
                "rcpt.address": mailbox, "rcpt.local": mailbox.local, "rcpt.domain": mailbox.domain,
                "rcpt.tag": mailbox.tag,
            }  # fmt: skip
        case _:
            return {"message.from": mailbox, "message.from_domain": mailbox.domain}


PARTS: Final[Mapping[str, Parts]] = {"sender": SENDER, "rcpt": RCPT, "author": AUTHOR}
