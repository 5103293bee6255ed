"""Everything that can be said about a tree without serving mail, layer by layer.

Syntax, schema and cross-references come from `config`, rules from `rules`, and what the tree names on this
machine from `environment`. The last two are asked when the settings are sound.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vsmtp.config.load import Tree, read_tree
from vsmtp.inspect.compiled import compile_tree
from vsmtp.inspect.environment import examine
from vsmtp.inspect.invariants import read_invariants
from vsmtp.inspect.lints import lint
from vsmtp.rules.compile import Compiled
from vsmtp.rules.graph import Graph
from vsmtp.values.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in the order of places; `tree` is there when the settings are sound, `graph` with it.

    A graph is for serving only when the report is sound: `servable`.
    """

    diagnostics: tuple[Diagnostic, ...]
    tree: Tree | None = None
    graph: Graph | None = None

    @property
    def is_sound(self) -> bool:
        """Whether a server can be run on the tree."""
        return not any(diagnostic.severity == "error" for diagnostic in self.diagnostics)

    @property
    def servable(self) -> tuple[Tree, Graph] | None:
        """The tree and its graph, where a server can be run on them."""
        if self.tree is None or self.graph is None or not self.is_sound:
            return None
        return self.tree, self.graph


def check(directory: Path, *, hostname: str, version: str) -> Report:
    """Read and judge the tree that `-c directory` names; see `read_tree` for the arguments."""
    with _all_is_kept():
        return _judge(directory, hostname, version)


@contextmanager
def _all_is_kept() -> Iterator[None]:
    """Garbage is not looked for: what is read lives as long as the report, and looking costs a third more."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _judge(directory: Path, hostname: str, version: str) -> Report:
    tree = read_tree(directory, hostname=hostname, version=version)
    if not isinstance(tree, Tree):
        return Report(_in_order(tree))
    compiled = compile_tree(tree)
    odd = () if _has_errors(compiled) else lint(tree, compiled.graph)
    own = read_invariants(tree).faults if tree.settings.invariants else ()
    faults = (*compiled.faults, *odd, *own, *examine(tree.settings, os.environ))
    diagnostics = (*tree.notes, *(tree.locate(fault) for fault in faults))
    return Report(_in_order(diagnostics), tree, compiled.graph)


def _has_errors(compiled: Compiled) -> bool:
    return any(fault.severity == "error" for fault in compiled.faults)


def _in_order(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=_position))


def _position(diagnostic: Diagnostic) -> tuple[str, int, int]:
    place = diagnostic.place
    return (place.file, place.line, place.column) if place is not None else ("", 0, 0)
