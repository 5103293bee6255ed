"""Reading one rule: every key checked, every fault with its place, and what it means as a `Rule`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast, get_args

from vsmtp.rules.bindings import read_lookups
from vsmtp.rules.conditions import read_conjunction, read_exemptions
from vsmtp.rules.deeds import read_effects
from vsmtp.rules.effects import Effect, is_binding
from vsmtp.rules.language import (
    Capture,
    Condition,
    Conjunction,
    Jump,
    Literal,
    Move,
    Op,
    Policy,
    Quantified,
    Return,
    Rule,
    RuleInfo,
)
from vsmtp.rules.reading import Reading, RuleSource, did_you_mean
from vsmtp.rules.regex import Pattern
from vsmtp.rules.replies import read_defer, read_reject
from vsmtp.rules.verdicts import Accept, Delegate, Discard, Quarantine, Trust
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.actions import CLOSING, LATER_VERDICTS, LINTS, VERDICTS
from vsmtp.vocabulary.stages import Stage

_PLAIN_KEYS: Final = frozenset(
    {"name", "stage", "when", "any", "unless", "lookup", "do", "close", "unavailable", "dry_run", "allow"},
)
_KEYS: Final = _PLAIN_KEYS | VERDICTS.keys()
_POLICIES: Final[tuple[str, ...]] = get_args(Policy)


def read_rule(reading: Reading, source: RuleSource) -> Rule:
    """The rule's meaning; faults are recorded in `reading`, and what is at fault is left out."""
    table, path = source.table, source.path
    before = len(reading.faults)
    _check_keys(reading, table, path)
    allow = _allow(reading, table, path)
    reading.scope = read_lookups(reading, table.get("lookup", {}), (*path, "lookup"))
    info = RuleInfo(_name(reading, table, path), reading.stage or Stage.DELIVERY, path)
    when = _when(reading, table, path)
    captures = _captures(when)
    groups = frozenset(group for capture in captures for group in capture.groups)
    effects = read_effects(reading, table.get("do", []), (*path, "do"), groups)
    move = _move(reading, table, path, groups)
    rule = Rule(
        info,
        when,
        read_exemptions(reading, table.get("unless", {}), (*path, "unless")),
        effects,
        move,
        _policy(reading, table, path, _default_policy(move, effects)),
        _flag(reading, table, path, "dry_run"),
        captures,
        allow,
    )
    reading.scope, reading.unbound = {}, frozenset()
    reading.hush(before, allow)
    return rule


def _check_keys(reading: Reading, table: Mapping[str, Any], path: KeyPath) -> None:
    for key in table:
        here = (*path, key)
        if key not in _KEYS:
            reading.key_fault(here, "unknown-key", f"unknown key `{key}`", did_you_mean(key, _KEYS))


def _allow(reading: Reading, table: Mapping[str, Any], path: KeyPath) -> frozenset[str]:
    codes = table.get("allow", [])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        reading.fault((*path, "allow"), "wrong-type", "`allow` is a list of the codes of checks")
        return frozenset()
    for n, code in enumerate(codes):
        if code not in LINTS:
            remedy = (
                did_you_mean(code, LINTS) or f"known are {', '.join(f'`{each}`' for each in sorted(LINTS))}"
            )
            reading.fault(
                (*path, "allow", n), "bad-choice", f"no warning about rules is called `{code}`", remedy
            )
    return frozenset(codes)


def _name(reading: Reading, table: Mapping[str, Any], path: KeyPath) -> str:
    name = table.get("name")
    if name is None:
        reading.key_fault(path, "missing-key", "a rule has a `name`", 'add `name = "..."`')
    elif not isinstance(name, str) or not name.strip():
        reading.fault((*path, "name"), "wrong-type", "a rule's name is a text, and not empty")
    else:
        return name
    return "?"


def _when(reading: Reading, table: Mapping[str, Any], path: KeyPath) -> tuple[Conjunction, ...]:
    when = read_conjunction(reading, table.get("when", {}), (*path, "when"))
    if "any" not in table:
        return (when,)
    tables, here = table["any"], (*path, "any")
    if not isinstance(tables, list):
        reading.fault(
            here, "wrong-type", "`any` is a list of tables of conditions", "write `any = [{ ... }, { ... }]`"
        )
        return (when,)
    # An empty `any` has no table that could hold: the rule never matches.
    return tuple(when + read_conjunction(reading, raw, (*here, n)) for n, raw in enumerate(tables))


def _captures(when: tuple[Conjunction, ...]) -> tuple[Capture, ...]:
    found = {}
    for conjunction in when:
        for condition in conjunction:
            for literal in _positive(condition):
                for pattern in cast("tuple[str, ...]", literal.operands):
                    if groups := Pattern(pattern).groups:
                        found[condition.fact.name, pattern] = Capture(condition.fact, pattern, groups)
    return tuple(found.values())


