"""Rules read one after the other, the plain way: what the graph's speed is compared with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, TypeAlias

from vsmtp.rules.reading import RuleSource
from vsmtp.values.address import Address
from vsmtp.vocabulary.answers import NO_VALUE, Facts

Holds: TypeAlias = Callable[[Any], bool]
Conditions: TypeAlias = tuple[tuple[str, Holds], ...]


class Sequential:
    """A table of refusals, their conditions made functions beforehand; each rule asks its facts itself."""

    def __init__(self, sources: Sequence[RuleSource]) -> None:
        self._rules = [(source.table["name"], tuple(_conditions(source.table["when"]))) for source in sources]

    def decide(self, facts: Facts) -> str | None:
        """The name of the first rule that matches."""
        for name, conditions in self._rules:
            if _all_hold(conditions, facts):
                return str(name)
        return None


def _all_hold(conditions: Conditions, facts: Facts) -> bool:
    for fact, holds in conditions:
        answer = facts.ask(fact)
        if isinstance(answer, NO_VALUE) or not holds(answer):
            return False
    return True


def _conditions(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Holds]]:
    for key, raw in table.items():
        if isinstance(raw, dict) and not raw.keys() & _OPERATORS.keys():
            yield from _conditions(raw, f"{prefix}{key}.")
        else:
            operator, operand = next(iter(raw.items())) if isinstance(raw, dict) else ("is", raw)
            yield f"{prefix}{key}", _OPERATORS[operator](operand)


def _equal(operand: Any) -> Holds:
    if isinstance(operand, list):
        networks = [ip_network(item) for item in operand]
        return lambda value: any(value in network for network in networks)
    folded = operand.casefold() if isinstance(operand, str) else operand
    return lambda value: _folded(value) == folded


def _differs(operand: Any) -> Holds:
    equal = _equal(operand)
    return lambda value: not equal(value)


def _below(operand: str) -> Holds:
    return lambda value: value.casefold() == operand or value.casefold().endswith(f".{operand}")


def _found(operand: str) -> Holds:
    pattern = re.compile(operand)
    return lambda value: pattern.search(str(value)) is not None


def _folded(value: Any) -> Any:
    return str(value).casefold() if isinstance(value, str | Address) else value


_OPERATORS: Mapping[str, Callable[[Any], Holds]] = {
    "is": _equal,
    "not": _differs,
    "under": _below,
    "matches": _found,
    "starts_with": lambda operand: lambda value: str(value).casefold().startswith(operand),
    "contains": lambda operand: lambda value: operand in str(value).casefold(),
    "gt": lambda operand: lambda value: bool(value > operand),
}
