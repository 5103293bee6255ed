"""Reading what stands behind an operator: constants, `"@tables"`, `"{references}"`, durations."""

from __future__ import annotations

import re
from typing import Final

from vsmtp.rules import constants
from vsmtp.rules.language import Ago, Member, Op, Operand, Ref
from vsmtp.rules.lookups import membership
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.rules.regex import Pattern, RegexError
from vsmtp.rules.template import reference
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.facts import FACTS, Fact
from vsmtp.vocabulary.types import NETWORKED, ORDERED, TEXTUAL, Type, with_article

_WITH_TABLES: Final = frozenset({Op.IS, Op.UNDER})
_NEVER_TEMPLATES: Final = frozenset({Op.MATCHES, Op.GLOB})
_AGES: Final = frozenset({Op.OLDER_THAN, Op.NEWER_THAN})
_PAIR: Final = 2
_ANCHORED: Final = re.compile(r"^(?:\(\?[imsU]+\))?(?:\^|\\A)|(?:\$|\\z)$")
_COMPARABLE: Final = (
    frozenset({Type.NUMBER, Type.SIZE, Type.DURATION, Type.HOUR}), TEXTUAL, NETWORKED,
)  # fmt: skip


class ImpossibleValueError(ValueError):
    """The constant is well formed, and the fact never has that value."""


def read_operands(reading: Reading, fact: Fact, op: Op, raw: object, path: KeyPath) -> tuple[Operand, ...]:
    """The operands of one test; faults are recorded and what is wrong left out."""
    if op is Op.BETWEEN:
        raw = _ranges(raw)
    if not isinstance(raw, list):
        return tuple(_operand(reading, fact, op, raw, path))
    return tuple(
        operand
        for n, item in enumerate(raw)
        for operand in _operand(reading, fact, op, item, path if op is Op.BETWEEN else (*path, n))
    )


def words_of(op: Op, raw: object) -> tuple[str, ...]:
    """Operands as they were written, a range as `22:00 to 06:00`."""
    items = _ranges(raw) if op is Op.BETWEEN else raw
    items = items if isinstance(items, list) else [items]
    return tuple(_word(item) for item in items)


def _ranges(raw: object) -> object:
    """A list of ranges, where one alone may be written as such."""
    one = isinstance(raw, list) and len(raw) == _PAIR and not isinstance(raw[0], list)
    return [raw] if one else raw


def _word(item: object) -> str:
    if isinstance(item, list):
        return " to ".join(map(str, item))
    return str(item).lower() if isinstance(item, bool) else str(item)


def _operand(reading: Reading, fact: Fact, op: Op, raw: object, path: KeyPath) -> list[Operand]:
    if isinstance(raw, str) and raw.startswith("@") and len(raw) > 1 and op in _WITH_TABLES:
        return _from_table(reading, fact, op, raw, path)
    name = reference(raw) if isinstance(raw, str) and op not in _NEVER_TEMPLATES else None
    if name is not None:
        return _from_fact(reading, fact, op, name, path)
    try:
        operands = list(_constant(fact, op, raw))
        _warn_unanchored(reading, fact, op, raw, path)
        _warn_of_text(reading, op, raw, path)
    except RegexError as error:
        reading.fault(path, "bad-regex", f"RE2 cannot read {_shown(raw)}: {error}")
    except ImpossibleValueError as error:
        message = f"{_shown(raw)} is no value that `{fact.label}` ever has"
        remedy = did_you_mean(str(raw), fact.choices) or str(error)
        reading.fault(path, "impossible-value", message, remedy)
    except constants.WantedError as error:
        reading.fault(path, "wrong-type", f"{error}, not {_shown(raw)}")
    except ValueError as error:
        said, shown = str(error), _shown(raw)
        message = said if said.startswith(shown) else f"{shown} is no {_noun(op, fact)}: {said}"
        reading.fault(path, "wrong-type", message)
    else:
        return operands
    return []


def _warn_unanchored(reading: Reading, fact: Fact, op: Op, raw: object, path: KeyPath) -> None:
    if op is Op.MATCHES and fact.type in {Type.ADDRESS, Type.DOMAIN} and not _ANCHORED.search(str(raw)):
        message = f"{_shown(raw)} may match in the middle of {with_article(fact.type)}"
        reading.warn(path, "unanchored-regex", message, "anchor it with `^` or `$`, or use `under` or `glob`")


