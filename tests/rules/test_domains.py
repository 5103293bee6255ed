from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.rules.bench import TABLES, LiteralFacts, by_stage, run, sources
from vsmtp.rules.compile import Compiled, Ruleset, compile_rules
from vsmtp.rules.evaluate import Part, Walk
from vsmtp.rules.graph import Graph
from vsmtp.rules.reading import RuleSource
from vsmtp.vocabulary.stages import Stage

LOCAL = {"example.org", "sub.example.org", "example.net"}
CHAINS = {
    name: [{"name": "r", "stage": "rcpt", "discard": True}] for name in ("in", "out", "inside", "sub in")
}
DOMAINS = {
    "Example.org": {"incoming": "in", "outgoing": "out", "internal": "inside"},
    "sub.example.org": {"incoming": "sub in", "outgoing": "none"},
}


def tree(
    domains: Mapping[str, Mapping[str, Any]],
    chains: Mapping[str, Sequence[Mapping[str, Any]]] = CHAINS,
    rules: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Compiled:
    written = {
        domain: {
            key: chain
            if isinstance(chain, str)
            else [RuleSource(("domains", domain, key, n), rule) for n, rule in enumerate(chain)]
            for key, chain in keys.items()
        }
        for domain, keys in domains.items()
    }
    return compile_rules(
        Ruleset(by_stage("rules", rules or {}), sources("chains", chains), {}, domains=written), TABLES
    )


def chains(graph: Graph, sender: str, rcpt: str, *, ours: bool) -> tuple[str, ...]:
    return graph.domain_chains(ours, sender, rcpt, LOCAL.__contains__)


@pytest.mark.parametrize(
    ("sender", "rcpt", "ours", "expected"),
    [
        ("else.example", "example.org", False, ("in",)),
        ("example.org", "EXAMPLE.org", False, ("in",)),
        ("", "example.org", True, ("in",)),
        ("example.org", "Example.org", True, ("inside",)),
        ("example.org", "else.example", True, ("out",)),
        ("example.org", "sub.example.org", True, ("out", "sub in")),
        ("sub.example.org", "sub.example.org", True, ("inside",)),
        ("sub.example.org", "else.example", True, ()),
        ("deep.sub.example.org", "deep.example.org", False, ("in",)),
        ("example.net", "example.org", True, ("in",)),
        ("else.example", "example.net", False, ()),
        ("else.example", "notexample.org", False, ()),
        ("else.example", "", False, ()),
    ],
)
def test_sender_and_recipient_choose_the_chains(
    sender: str,
    rcpt: str,
    *,
    ours: bool,
    expected: tuple[str, ...],
) -> None:
    compiled = tree(DOMAINS)
    assert compiled.faults == ()
    assert chains(compiled.graph, sender, rcpt, ours=ours) == expected


def test_a_chain_that_sender_and_recipient_share_runs_once() -> None:
    compiled = tree({"example.org": {"outgoing": "in"}, "example.net": {"incoming": "in"}})
    assert chains(compiled.graph, "example.org", "example.net", ours=True) == ("in",)


def test_rules_of_a_domain_become_a_chain_of_its_own() -> None:
    rules = [
        {"name": "late", "stage": "prequeue", "discard": True},
        {"name": "early", "stage": "rcpt", "discard": True},
    ]
    compiled = tree({"Example.org": {"incoming": rules}})
    graph = compiled.graph
    assert compiled.faults == ()
    names = chains(graph, "else.example", "example.org", ours=False)
    assert names == ("domains.example.org.incoming",)
    rcpt, data = graph.stage(Stage.RCPT), graph.stage(Stage.DATA)
    assert rcpt is not None
    assert data is None
    facts = LiteralFacts({})
    ended = run(Walk(rcpt, facts, None, Part(root=True, chains=names, shipped=True)), facts)[1]
    assert ended.rule is not None
    assert (ended.rule.name, ended.rule.path) == ("early", ("domains", "Example.org", "incoming", 1))
    assert graph.acting(Stage.RCPT, names) == names
    assert graph.acting(Stage.DELIVERY, names) == ()


@pytest.mark.parametrize(
    ("rule", "code", "key"),
    [
        ({"name": "r", "discard": True}, "missing-key", ()),
        ({"name": "r", "stage": "mail", "discard": True}, "bad-stage", ("stage",)),
        ({"name": "r", "stage": "rctp", "discard": True}, "bad-stage", ("stage",)),
    ],
)
def test_a_rule_of_a_domain_says_its_stage(rule: dict[str, Any], code: str, key: tuple[str, ...]) -> None:
    found = tree({"example.org": {"incoming": "c"}}, {"c": [rule]}).faults
    assert [(fault.code, fault.path) for fault in found] == [(code, ("chains", "c", 0, *key))]


def test_a_domain_names_a_chain_that_is_there() -> None:
    (fault,) = tree({"example.org": {"incoming": "inn"}}).faults[:1]
    assert (fault.code, fault.path, fault.help) == (
        "unknown-chain",
        ("domains", "example.org", "incoming"),
        "did you mean `in`?",
    )


def test_a_jump_leads_to_rules_of_its_own_stage() -> None:
    rules = {"mail": [{"name": "j", "jump": "in"}], "rcpt": [{"name": "j", "jump": "in"}]}
    found = tree(DOMAINS, rules=rules).faults
    assert [(fault.code, fault.path) for fault in found] == [("bad-stage", ("chains", "in", 0, "stage"))]


@pytest.mark.parametrize("stage", [["rcpt"], {}, 5, True])
def test_a_stage_that_is_no_text_is_none(stage: object) -> None:
    rule = {"name": "r", "stage": stage, "discard": True}
    assert "bad-stage" in [fault.code for fault in tree({"a.example": {"incoming": [rule]}}).faults]
