"""A rule's effects on variables, as the values that they get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from vsmtp.effects.unfit import Unfit
from vsmtp.rules.effects import AddVariables, Assigned, SetVariables, VariableEffect
from vsmtp.rules.template import Template, render_text
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.vocabulary.answers import Facts

Variable: TypeAlias = str | bool | int | float


def as_assignments(
    effect: VariableEffect, facts: Facts
) -> Iterator[tuple[str, Variable | Unavailable | Unfit]]:
    """What each variable becomes, in order, each seeing the one before once that is assigned.

    A text with an unavailable fact makes the variable unavailable too: what is not known stays unknown.
    """
    match effect:
        case SetVariables(values):
            yield from ((name, _value(value, facts)) for name, value in values)
        case AddVariables(amounts):
            yield from ((name, _sum(name, amount, facts)) for name, amount in amounts)


def _value(value: Assigned, facts: Facts) -> Variable | Unavailable:
    if not isinstance(value, Template):
        return value
    for name in value.facts:
        answer = facts.ask(name)
        if isinstance(answer, Unavailable):
            return answer
    return render_text(value, facts)


def _sum(name: str, amount: float, facts: Facts) -> Variable | Unavailable | Unfit:
    match facts.ask(name):
        case Missing():
            return amount
        case Unavailable() as unknown:
            return unknown
        case int() | float() as number:
            return number + amount
        case _:
            return Unfit(f"`{name}` is a text, to which nothing can be added")
