"""Reading `when`, `any` and `unless`: conditions as TOML writes them, checked against the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from vsmtp.rules.language import Condition, Conjunction, Literal, Op, Quantified, Test
from vsmtp.rules.operands import read_operands, words_of
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.facts import Fact, find_fact
from vsmtp.vocabulary.types import OPERATOR_NAMES, OPERATORS, QUANTIFIERS, Quantifier, with_article

_NEGATIVE: Final = frozenset({"not", "not_in"})
_EQUALITY: Final = frozenset({"is", "not", "in", "not_in"})
_STATES: Final = frozenset({Op.EXISTS, Op.UNAVAILABLE})


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
        if name == "match":
            message = "`match.<group>` is bound only once the rule matches"
            reading.key_fault(here, "unknown-fact", message, "use it in this rule's effects and replies")
        elif find_fact(name) is None and reading.is_namespace(name) and isinstance(raw, Mapping):
            yield from _walk(reading, raw, here, f"{name}.")
        elif (fact := reading.fact(_spelled_out(name, raw), here, "key")) is not None:
            tests = _read_tests(reading, fact, raw, here)
            if tests:
                yield Condition(fact, tests, here)


def _spelled_out(name: str, raw: object) -> str:
    """The whole of a name that no fact begins with, `sendr.domain`, so that what was meant can be found."""
    if "." in name or not isinstance(raw, Mapping) or len(raw) != 1:
        return name
    key = next(iter(raw))
    return name if key in OPERATOR_NAMES | QUANTIFIERS else f"{name}.{key}"


def _read_tests(reading: Reading, fact: Fact, raw: object, path: KeyPath) -> tuple[Test, ...]:
    if not isinstance(raw, Mapping):
        operands = read_operands(reading, fact, Op.IS, raw, path)
        return (Literal(Op.IS, negated=False, operands=operands, words=words_of(Op.IS, raw)),)
    if not raw:
        reading.fault(path, "bad-test", f"no test of `{fact.label}`")
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
        message = f"`{fact.label}` is a list: `{key}` does not say whether for any or for all of it"
        reading.key_fault(path, "bare-negative", message, "write `none = { in = [...] }`")


def _quantified(reading: Reading, fact: Fact, key: str, raw: object, path: KeyPath) -> Iterator[Quantified]:
    if not fact.many:
        reading.key_fault(path, "bad-test", f"`{fact.label}` is no list: `{key}` has nothing to choose from")
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
    if key in OPERATOR_NAMES:
        message = f"`{fact.label}` is {with_article(fact.type)}, which has no `{key}`"
        remedy = "it has " + ", ".join(f"`{name}`" for name in sorted(OPERATORS[fact.type]))
        reading.key_fault(path, "bad-test", message, remedy)
    else:
        remedy = did_you_mean(key, OPERATORS[fact.type] | QUANTIFIERS)
        remedy = remedy or did_you_mean(f"{fact.label}.{key}", reading.names_of_facts())
        reading.key_fault(path, "bad-test", f"`{key}` is no test", remedy)
    return False


def _literal(reading: Reading, fact: Fact, key: str, raw: object, path: KeyPath) -> Literal:
    op = Op.IS if key in _EQUALITY else Op(key)
    if op in _STATES:
        if not isinstance(raw, bool):
            reading.fault(path, "wrong-type", f"`{key}` is `true` or `false`")
        return Literal(op, raw is False, ())
    operands = read_operands(reading, fact, op, raw, path)
    return Literal(op, key in _NEGATIVE, operands, words_of(op, raw))
