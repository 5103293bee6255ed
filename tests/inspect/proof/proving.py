"""Trees that something is proved of."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from tests.config.trees import HOST, plant
from tests.inspect.playing import BASE
from vsmtp.inspect.check import check
from vsmtp.inspect.proof.claims import Proofs, prove_all
from vsmtp.inspect.proof.prove import Prover
from vsmtp.inspect.proof.result import Verdict

PATIENCE = 20.0


def prover(root: Path, rules: str, base: str = BASE) -> Prover:
    plant(root, a10=base, b20=rules)
    report = check(root, hostname=HOST, version="1.0")
    assert report.is_sound, report.diagnostics
    assert report.tree is not None
    assert report.graph is not None
    return Prover(report.tree, report.graph, monotonic() + PATIENCE)


def relaying(root: Path, rules: str, base: str = BASE) -> Verdict:
    return prover(root, rules, base).relaying()


def claims(root: Path, rules: str, base: str = BASE) -> Proofs:
    ready = prover(root, rules, base)
    return prove_all(ready.tree, ready.graph, ready.deadline)