def _positive(condition: Condition) -> Iterator[Literal]:
    """The `matches` that found something if the condition holds."""
    for test in condition.tests:
        if isinstance(test, Quantified):
            literals = test.literals if test.quantifier != "none" else ()
        else:
            literals = (test,)
        yield from (each for each in literals if each.op is Op.MATCHES and not each.negated)


def _flag(reading: Reading, table: Mapping[str, Any], path: KeyPath, key: str) -> bool:
    raw = table.get(key, False)
    if not isinstance(raw, bool):
        reading.fault((*path, key), "wrong-type", f"`{key}` is `true` or `false`")
    return raw is True


def _policy(reading: Reading, table: Mapping[str, Any], path: KeyPath, default: Policy) -> Policy:
    raw = table.get("unavailable")
    if raw in _POLICIES:
        return cast("Policy", raw)
    if raw is not None:
        remedy = did_you_mean(raw, _POLICIES) if isinstance(raw, str) else ""
        message = "`unavailable` is `defer`, `skip` or `match`"
        reading.fault((*path, "unavailable"), "wrong-type", message, remedy)
    return default


def _default_policy(move: Move | None, effects: Sequence[Effect]) -> Policy:
    """rules.md: what decides must not be passed over in silence; what only edits or logs may be."""
    binding = move is not None or any(is_binding(effect) for effect in effects)
    return "defer" if binding else "skip"


def _move(reading: Reading, table: Mapping[str, Any], path: KeyPath, groups: frozenset[str]) -> Move | None:
    keys = [key for key in VERDICTS if key in table]
    if "close" in table:
        _check_close(reading, table, path)
    if not keys:
        return None
    for extra in keys[1:]:
        message = f"`{keys[0]}` and `{extra}`: a rule has at most one verdict"
        reading.key_fault((*path, extra), "two-verdicts", message, "make two rules of it")
    key, here = keys[0], (*path, keys[0])
    stage = reading.stage
    if stage is not None and stage not in VERDICTS[key]:
        message = f"`{key}` is no verdict of the stage `{stage.label}`"
        places = ", ".join(f"`{each.label}`" for each in sorted(VERDICTS[key]))
        remedy = "use `accept`" if key == "trust" else f"it may stand at {places}"
        reading.key_fault(here, "verdict-not-allowed", message, remedy)
    elif key in LATER_VERDICTS:
        reading.key_fault(here, "not-yet", f"`{key}` comes with a later release")
    return _read_move(reading, table, here, groups)


def _check_close(reading: Reading, table: Mapping[str, Any], path: KeyPath) -> None:
    _flag(reading, table, path, "close")
    here = (*path, "close")
    if "reject" not in table:
        reading.key_fault(here, "verdict-not-allowed", "`close` goes with `reject` only")
    elif reading.stage is not None and reading.stage not in CLOSING:
        message = f"at `{reading.stage.label}` there is no connection to close"
        reading.key_fault(here, "verdict-not-allowed", message)


def _read_move(
    reading: Reading, table: Mapping[str, Any], path: KeyPath, groups: frozenset[str]
) -> Move | None:
    key = str(path[-1])
    raw = table[key]
    match key:
        case "reject":
            return read_reject(reading, raw, path, groups, closes=table.get("close") is True)
        case "defer":
            return read_defer(reading, raw, path, groups)
        case "quarantine" | "delegate" | "jump":
            return _read_named(reading, key, raw, path)
        case _:
            return _read_plain(reading, key, raw, path)


def _read_plain(reading: Reading, key: str, raw: object, path: KeyPath) -> Move | None:
    if raw is not True:
        reading.fault(path, "wrong-type", f"`{key}` is `true` or not there")
    moves: dict[str, Move] = {
        "accept": Accept(),
        "return": Return(),
        "trust": Trust(),
        "discard": Discard(),
    }
    return moves[key]


def _read_named(reading: Reading, key: str, raw: object, path: KeyPath) -> Move | None:
    if not isinstance(raw, str) or not raw:
        reading.fault(path, "wrong-type", f"`{key}` is a name")
    elif key == "quarantine":
        return Quarantine(raw) if reading.declared("quarantine", raw, path) else None
    elif key == "delegate":
        return Delegate(raw)
    elif raw in reading.known.chains:
        return Jump(raw)
    else:
        remedy = did_you_mean(raw, reading.known.chains) or f"declare it: `[[chains.{raw}]]`"
        reading.fault(path, "unknown-chain", f"there is no chain `{raw}`", remedy)
    return None
