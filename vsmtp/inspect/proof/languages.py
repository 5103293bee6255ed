"""RE2's patterns as the solver's regular languages: of all texts in which the pattern is found.

What has no simple translation (word boundaries, anchors in the middle, POSIX classes) has none here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from re import _constants as code  # type: ignore[attr-defined]  # the parser of `re` has no public name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

import z3  # type: ignore[import-untyped]  # the package has no stubs

from vsmtp.rules.language import Op

_SORT: Final = z3.ReSort(z3.StringSort())
ANYTHING: Final = z3.Full(_SORT)
_ANY: Final = z3.AllChar(_SORT)
_MOST: Final = 200
_STARTS: Final = (code.AT_BEGINNING, code.AT_BEGINNING_STRING)
_ENDS: Final = (code.AT_END, code.AT_END_STRING)
_FOREIGN: Final = ("[[", "[:", r"\p", r"\P", r"\b", r"\B", r"\C", r"\Q", r"\x{")
# ASCII alone, as RE2 has them.
_CLASSES: Final = {
    code.CATEGORY_DIGIT: "0-9",
    code.CATEGORY_WORD: "0-9A-Z_a-z",
    code.CATEGORY_SPACE: "\t-\n\f-\r - ",
}
_NEGATED: Final = {
    code.CATEGORY_NOT_DIGIT: code.CATEGORY_DIGIT,
    code.CATEGORY_NOT_WORD: code.CATEGORY_WORD,
    code.CATEGORY_NOT_SPACE: code.CATEGORY_SPACE,
}


class ForeignError(ValueError):
    """The pattern has no translation."""


def language(op: Op, operand: str) -> Any | None:
    """The texts in which a rule's test finds its operand; None where nobody can say.

    All tests but `matches` ignore case.
    """
    if op is Op.STARTS_WITH:
        return z3.Concat(text(operand), ANYTHING)
    if op is Op.ENDS_WITH:
        return z3.Concat(ANYTHING, text(operand))
    if op is Op.CONTAINS:
        return z3.Concat(ANYTHING, text(operand), ANYTHING)
    try:
        return _found(_parsed(operand), fold=op is not Op.MATCHES)
    except (ForeignError, re.error, RecursionError, OverflowError):
        return None


def text(written: str) -> Any:
    """The text itself, in any case."""
    letters = [_letter(ord(letter), fold=True) for letter in written]
    return _sequence(letters)


def of(pattern: str) -> Any:
    """The texts that a pattern of ours covers as a whole."""
    return _items(_parsed(pattern), fold=False)


def _parsed(pattern: str) -> Any:
    if any(foreign in pattern for foreign in _FOREIGN):
        raise ForeignError(pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = parser.parse(pattern.replace(r"\z", r"\Z"))
    if parsed.state.flags & (re.MULTILINE | re.VERBOSE):
        raise ForeignError(pattern)
    return _with_case(parsed)


def _with_case(parsed: Any) -> Any:
    """The whole pattern as a group, where its flags say that case does not count."""
    if parsed.state.flags & re.IGNORECASE:
        return [(code.SUBPATTERN, (None, re.IGNORECASE, 0, parsed))]
    return parsed


def _found(items: Any, *, fold: bool) -> Any:
    """Anything, the pattern, anything; less what an anchor at either end forbids."""
    items = list(items)
    if len(items) == 1 and items[0][0] is code.SUBPATTERN:
        _, add, drop, inner = items[0][1]
        return _found(inner, fold=_folds(add, drop, fold=fold))
    if len(items) == 1 and items[0][0] is code.BRANCH:
        return _union([_found(branch, fold=fold) for branch in items[0][1][1]])
    before = after = True
    while items and items[0][0] is code.AT and items[0][1] in _STARTS:
        before, items = False, items[1:]
    while items and items[-1][0] is code.AT and items[-1][1] in _ENDS:
        after, items = False, items[:-1]
    middle = _items(items, fold=fold)
    return _sequence([*([ANYTHING] if before else []), middle, *([ANYTHING] if after else [])])


def _folds(add: int, drop: int, *, fold: bool) -> bool:
    if add & re.MULTILINE:
        raise ForeignError
    return (fold or bool(add & re.IGNORECASE)) and not drop & re.IGNORECASE


def _items(items: Any, *, fold: bool) -> Any:
    return _sequence([_item(op, said, fold=fold) for op, said in items])


def _item(op: Any, said: Any, *, fold: bool) -> Any:
    match op:
        case code.LITERAL | code.NOT_LITERAL:
            letter = _letter(said, fold=fold)
            return letter if op is code.LITERAL else _except(letter)
        case code.ANY:
            return _ANY
        case code.IN:
            return _class(said, fold=fold)
        case code.BRANCH:
            return _union([_items(branch, fold=fold) for branch in said[1]])
        case code.SUBPATTERN:
            return _items(said[3], fold=_folds(said[1], said[2], fold=fold))
        case code.MAX_REPEAT | code.MIN_REPEAT:
            return _repeated(said[0], said[1], _items(said[2], fold=fold))
        case _:
            raise ForeignError


def _repeated(least: int, most: Any, inner: Any) -> Any:
    if least > _MOST or (most is not code.MAXREPEAT and most > _MOST):
        raise ForeignError
    if most is code.MAXREPEAT:
        return z3.Star(inner) if least == 0 else _sequence([*[inner] * (least - 1), z3.Plus(inner)])
    return z3.Loop(inner, least, most) if most else z3.Re("")


def _class(said: Any, *, fold: bool) -> Any:
    said = list(said)
    negated = bool(said) and said[0][0] is code.NEGATE
    found = _union([_member(op, what, fold=fold) for op, what in said[negated:]])
    return _except(found) if negated else found


def _member(op: Any, what: Any, *, fold: bool) -> Any:
    match op:
        case code.LITERAL:
            return _letter(what, fold=fold)
        case code.RANGE:
            return _range(*what, fold=fold)
        case code.CATEGORY if what in _NEGATED:
            return _except(_ranges(_CLASSES[_NEGATED[what]]))
        case code.CATEGORY:
            return _ranges(_CLASSES[what])
        case _:
            raise ForeignError


def _range(low: int, high: int, *, fold: bool) -> Any:
    found = [z3.Range(chr(low), chr(high))]
    if fold:
        for first, last, shift in ((ord("a"), ord("z"), -32), (ord("A"), ord("Z"), 32)):
            start, end = max(low, first), min(high, last)
            if start <= end:
                found.append(z3.Range(chr(start + shift), chr(end + shift)))
    return _union(found)


def _ranges(written: str) -> Any:
    return _union(
        [
            z3.Range(written[n], written[n + 2]) if written[n + 1 : n + 2] == "-" else z3.Re(written[n])
            for n in _starts(written)
        ]
    )


def _starts(written: str) -> list[int]:
    found, n = [], 0
    while n < len(written):
        found.append(n)
        n += 3 if written[n + 1 : n + 2] == "-" else 1
    return found


def _letter(number: int, *, fold: bool) -> Any:
    letter = chr(number)
    other = letter.swapcase()
    if not fold or other == letter or len(other) != 1:
        return z3.Re(letter)
    return z3.Union(z3.Re(letter), z3.Re(other))


def _except(inner: Any) -> Any:
    return z3.Intersect(_ANY, z3.Complement(inner))


def _union(parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else z3.Union(*parts)


def _sequence(parts: Sequence[Any]) -> Any:
    if not parts:
        return z3.Re("")
    return parts[0] if len(parts) == 1 else z3.Concat(*parts)
