"""Which variables rules give values to, and of what type: what `when.var.score` may be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from vsmtp.rules.reading import RuleSource
from vsmtp.vocabulary.types import Type

_OF_RECIPIENT: Final = "rcpt"


def variable_types(sources: Iterable[RuleSource]) -> dict[str, Type]:
    """The variables by the names they are asked by, and the type of what rules set them to.

    One that is only added to is a number; one of several types is text.
    """
    kinds: dict[str, set[Type]] = {}
    for source in sources:
        for name, kind in _given(source.table.get("do")):
            kinds.setdefault(name, set()).add(kind)
    return {name: found.pop() if len(found) == 1 else Type.TEXT for name, found in kinds.items()}


def _given(deeds: object) -> Iterator[tuple[str, Type]]:
    for deed in deeds if isinstance(deeds, list) else ():
        if not isinstance(deed, Mapping):
            continue
        for name, value in _named("var", deed.get("set")):
            yield name, _type_of(value)
        for name, _ in _named("var", deed.get("add")):
            yield name, Type.NUMBER


def _named(prefix: str, values: object) -> Iterator[tuple[str, Any]]:
    """`{ x = 1, rcpt.y = 2 }` as `var.x` and `rcpt.var.y`."""
    for name, value in values.items() if isinstance(values, Mapping) else ():
        if isinstance(value, Mapping):
            if name == _OF_RECIPIENT:
                yield from _named(f"{_OF_RECIPIENT}.{prefix}", value)
        else:
            yield f"{prefix}.{name}", value


def _type_of(value: object) -> Type:
    if isinstance(value, bool):
        return Type.BOOL
    return Type.NUMBER if isinstance(value, int | float) else Type.TEXT
