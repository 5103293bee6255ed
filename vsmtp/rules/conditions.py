"""Reading `when`, `any` and `unless`: conditions as TOML writes them, checked against the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from vsmtp.rules import constants
from vsmtp.rules.language import Condition, Conjunction, Literal, Op, Operand, Quantified, Ref, Test
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.rules.regex import Pattern, RegexError
from vsmtp.rules.template import reference
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.facts import FACTS, FAMILY_NAMES, NAMESPACES, Fact, find_fact
from vsmtp.vocabulary.types import (
    LATER_OPERATORS,
    NETWORKED,
    OPERATOR_NAMES,
    OPERATORS,
    ORDERED,
    QUANTIFIERS,
    TEXTUAL,
    Quantifier,
    Type,
)

_NEGATIVE: Final = frozenset({"not", "not_in"})
_EQUALITY: Final = frozenset({"is", "not", "in", "not_in"})
_STATES: Final = frozenset({Op.EXISTS, Op.UNAVAILABLE})
_WITH_TABLES: Final = frozenset({Op.IS, Op.UNDER})
_NEVER_TEMPLATES: Final = frozenset({Op.MATCHES, Op.GLOB})
_PAIR: Final = 2
_ANCHORED: Final = re.compile(r"^(?:\(\?[imsU]+\))?(?:\^|\\A)|(?:\$|\\z)$")


def read_conjunction(reading: Reading, raw: object, path: KeyPath) -> Conjunction:
    """The conditions of a table such as `when`; faults are recorded and what is wrong left out."""
    if not isinstance(raw, Mapping):
        reading.fault(path, "wrong-type", "a table of conditions is wanted here")
        return ()
    return tuple(_walk(reading, raw, path, ""))


def read_exemptions(reading: Reading, raw: object, path: KeyPath) -> tuple[Conjunction, ...]:
    """The exemptions of `unless`: each fact of a table is one, each table of a list is one."""
    if isinstance(raw, list):
        tables = (read_conjunction(reading, table, (*path, n)) for n, table in enumerate(raw))
        return tuple(table for table in tables if table)
    return tuple((condition,) for condition in read_conjunction(reading, raw, path))


def _walk(reading: Reading, table: Mapping[str, Any], path: KeyPath, prefix: str) -> Iterator[Condition]:
    for key, raw in table.items():
        name = f"{prefix}{key}"
        here = (*path, key)
        if find_fact(name) is None and name in NAMESPACES and isinstance(raw, Mapping):
            yield from _walk(reading, raw, here, f"{name}.")
        elif name == "match" or name.startswith("match."):
            message = "`match.<group>` is bound only once the rule matches"
            reading.key_fault(here, "unknown-fact", message, "use it in this rule's effects and replies")
        elif (fact := reading.fact(name, here, "key")) is not None:
            tests = _read_tests(reading, fact, raw, here)
            if tests:
                yield Condition(fact, tests, here)


def _read_tests(reading: Reading, fact: Fact, raw: object, path: KeyPath) -> tuple[Test, ...]:
    if not isinstance(raw, Mapping):
        return (Literal(Op.IS, negated=False, operands=_operands(reading, fact, Op.IS, raw, path)),)
    if not raw:
        reading.fault(path, "bad-test", f"no test of `{fact.name}`")
    tests: list[Test] = []
    for key, operand in raw.items():
        here = (*path, key)
        if key in QUANTIFIERS:
            tests.extend(_quantified(reading, fact, key, operand, here))
        elif _operator_is_known(reading, fact, key, here):
            tests.append(_literal(reading, fact, key, operand, here))
            _refuse_bare_negative(reading, fact, key, here)
    return tuple(tests)


def _refuse_bare_negative(reading: Reading, fact: Fact, key: str, path: KeyPath) -> None:
    if fact.many and key in _NEGATIVE:
        message = f"`{fact.name}` is a list: `{key}` does not say whether for any or for all of it"
        reading.key_fault(path, "bare-negative", message, "write `none = { in = [...] }`")


def _quantified(reading: Reading, fact: Fact, key: str, raw: object, path: KeyPath) -> Iterator[Quantified]:
    if not fact.many:
        reading.key_fault(path, "bad-test", f"`{fact.name}` is no list: `{key}` has nothing to choose from")
    elif not isinstance(raw, Mapping) or not raw:
        reading.fault(path, "bad-test", f"a table of tests is wanted here: `{key} = {{ is = ... }}`")
    else:
        literals = []
        for operator, operand in raw.items():
            here = (*path, operator)
            if operator in {"exists", "unavailable"}:
                reading.key_fault(here, "bad-test", f"`{operator}` is about the list, not its elements")
            elif _operator_is_known(reading, fact, operator, here):
                literals.append(_literal(reading, fact, operator, operand, here))
        if literals:
            yield Quantified(cast("Quantifier", key), tuple(literals))


def _operator_is_known(reading: Reading, fact: Fact, key: str, path: KeyPath) -> bool:
    if key in OPERATORS[fact.type]:
        return True
    if key in LATER_OPERATORS:
        reading.key_fault(path, "bad-test", f"the test `{key}` comes with a later release")
    elif key in OPERATOR_NAMES:
        message = f"`{fact.name}` is a {fact.type.value}, which has no `{key}`"
        remedy = "it has " + ", ".join(f"`{name}`" for name in sorted(OPERATORS[fact.type]))
        reading.key_fault(path, "bad-test", message, remedy)
    else:
        remedy = did_you_mean(key, OPERATORS[fact.type] | QUANTIFIERS)
        remedy = remedy or did_you_mean(f"{fact.name}.{key}", (*FACTS, *FAMILY_NAMES))
        reading.key_fault(path, "bad-test", f"`{key}` is no test", remedy)
    return False


def _literal(reading: Reading, fact: Fact, key: str, raw: object, path: KeyPath) -> Literal:
    op = Op.IS if key in _EQUALITY else Op(key)
    if op in _STATES:
        if not isinstance(raw, bool):
            reading.fault(path, "wrong-type", f"`{key}` is `true` or `false`")
        return Literal(op, raw is False, ())
    return Literal(op, key in _NEGATIVE, _operands(reading, fact, op, raw, path))


def _operands(reading: Reading, fact: Fact, op: Op, raw: object, path: KeyPath) -> tuple[Operand, ...]:
    if op is Op.BETWEEN:
        one = isinstance(raw, list) and len(raw) == _PAIR and not isinstance(raw[0], list)
        raw = [raw] if one else raw
    if not isinstance(raw, list):
        return tuple(_operand(reading, fact, op, raw, path))
    return tuple(
        operand
        for n, item in enumerate(raw)
        for operand in _operand(reading, fact, op, item, path if op is Op.BETWEEN else (*path, n))
    )


def _operand(reading: Reading, fact: Fact, op: Op, raw: object, path: KeyPath) -> list[Operand]:
    if isinstance(raw, str) and raw.startswith("@") and len(raw) > 1 and op in _WITH_TABLES:
        return _from_table(reading, fact, op, raw, path)
    name = reference(raw) if isinstance(raw, str) and op not in _NEVER_TEMPLATES else None
    if name is not None:
        return _from_fact(reading, fact, name, path)
    try:
        operands = list(_constant(fact, op, raw))
        _warn_unanchored(reading, fact, op, raw, path)
    except RegexError as error:
        reading.fault(path, "bad-regex", f"RE2 cannot read {_shown(raw)}: {error}")
    except ValueError as error:
        reading.fault(path, "wrong-type", f"{_shown(raw)} is no {_noun(op, fact)}: {error}")
    else:
        return operands
    return []


def _warn_unanchored(reading: Reading, fact: Fact, op: Op, raw: object, path: KeyPath) -> None:
    if op is Op.MATCHES and fact.type in {Type.ADDRESS, Type.DOMAIN} and not _ANCHORED.search(str(raw)):
        message = f"{_shown(raw)} may match in the middle of a {fact.type.value}"
        reading.warn(path, "unanchored-regex", message, "anchor it with `^` or `$`, or use `under` or `glob`")


def _noun(op: Op, fact: Fact) -> str:
    if op in _NEVER_TEMPLATES:
        return "pattern"
    return "domain" if op is Op.UNDER else "range" if op is Op.BETWEEN else fact.type.value


def _from_table(reading: Reading, fact: Fact, op: Op, raw: str, path: KeyPath) -> list[Operand]:
    elements = reading.tables.get(raw[1:])
    if elements is None:
        remedy = did_you_mean(raw, [f"@{name}" for name in reading.tables])
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


def _from_fact(reading: Reading, fact: Fact, name: str, path: KeyPath) -> list[Operand]:
    other = reading.fact(name, path, "value")
    if other is None:
        return []
    if not _comparable(fact.type, other.type):
        message = f"`{fact.name}` is a {fact.type.value}, `{name}` a {other.type.value}"
        reading.fault(path, "wrong-type", message)
        return []
    return [Ref(other)]


def _comparable(one: Type, other: Type) -> bool:
    kinds = ({Type.NUMBER, Type.SIZE, Type.DURATION, Type.HOUR}, TEXTUAL, NETWORKED)
    return one is other or any(one in kind and other in kind for kind in kinds)


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
            return (constants.interval(op, constants.read_number(fact.type, raw)),)


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
        raise ValueError("it is one of " + ", ".join(fact.choices))
    return (value,)


def _shown(raw: object) -> str:
    return f"`{raw}`" if isinstance(raw, str) else f"`{raw!r}`"