def _warn_of_text(reading: Reading, op: Op, raw: object, path: KeyPath) -> None:
    """Behind `ends_with` and the like `@friends` is text, even where there is such a table."""
    name = raw[1:] if isinstance(raw, str) and raw.startswith("@") else ""
    if name in reading.known.tables or name in reading.known.dynamic:
        message = f"`{raw}` is text here, not the table: `{op.value}` knows no tables"
        reading.warn(
            path, "text-not-table", message, "tables stand behind `is`, `not`, `in`, `not_in` and `under`"
        )


def _noun(op: Op, fact: Fact) -> str:
    if op in _NEVER_TEMPLATES:
        return "pattern"
    if op in _AGES:
        return Type.DURATION.value
    return "domain" if op is Op.UNDER else "range" if op is Op.BETWEEN else fact.type.value


def _from_table(reading: Reading, fact: Fact, op: Op, raw: str, path: KeyPath) -> list[Operand]:
    name = raw[1:]
    elements = reading.known.tables.get(name)
    traits = reading.known.dynamic.get(name)
    if elements is None and traits is not None:
        return [Member(membership(fact, name, traits, under=op is Op.UNDER))]
    if elements is None:
        known = (*reading.known.tables, *reading.known.dynamic)
        remedy = did_you_mean(raw, [f"@{each}" for each in known]) or f"declare it: `[tables.{name}]`"
        reading.fault(path, "unknown-table", f"there is no table `{raw}`", remedy)
        return []
    operands: list[Operand] = []
    for element in elements:
        try:
            operands.extend(_constant(fact, op, element))
        except ValueError as error:
            message = f"`{raw}` holds `{element}`, which is no {fact.type.value}: {error}"
            reading.fault(path, "wrong-type", message)
            return []
    return operands


def _from_fact(reading: Reading, fact: Fact, op: Op, name: str, path: KeyPath) -> list[Operand]:
    other = reading.fact(name, path, "value")
    if other is None:
        return []
    if op in _AGES:
        reading.fault(path, "wrong-type", "a duration is wanted here, such as `5d`")
        return []
    if not _comparable(fact.type, other.type):
        message = f"`{fact.label}` is {with_article(fact.type)}, `{name}` {with_article(other.type)}"
        reading.fault(path, "wrong-type", message)
        return []
    return [Ref(other)]


def _comparable(one: Type, other: Type) -> bool:
    return one is other or any(one in kind and other in kind for kind in _COMPARABLE)


def _constant(fact: Fact, op: Op, raw: object) -> tuple[Operand, ...]:
    match op:
        case Op.MATCHES | Op.GLOB:
            return (_regex(op, raw),)
        case Op.STARTS_WITH | Op.ENDS_WITH | Op.CONTAINS:
            return (constants.read_part(raw),)
        case Op.UNDER:
            return (constants.read_domain(raw),)
        case Op.BETWEEN:
            return _range(fact, raw)
        case Op.IS:
            return _equal(fact, raw)
        case _:
            return (_beyond(fact, op, raw),)


def _regex(op: Op, raw: object) -> str:
    if not isinstance(raw, str):
        raise constants.wanted("a pattern, written as text, is wanted here")
    pattern = raw if op is Op.MATCHES else constants.read_glob(raw)
    Pattern(pattern)
    return pattern


def _range(fact: Fact, raw: object) -> tuple[Operand, ...]:
    if not isinstance(raw, list) or len(raw) != _PAIR:
        raise ValueError("a range is written `[from, to]`")
    low, high = (constants.read_number(fact.type, end) for end in raw)
    return constants.between(fact.type, low, high)


def _equal(fact: Fact, raw: object) -> tuple[Operand, ...]:
    if fact.type in NETWORKED:
        return constants.read_network(fact.type, raw)
    if fact.type in ORDERED:
        return (constants.interval(Op.IS, constants.read_number(fact.type, raw)),)
    value = constants.read_text(fact.type, raw)
    if fact.choices and value not in fact.choices:
        raise ImpossibleValueError("it is one of " + ", ".join(f"`{choice}`" for choice in fact.choices))
    return (value,)


def _beyond(fact: Fact, op: Op, raw: object) -> Operand:
    """The numbers on one side of a constant; of a moment's age, the moment that lies so long before now."""
    if op not in _AGES:
        return constants.interval(op, constants.read_number(fact.type, raw))
    seconds = constants.read_number(Type.DURATION, raw)
    if fact.type is Type.DURATION:
        return constants.interval(Op.GT if op is Op.OLDER_THAN else Op.LT, seconds)
    return Ago(FACTS["time.now"], seconds)


def _shown(raw: object) -> str:
    return f"`{raw}`" if isinstance(raw, str) else f"`{raw!r}`"
