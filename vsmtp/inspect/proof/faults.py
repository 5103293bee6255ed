"""What a proof has to say to `vsmtp check`: an error for each claim that a session refutes."""

from __future__ import annotations

from dataclasses import replace

from vsmtp.inspect.check import Report
from vsmtp.inspect.proof.claims import Claim, prove_all
from vsmtp.inspect.proof.result import Found
from vsmtp.inspect.rehearsed import MESSAGE
from vsmtp.rules.verdicts import Accept, Trust
from vsmtp.values.diagnostic import Fault, KeyPath

_MORE = "`vsmtp prove` shows the whole session, and which rules took part in it"


def with_proofs(report: Report, deadline: float) -> Report:
    """The report of a sound tree with the errors that proofs add; what stays undecided adds none."""
    if report.servable is None:
        return report
    tree, graph = report.servable
    faults = [fault for claim in prove_all(tree, graph, deadline).claims for fault in _fault(claim)]
    return replace(report, diagnostics=(*report.diagnostics, *map(tree.locate, faults)))


def _fault(claim: Claim) -> list[Fault]:
    found = claim.verdict.session
    if claim.verdict.outcome != "refuted" or found is None:
        return []
    said = told(found)
    if not claim.path:
        path = _culprit(found)
        return [Fault(path, "open-relay", f"a stranger can relay: {said}", _MORE, at="key")]
    path = (*claim.path, "expect")
    return [Fault(path, "invariant-broken", f"`{claim.name}` does not hold: {said}", _MORE)]


def told(found: Found) -> str:
    """The session in a line: who comes, what is said, and the last answer."""
    commands = [
        each.command for each in found.rehearsed.dialogue if each.command not in {"", "DATA", MESSAGE}
    ]
    supposed = ", ".join(f"`{name}`" for name in sorted(found.world.facts) if name != "rcpt.known")
    others = f", with answers for {supposed}" if supposed else ""
    effect = f", then `{found.rule.name}`: {found.effect}" if found.rule is not None else ""
    said = "; ".join(commands)
    code = found.rehearsed.reply.code
    return f"a client at {found.scene.client} says {said}{effect}{others}, and is answered {code}"


def _culprit(found: Found) -> KeyPath:
    """The rule that let it through: that of the effect, or the last that said yes; else what is off."""
    if found.rule is not None:
        return found.rule.path
    for seen in reversed(found.rehearsed.stages):
        if isinstance(seen.verdict, Accept | Trust) and seen.ended.rule is not None:
            return seen.ended.rule.path
    return ("rules", "disable", 0)
