"""Everything that is proved of a tree: that no stranger relays, and the administrator's own invariants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vsmtp.config.load import Tree
from vsmtp.inspect.invariants import read_invariants
from vsmtp.inspect.proof.facts import is_at_others_mercy
from vsmtp.inspect.proof.gather import all_rules, conditions_of, constant_address
from vsmtp.inspect.proof.prove import Prover
from vsmtp.inspect.proof.result import Verdict
from vsmtp.rules.effects import AddRcpt, Forward, ForwardHost, ForwardRelay, RewriteRcpt
from vsmtp.rules.graph import Graph
from vsmtp.values.diagnostic import KeyPath

RELAY: Final = "no stranger relays"


@dataclass(frozen=True, slots=True)
class Claim:
    """What was claimed, where, and what came of it; the relay proof stands nowhere."""

    name: str
    verdict: Verdict
    path: KeyPath = ()


@dataclass(frozen=True, slots=True)
class Proofs:
    """All claims, what they rest on, and what the administrator may want to know besides."""

    claims: tuple[Claim, ...]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]


def prove_all(tree: Tree, graph: Graph, deadline: float) -> Proofs:
    """Prove or refute all claims about a sound tree; `deadline` in monotonic seconds is for all of them."""
    prover = Prover(tree, graph, deadline)
    claims = [Claim(RELAY, prover.relaying())]
    for invariant in read_invariants(tree).invariants:
        verdict = prover.breaking(invariant.rule, invariant.expect)
        claims.append(Claim(invariant.name, verdict, invariant.path))
    return Proofs(tuple(claims), tuple(_assumptions(tree, graph)), tuple(_notes(tree, graph)))


def _assumptions(tree: Tree, graph: Graph) -> Iterator[str]:
    trusted = ", ".join(str(network) for network in tree.settings.server.trusted)
    if trusted:
        yield f"clients in {trusted} are your own"
    if tree.settings.relay_domains:
        yield f"mail for {', '.join(tree.settings.relay_domains)} is wanted there"
    yield from _of_proxies(tree)
    yield from _of_answers(graph)


def _of_proxies(tree: Tree) -> Iterator[str]:
    proxies = [
        str(network)
        for listener in tree.settings.listeners.values()
        for network in (*listener.proxy_protocol_from, *listener.xclient_from)
    ]
    if proxies:
        yield f"proxies in {', '.join(proxies)} tell the truth about their clients"


def _of_answers(graph: Graph) -> Iterator[str]:
    facts = {condition.fact for rule in all_rules(graph) for condition in conditions_of(rule)}
    if any(fact.name == "tls.client_cert" for fact in facts):
        yield "who shows a certificate that `tls.client_ca` vouches for is no stranger"
    opaque = {
        fact.label
        for fact in facts
        if is_at_others_mercy(fact) and not fact.name.startswith(("message.", "var.", "rcpt.var."))
    }
    if opaque:
        yield f"nothing of {', '.join(sorted(opaque))}: any answer was thought of"


def _notes(tree: Tree, graph: Graph) -> Iterator[str]:
    ours = {name.casefold() for name in (*tree.settings.local_domains, *tree.settings.relay_domains)}
    for rule in all_rules(graph):
        for effect in rule.effects:
            match effect:
                case AddRcpt(template) | RewriteRcpt(template):
                    address = constant_address(template)
                    if address is not None and address.domain and address.domain.casefold() not in ours:
                        yield f"`{rule.info.name}` sends mail to {address}, as you wrote"
                case Forward() | ForwardHost() | ForwardRelay():
                    yield f"`{rule.info.name}` chooses another server for mail that was accepted"
                case _:
                    pass
