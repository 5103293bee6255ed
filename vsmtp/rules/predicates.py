"""Tests that no index can answer: those that refer to other facts, or quantify over a list's elements.

They are evaluated one by one, each distinct test once for all the rows that share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from vsmtp.rules.constants import domain_of, fold, folded_text, interval, ordinal
from vsmtp.rules.language import Ago, Interval, Literal, Member, Op, Operand, Quantified, Ref, Test
from vsmtp.rules.logic import all_of, any_of, opposite
from vsmtp.rules.regex import Pattern
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.vocabulary.answers import NO_VALUE, Answer, Scalar, Unasked, Value
from vsmtp.vocabulary.types import NETWORKED, ORDERED, Type

_INTERVALS: Final = NETWORKED | ORDERED
# An element and where it stands in its list.
_Place: TypeAlias = tuple[int, Scalar]
# What an element is compared with once every reference is taken out.
_Constant: TypeAlias = str | bool | Interval


def holds(test: Test, kind: Type, answer: Answer, others: Mapping[str, Answer]) -> bool | None:
    """Whether the test holds for the answer of a fact of this kind; `others` answer the references.

    None: what is unavailable, or not asked yet, leaves it open; no answer that comes later can turn what else
    is said now.
    """
    if isinstance(answer, Unavailable | Unasked):
        return None
    elements = () if isinstance(answer, Missing) else _elements(answer)
    if isinstance(test, Literal):
        found = any_of(_holds_one(test, kind, place, others) for place in _places(elements))
        return opposite(found) if test.negated else found
    return _quantified(test, kind, elements, others)


def _places(elements: tuple[Scalar, ...]) -> tuple[_Place, ...]:
    return tuple(enumerate(elements))


def _quantified(
    test: Quantified, kind: Type, elements: tuple[Scalar, ...], others: Mapping[str, Answer]
) -> bool | None:
    claims = (
        all_of(_holds_literal(literal, kind, place, others) for literal in test.literals)
        for place in _places(elements)
    )
    match test.quantifier:
        case "any":
            return any_of(claims)
        case "all":
            return all_of(claims) if elements else False
        case "none":
            return opposite(any_of(claims))


def _holds_literal(literal: Literal, kind: Type, place: _Place, others: Mapping[str, Answer]) -> bool | None:
    found = _holds_one(literal, kind, place, others)
    return opposite(found) if literal.negated else found


def _holds_one(literal: Literal, kind: Type, place: _Place, others: Mapping[str, Answer]) -> bool | None:
    return any_of(_compare(literal.op, kind, place, operand, others) for operand in literal.operands)


def _compare(
    op: Op, kind: Type, place: _Place, operand: Operand, others: Mapping[str, Answer]
) -> bool | None:
    number, element = place
    if not isinstance(operand, Ref | Member | Ago):
        return _covers(op, element, operand)
    answer = others[operand.fact.name]
    if isinstance(answer, Missing):
        return False
    if isinstance(answer, NO_VALUE):
        return None
    match operand:
        case Member():
            # Element by element; a list of another length is nobody's answer to this question.
            return _elements(answer)[number] is True if number < len(_elements(answer)) else None
        case Ago(_, seconds):
            side = Op.LT if op is Op.OLDER_THAN else Op.GT
            return any(
                _covers(op, element, interval(side, ordinal(at) - seconds)) for at in _elements(answer)
            )
        case Ref():
            return any(_covers(op, element, _as_operand(op, kind, item)) for item in _elements(answer))


def _as_operand(op: Op, kind: Type, value: Scalar) -> _Constant:
    if kind in _INTERVALS:
        if kind is Type.NETWORK and not isinstance(value, int | float | str):
            return Interval(ordinal(value), ordinal(value) + 1)
        return interval(op, ordinal(value))
    match op:
        case Op.UNDER:
            return domain_of(value)
        case Op.STARTS_WITH | Op.ENDS_WITH | Op.CONTAINS:
            return folded_text(value)
        case _:
            return fold(value)


def _covers(op: Op, element: Scalar, operand: _Constant) -> bool:
    if isinstance(operand, Interval):
        return operand.start <= ordinal(element) < operand.end
    if isinstance(operand, bool):
        return element is operand
    return _text_covers(op, element, operand)


def _text_covers(op: Op, element: Scalar, operand: str) -> bool:
    match op:
        case Op.UNDER:
            domain = domain_of(element)
            return bool(operand) and (domain == operand or domain.endswith(f".{operand}"))
        case Op.MATCHES:
            return _pattern(operand).finds(str(element))
        case Op.GLOB:
            return _pattern(operand).finds(folded_text(element))
        case Op.STARTS_WITH | Op.ENDS_WITH | Op.CONTAINS:
            return bool(operand) and _part(op, folded_text(element), operand)
        case _:
            return fold(element) == operand


def _part(op: Op, text: str, part: str) -> bool:
    match op:
        case Op.STARTS_WITH:
            return text.startswith(part)
        case Op.ENDS_WITH:
            return text.endswith(part)
        case _:
            return part in text


def _elements(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> Pattern:
    return Pattern(text)
