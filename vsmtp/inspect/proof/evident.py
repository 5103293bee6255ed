"""When a proof is not needed: rules that only refuse leave the shipped rule against relaying as it is.

Nothing here needs the solver, nor what a session is played with.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from vsmtp.config.load import Tree
from vsmtp.inspect.proof.gather import all_rules, rules_of
from vsmtp.rules.effects import (
    AddressEffect,
    Count,
    ExportEffect,
    HeaderEffect,
    Log,
    Maildir,
    NoDelivery,
    Notify,
    RemoveRcpt,
    TableEffect,
    VariableEffect,
)
from vsmtp.rules.graph import Graph
from vsmtp.rules.language import Jump, Return, Rule
from vsmtp.rules.verdicts import Defer, Refuse
from vsmtp.vocabulary.stages import Stage

# What a rule can do without opening a way: whatever lets pass, keeps or redirects mail is the solver's.
_CLOSED: Final = (Refuse, Defer, Return, Jump, type(None))
# Effects that lead no mail elsewhere; one that is not listed here, a new one too, is left to the solver.
_QUIET: Final = (
    HeaderEffect | AddressEffect | VariableEffect | TableEffect | ExportEffect
    | Count | Log | Maildir | NoDelivery | Notify | RemoveRcpt
)  # fmt: skip
_GUARD: Final = "no-relaying"


def is_installed() -> bool:
    """Whether the solver is there."""
    return find_spec("z3") is not None


def needs_proof(tree: Tree, graph: Graph) -> bool:
    """Whether anything that is claimed of a sound tree could fail: false only where nothing can."""
    if tree.settings.invariants:
        return True
    return not _is_guarded(graph) or any(_opens(rule) for rule in all_rules(graph))


def _is_guarded(graph: Graph) -> bool:
    pipeline = graph.stage(Stage.RCPT)
    shipped = pipeline.shipped if pipeline is not None else ()
    return any(rule.info.name == _GUARD for rule in rules_of(shipped))


def _opens(rule: Rule) -> bool:
    leads = not all(isinstance(effect, _QUIET) for effect in rule.effects)
    return leads or not isinstance(rule.move, _CLOSED)
