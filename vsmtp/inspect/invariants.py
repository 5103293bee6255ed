"""The administrator's own claims, `[[invariants]]`: which sessions they are about, and how those must end.

An invariant's conditions are a rule's, and are asked of each recipient where it is named. The rules are not
changed by them; `vsmtp prove` and `vsmtp check` look for a session that breaks one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from vsmtp.config.load import Tree
from vsmtp.config.models.types import nearest
from vsmtp.inspect.compiled import elements_of
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.language import Rule
from vsmtp.rules.reading import RuleSource
from vsmtp.tables.kinds import traits
from vsmtp.values.diagnostic import Fault, KeyPath
from vsmtp.vocabulary.stages import Stage

Expected: TypeAlias = Literal["rejected", "accepted"]
_EXPECTED: Final[tuple[str, ...]] = get_args(Expected)
_KEYS: Final = ("name", "when", "any", "unless", "expect")


@dataclass(frozen=True, slots=True)
class Invariant:
    """Every session that the rule's conditions describe ends as expected.

    `rejected`: the recipient, or at the latest the message, is refused, or kept back, or dropped. `accepted`:
    neither is.
    """

    name: str
    rule: Rule
    expect: Expected
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Read:
    """The invariants of a tree, and the faults in them; with faults there may be fewer."""

    invariants: tuple[Invariant, ...]
    faults: tuple[Fault, ...]


def read_invariants(tree: Tree) -> Read:
    """Read `[[invariants]]`."""
    written = [(("invariants", n), table) for n, table in enumerate(tree.settings.invariants)]
    faults = [fault for path, table in written for fault in _faults(path, table)]
    sources = [RuleSource(path, _as_rule(table)) for path, table in written]
    rules = Ruleset({Stage.RCPT: sources}, {}, {})
    compiled = compile_rules(rules, elements_of(tree.settings), traits(tree.settings.tables))
    faults += [fault for fault in compiled.faults if fault.severity == "error"]
    pipeline = compiled.graph.stage(Stage.RCPT)
    found = [placed.rule for node in (pipeline.root if pipeline else ()) for placed in node.placed]
    invariants = [
        Invariant(rule.info.name, rule, cast("Expected", table["expect"]), path)
        for (path, table), rule in zip(written, found, strict=True)
        if table.get("expect") in _EXPECTED
    ]
    return Read(tuple(invariants), tuple(faults))


def _as_rule(table: Mapping[str, Any]) -> dict[str, Any]:
    conditions = {key: value for key, value in table.items() if key in {"name", "when", "any", "unless"}}
    return {**conditions, "unavailable": "skip"}


def _faults(path: KeyPath, table: Mapping[str, Any]) -> list[Fault]:
    faults = []
    for key in table:
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            remedy = f"did you mean `{near}`?" if near else f"known here are {', '.join(_KEYS)}"
            faults.append(Fault((*path, key), "unknown-key", f"unknown key `{key}`", remedy, at="key"))
    expect = table.get("expect")
    if "expect" not in table:
        remedy = 'add `expect = "rejected"`'
        faults.append(Fault(path, "missing-key", "an invariant says what it expects", remedy, at="key"))
    elif expect not in _EXPECTED:
        remedy = f"known are {', '.join(f'`{word}`' for word in _EXPECTED)}"
        faults.append(Fault((*path, "expect"), "bad-choice", f"unknown word `{expect}`", remedy))
    return faults
