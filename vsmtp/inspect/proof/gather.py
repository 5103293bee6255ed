"""Which constants cut which fact: all tests of all rules, sorted by what they are about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from vsmtp.inspect.proof.lines import Line, line_of
from vsmtp.rules.effects import RewriteRcpt, RewriteSender, SetVariables
from vsmtp.rules.graph import Graph, Node
from vsmtp.rules.language import Condition, Interval, Literal, Op, Quantified, Ref, Rule
from vsmtp.rules.template import Template
from vsmtp.values.address import Address
from vsmtp.vocabulary.facts import Fact
from vsmtp.vocabulary.types import TEXTUAL, Type


@dataclass(frozen=True, slots=True)
class Parts:
    """The names under which the parts of a mailbox are cut."""

    local: str
    domain: str
    tag: str


SENDER: Final = Parts("sender.local", "sender.domain", "sender.tag")
RCPT: Final = Parts("rcpt.local", "rcpt.domain", "rcpt.tag")
AUTHOR: Final = Parts("message.from.local", "message.from_domain", "message.from.tag")
# Facts that are a whole mailbox.
MAILBOXES: Final = {
    "sender.address": SENDER, "rcpt.address": RCPT, "rcpt.original": RCPT, "message.from": AUTHOR,
}  # fmt: skip
_ALIKE: Final = {"client.net": "client.ip"}
_COUNTED: Final = frozenset(
    {Type.NUMBER, Type.SIZE, Type.HOUR, Type.CLOCK, Type.DATE, Type.DURATION, Type.IP}
)
_ANY_NUMBER: Final = ("var.", "rcpt.var.", "lookup:", "service.")


def rules_of(nodes: Iterable[Node]) -> Iterator[Rule]:
    """The rules of a table, in order."""
    for node in nodes:
        for placed in node.placed:
            yield placed.rule


def all_rules(graph: Graph) -> Iterator[Rule]:
    """Every rule of every stage, those of a chain once for each stage that reads it."""
    for pipeline in graph.stages.values():
        for nodes in (pipeline.root, *pipeline.chains.values(), pipeline.shipped):
            yield from rules_of(nodes)


def conditions_of(rule: Rule) -> Iterator[Condition]:
    """The rule's conditions, exemptions too."""
    for conjunction in (*rule.when, *rule.unless):
        yield from conjunction


def literals_of(condition: Condition) -> Iterator[Literal]:
    """Every operator of the condition."""
    for test in condition.tests:
        if isinstance(test, Quantified):
            yield from test.literals
        else:
            yield test


def variables(rules: Iterable[Rule]) -> tuple[Fact, ...]:
    """The variables that rules ask for, each once."""
    found: dict[Fact, None] = {}
    for rule in rules:
        for condition in conditions_of(rule):
            refs = (operand.fact for each in literals_of(condition) for operand in each.refs)
            found |= dict.fromkeys(
                fact for fact in (condition.fact, *refs) if fact.name.startswith(("var.", "rcpt.var."))
            )
    return tuple(found)


class Lines:
    """The lines of all facts; facts that a test compares with one another have one in common."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._literals: dict[str, list[Literal]] = {}
        self._kinds: dict[str, Type] = {}
        self._same: dict[str, str] = {}
        self._lines: dict[str, Line] = {}
        for rule in rules:
            for condition in conditions_of(rule):
                for literal in literals_of(condition):
                    self._gather(condition.fact, literal)
            self._gather_constants(rule)

    def line(self, name: str, kind: Type, choices: tuple[str, ...] = ()) -> Line:
        """The line of what is cut under this name."""
        root = self._root(_ALIKE.get(name, name))
        if root not in self._lines:
            literals = [*self._literals.get(root, ()), Literal(Op.IS, False, choices)]
            whole = kind is Type.NUMBER and not name.startswith(_ANY_NUMBER)
            least = 0 if kind in _COUNTED and not name.startswith(_ANY_NUMBER) else -math.inf
            self._lines[root] = line_of(kind, literals, least, whole=whole)
        return self._lines[root]

    def add(self, name: str, op: Op, *operands: str) -> None:
        """Texts that the proof itself compares the fact with; before the first call of `line`."""
        self._put(name, Literal(op, False, operands))

    def add_spans(self, name: str, spans: Iterable[Interval]) -> None:
        """Likewise, intervals."""
        self._put(name, Literal(Op.IS, False, tuple(spans)))

    def _put(self, name: str, literal: Literal) -> None:
        root = self._root(_ALIKE.get(name, name))
        self._literals.setdefault(root, []).append(literal)

    def _gather(self, fact: Fact, literal: Literal) -> None:
        if fact.many:
            return
        parts = MAILBOXES.get(fact.name)
        if parts is None:
            self._put(fact.name, literal)
        else:
            for name, part in split(parts, literal):
                self._put(name, part)
        for operand in literal.operands:
            if isinstance(operand, Ref) and fact.type in TEXTUAL and not operand.fact.many:
                self._link(fact, operand.fact)

    def _link(self, one: Fact, other: Fact) -> None:
        mine, theirs = MAILBOXES.get(one.name), MAILBOXES.get(other.name)
        if mine is not None and theirs is not None:
            self._join(mine.local, theirs.local)
            self._join(mine.domain, theirs.domain)
        elif mine is None and theirs is None:
            self._join(one.name, other.name)

    def _join(self, one: str, other: str) -> None:
        one, other = self._root(one), self._root(other)
        if one != other:
            self._same[other] = one
            self._literals.setdefault(one, []).extend(self._literals.pop(other, ()))

    def _root(self, name: str) -> str:
        while name in self._same:
            name = self._same[name]
        return name

    def _gather_constants(self, rule: Rule) -> None:
        for effect in rule.effects:
            match effect:
                case SetVariables(values):
                    for name, value in values:
                        constant = value.constant if isinstance(value, Template) else None
                        if constant is not None:
                            self.add(name, Op.IS, constant.casefold())
                case RewriteRcpt(address):
                    self._add_address(RCPT, address)
                case RewriteSender(address):
                    self._add_address(SENDER, address)
                case _:
                    pass

    def _add_address(self, parts: Parts, template: Template) -> None:
        address = constant_address(template)
        if address is not None:
            self.add(parts.local, Op.IS, address.local.casefold())
            self.add(parts.domain, Op.IS, address.domain.casefold())


def split(parts: Parts, literal: Literal) -> Iterator[tuple[str, Literal]]:
    """A test of a mailbox as tests of its parts, as far as they can be told apart."""
    texts = [operand for operand in literal.operands if isinstance(operand, str)]
    if literal.op is Op.IS:
        pairs = [halves(text) for text in texts]
        yield parts.local, Literal(Op.IS, False, tuple(local for local, _ in pairs))
        yield parts.domain, Literal(Op.IS, False, tuple(domain for _, domain in pairs if domain))
    elif literal.op is Op.UNDER:
        yield parts.domain, Literal(Op.UNDER, False, tuple(texts))


def halves(key: str) -> tuple[str, str]:
    """An address's key as local part and domain; a bare postmaster has none."""
    local, at, domain = key.rpartition("@")
    return (local, domain) if at else (key, "")


def constant_address(template: Template) -> Address | None:
    """The address that the administrator wrote, if no fact is in it."""
    text = template.constant
    try:
        return None if text is None or text in {"", "<>"} else Address.parse(text)
    except ValueError:
        return None
