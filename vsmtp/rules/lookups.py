"""What a name such as `user` in `user.quota` is bound to: the row that a lookup finds.

Two lookups of one table by one key are one binding, hence one query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vsmtp.rules.language import Binding
from vsmtp.rules.template import Template
from vsmtp.vocabulary.facts import Cost, Fact
from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.tables import FOUND, Column, Membership, TableTraits, name_of
from vsmtp.vocabulary.types import Type


class Bindings:
    """The bindings of a graph while its rules are read."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, Template], Binding] = {}

    def bind(self, var: str, table: str, key: Template) -> Binding:
        """The binding for this question, the same for the same question."""
        new = Binding(len(self._known), var, table, key)
        return self._known.setdefault((table, key), new)

    def all(self) -> tuple[Binding, ...]:
        """Every binding, each at the place of its `id`."""
        return tuple(self._known.values())


@dataclass(frozen=True, slots=True)
class Bound:
    """A name and its row; `pattern` is what all its columns have in common as facts."""

    pattern: Fact
    binding: Binding
    columns: Mapping[str, Type]

    def has(self, name: str) -> bool:
        """Whether the table may have such a column: one that declares none may have any."""
        return name == FOUND or not self.columns or name in self.columns

    def column(self, name: str) -> Fact:
        """The fact of a column; one that the table does not declare is text."""
        kind = Type.BOOL if name == FOUND else self.columns.get(name, Type.TEXT)
        hidden, written = name_of(Column(self.binding.id, name)), f"{self.pattern.written}.{name}"
        return replace(self.pattern, name=hidden, type=kind, written=written)


def bound(var: str, binding: Binding, traits: TableTraits) -> Bound:
    """The name `var` for the row of the binding."""
    facts = binding.key.known
    pattern = Fact(
        "", Type.TEXT, first_of(facts), "no such row, or nothing in that column",
        max((traits.cost, *(fact.cost for fact in facts))), f"a column of the table `{binding.table}`",
        only=only_of(facts), answered=all(fact.answered for fact in facts), written=var,
        rests_on=rests_on(binding.table, facts),
    )  # fmt: skip
    return Bound(pattern, binding, traits.columns)


def membership(fact: Fact, table: str, traits: TableTraits, *, under: bool) -> Fact:
    """The hidden fact that says whether a fact's value is in a table."""
    return Fact(
        name_of(Membership(table, fact.name, under)), Type.BOOL, fact.first, fact.absent,
        max(fact.cost, traits.cost), f"whether it is in the table `{table}`",
        many=fact.many, only=fact.only, written=f"@{table}", rests_on=rests_on(table, (fact,)),
    )  # fmt: skip


def counted(fact: Fact, facts: tuple[Fact, ...]) -> Fact:
    """The fact of a limiter's rate, known once the facts of its key are."""
    sources = tuple(source for each in facts for source in each.sources)
    cost = max((Cost.MEMORY, *(each.cost for each in facts)))
    return replace(fact, first=first_of(facts), only=only_of(facts), cost=cost, rests_on=sources)


def first_of(facts: tuple[Fact, ...]) -> Stage:
    """The first stage that has them all."""
    return max((Stage.CONNECT, *(fact.first for fact in facts)))


def only_of(facts: tuple[Fact, ...]) -> frozenset[Stage]:
    """The only stages that have them all; empty where that is every one."""
    return frozenset().union(*(fact.only for fact in facts))


def rests_on(table: str, facts: tuple[Fact, ...]) -> tuple[str, ...]:
    """What an answer of the table for these facts depends on."""
    return tuple(dict.fromkeys((f"table:{table}", *(source for fact in facts for source in fact.sources))))
