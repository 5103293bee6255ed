"""`vsmtp prove`: show that no stranger can relay, or the session in which one does."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import Any, Final, TypeAlias

from vsmtp.cli.host import add_tree_option
from vsmtp.cli.printing import print_json, print_lines
from vsmtp.cli.tree import sound_tree
from vsmtp.inspect.account import fact_label
from vsmtp.inspect.explanation import as_object, fact_text
from vsmtp.inspect.narration import FEW, dialogue_lines, narrate
from vsmtp.inspect.proof.evident import is_installed
from vsmtp.inspect.proof.result import HOW_TO_INSTALL, Found, Verdict
from vsmtp.inspect.rulebook import Rulebook

# A fact as its author writes it.
Label: TypeAlias = Callable[[str], str]

PROVED: Final = 0
REFUTED: Final = 1
USAGE: Final = 2
UNDECIDED: Final = 3
_PATIENCE: Final = 30.0
_STATUS: Final = {"proved": PROVED, "refuted": REFUTED, "undecided": UNDECIDED}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
    parser.add_argument(
        "--timeout", type=float, default=_PATIENCE, metavar="S", help="seconds to look (default: %(default)g)"
    )


def run(args: Namespace) -> int:
    """Prove; 0 when all is proved, 1 when not or the tree is unsound, 2 for wrong usage, 3 if undecided."""
    if not is_installed():
        sys.stderr.write(f"vsmtp prove: {HOW_TO_INSTALL}\n")
        return USAGE
    from vsmtp.inspect.proof.claims import prove_all  # noqa: PLC0415 the solver is an extra

    sound = sound_tree(args.config)
    if sound is None:
        return REFUTED
    tree, graph = sound
    proofs = prove_all(tree, graph, monotonic() + args.timeout)
    label = partial(fact_label, bindings=graph.bindings)
    book = Rulebook.of(tree)
    if args.format == "json":
        said: dict[str, Any] = {
            "claims": [_as_object(proof.name, proof.verdict, book, label) for proof in proofs.claims],
            "assumptions": list(proofs.assumptions),
            "notes": list(proofs.notes),
        }
        print_json(said)
    else:
        lines = [line for proof in proofs.claims for line in _lines(proof.name, proof.verdict, book, label)]
        lines += [f"assumed: {each}" for each in proofs.assumptions]
        lines += [f"note: {each}" for each in proofs.notes]
        print_lines(lines)
    outcomes = {proof.verdict.outcome for proof in proofs.claims}
    return next(_STATUS[each] for each in ("refuted", "undecided", "proved") if each in outcomes)


def _lines(name: str, verdict: Verdict, book: Rulebook, label: Label) -> Iterator[str]:
    why = f": {verdict.reason}" if verdict.reason else ""
    yield f"{name}: {verdict.outcome}{why}"
    if verdict.session is not None:
        yield from (f"  {line}" if line else "" for line in _session_lines(verdict.session, book, label))


def _session_lines(found: Found, book: Rulebook, label: Label) -> Iterator[str]:
    who = f"logged in as {found.scene.user}" if found.scene.user else "not logged in"
    yield f"a client at {found.scene.client}, {who}"
    for fact, answer in sorted(found.world.facts.items()):
        yield f"supposing {label(fact)} = {fact_text(fact, answer)}"
    yield ""
    yield from dialogue_lines(found.rehearsed)
    yield ""
    yield from narrate(found.rehearsed, book, FEW)
    if found.rule is not None:
        yield f"`{found.rule.name}` at {found.rule.stage.label} sends it on: {found.effect}"


def _as_object(name: str, verdict: Verdict, book: Rulebook, label: Label) -> dict[str, Any]:
    found = verdict.session
    said: dict[str, Any] = {"claim": name, "outcome": verdict.outcome, "reason": verdict.reason}
    if found is not None:
        scene = found.scene
        said["session"] = {
            "client": str(scene.client), "listener": scene.listener, "helo": scene.helo, "auth": scene.user,
            "tls": scene.tls, "from": str(scene.sender or ""), "rcpt": [str(one) for one in scene.recipients],
            "supposed": {label(fact): fact_text(fact, answer) for fact, answer in found.world.facts.items()},
            "rule": found.rule.name if found.rule else None, "effect": found.effect or None,
            "explanation": as_object(found.rehearsed, book),
        }  # fmt: skip
    return said
