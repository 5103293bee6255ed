from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.bench import TABLES, LiteralFacts, by_stage, run, sources
from tests.rules.oracle import Oracle
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.evaluate import Ended, Walk
from vsmtp.rules.verdicts import Accept, Defer, Discard, Quarantine, Refuse
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage

DOWN = Unavailable("down")
DOMAINS = ["example.org", "sub.example.org", "relay.example", "Example.NET", "else.example"]
ADDRESSES = ["a@example.org", "B@sub.example.org", "a+t@else.example"]
TEXTS = ["Hello", "hello world", "SPAM offer", "x"]
IPS = ["127.0.0.1", "10.1.2.3", "10.1.9.9", "::1", "2001:db8::5"]
NETS = ["10.0.0.0/8", "10.1.2.0/24", "127.0.0.1", "2001:db8::/32", "@trusted"]
CLOCKS = ["00:00", "06:00", "14:30", "22:00"]


def one_or_more(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, max_size=3)


def text_tests(constants: st.SearchStrategy[Any], parts: list[str], patterns: list[str]) -> Any:
    operands = one_or_more(constants)
    return st.fixed_dictionaries(
        {},
        optional={
            "is": operands,
            "not_in": operands,
            "starts_with": one_or_more(st.sampled_from(parts)),
            "contains": one_or_more(st.sampled_from(parts)),
            "ends_with": st.sampled_from(parts),
            "glob": one_or_more(st.sampled_from(["*o*", "?", "h*", "*.example"])),
            "matches": one_or_more(st.sampled_from(patterns)),
            "exists": st.booleans(),
            "unavailable": st.booleans(),
        },
    ).filter(bool)


def number_tests(constants: st.SearchStrategy[Any]) -> Any:
    operators = {op: one_or_more(constants) for op in ("is", "not", "lt", "le", "gt", "ge")}
    states = {"exists": st.booleans(), "unavailable": st.booleans()}
    return st.fixed_dictionaries({}, optional={**operators, **states}).filter(bool)


def under(tests: Any, domains: Any, constants: Any) -> Any:
    return tests | st.fixed_dictionaries({"under": one_or_more(domains)}, optional={"not": constants})


_domains = st.sampled_from([*DOMAINS, "@local_domains", "@empty", "{message.from_domain}", "{helo.name}"])
_domain_tests = under(
    text_tests(_domains, ["ex", "sub.", "ORG"], ["example", "^e", r"\.net$"]), _domains, _domains
)
_addresses = st.sampled_from([*ADDRESSES, "{message.from}"])
_address_tests = under(
    text_tests(_addresses, ["a", "b@"], ["@example", "^a@"]), st.sampled_from(DOMAINS), _addresses
)
_texts = text_tests(st.sampled_from([*TEXTS, "{helo.name}"]), ["h", "Lo", "spam"], ["ell", "^x$", "(?i)H"])
_list_tests = st.fixed_dictionaries(
    {}, optional={q: st.fixed_dictionaries({}, optional={"is": one_or_more(_domains), "not": _domains,
                                                       "under": st.sampled_from(DOMAINS)}).filter(bool)
                  for q in ("any", "all", "none")},
).filter(bool)  # fmt: skip
CONDITIONS: dict[str, Any] = {
    "client.ip": one_or_more(st.sampled_from(NETS))
    | st.fixed_dictionaries({"not_in": one_or_more(st.sampled_from(NETS))}),
    "client.trusted": st.booleans(),
    "sender.domain": one_or_more(_domains) | _domain_tests,
    "sender.address": _address_tests,
    "message.subject": _texts,
    "message.size": number_tests(st.sampled_from([0, 5, 10, 11])) | st.just({"between": [5, 10]}),
    "time.clock": st.lists(st.sampled_from(CLOCKS), min_size=2, max_size=2).map(lambda p: {"between": p})
    | number_tests(st.sampled_from(CLOCKS)),
    "rcpts.domain": one_or_more(_domains) | _list_tests,
    "message.headers.x-a": st.fixed_dictionaries({"contains": st.sampled_from(["h", "o"])}),
}
ANSWERS: dict[str, Any] = {
    "client.ip": st.sampled_from(IPS).map(ip_address),
    "client.trusted": st.booleans(),
    "sender.domain": st.sampled_from(DOMAINS),
    "sender.address": st.sampled_from(ADDRESSES).map(Address.parse),
    "message.subject": st.sampled_from(TEXTS),
    "message.size": st.sampled_from([0, 4, 5, 7, 10, 11, 99]),
    "time.clock": st.sampled_from([0, 6 * 3600, 52200, 79200, 86399]),
    "rcpts.domain": st.lists(st.sampled_from(DOMAINS), max_size=3).map(tuple),
    "message.headers.x-a": st.lists(st.sampled_from(TEXTS), max_size=2).map(tuple),
    "message.from": st.sampled_from(ADDRESSES).map(Address.parse),
    "message.from_domain": st.sampled_from(DOMAINS),
    "helo.name": st.sampled_from([*DOMAINS, "hello"]),
}


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, test in flat.items():
        *heads, last = name.split(".")
        place = table
        for head in heads:
            place = place.setdefault(head, {})
        place[last] = test
    return table


def conditions(most: int) -> st.SearchStrategy[dict[str, Any]]:
    names = st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=most, unique=True)
    return names.flatmap(lambda keys: st.fixed_dictionaries({k: CONDITIONS[k] for k in keys})).map(nested)


VERDICTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from([
    {}, {}, {}, {"accept": True}, {"return": True}, {"reject": "550 5.7.1 no"}, {"defer": "450 4.7.1 later"},
    {"discard": True}, {"quarantine": "q"}, {"jump": "a"}, {"jump": "b"},
])  # fmt: skip


@st.composite
def random_rule(draw: st.DrawFn, jumps: frozenset[str]) -> dict[str, Any]:
    verdict = draw(VERDICTS)
    if verdict.get("jump", "") not in jumps | {""}:
        verdict = {}
    table: dict[str, Any] = {"when": draw(conditions(3)), **verdict}
    if draw(st.integers(0, 3)) == 0:
        table["any"] = draw(st.lists(conditions(2), max_size=2))
    exemption = draw(st.integers(0, 5))
    if exemption == 0:
        table["unless"] = draw(conditions(2))
    elif exemption == 1:
        table["unless"] = draw(st.lists(conditions(2).filter(bool), max_size=2))
    if draw(st.booleans()):
        table["do"] = [draw(st.sampled_from([{"log": "x"}, {"add_header": {"name": "X-A", "value": "h"}}]))]
    if draw(st.integers(0, 4)) == 0:
        table["unavailable"] = draw(st.sampled_from(["defer", "skip", "match"]))
    if draw(st.integers(0, 9)) == 0:
        table["dry_run"] = True
    return table


def named(rules: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    return [{"name": f"{prefix}{n}", **table} for n, table in enumerate(rules)]


def rule_table(prefix: str, jumps: frozenset[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(random_rule(jumps), max_size=5).map(lambda rules: named(rules, prefix))


DOCUMENTS = st.fixed_dictionaries({
    "root": rule_table("r", frozenset({"a", "b"})),
    "shipped": rule_table("s", frozenset()),
    "a": rule_table("a", frozenset({"b"})),
    "b": rule_table("b", frozenset()),
})  # fmt: skip
SESSIONS = st.fixed_dictionaries(
    {name: values | st.just(MISSING) | st.just(DOWN) for name, values in ANSWERS.items()}
)


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS, SESSIONS, st.frozensets(st.sampled_from(sorted(ANSWERS))))
def test_the_graph_equals_the_table(
    document: dict[str, list[dict[str, Any]]], session: dict[str, Answer], slow: frozenset[str]
) -> None:
    compare(document, session, slow)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(DOCUMENTS, SESSIONS, st.frozensets(st.sampled_from(sorted(ANSWERS))))
def test_the_graph_equals_the_table_in_many_cases(
    document: dict[str, list[dict[str, Any]]], session: dict[str, Answer], slow: frozenset[str]
) -> None:
    compare(document, session, slow)


def compare(
    document: dict[str, list[dict[str, Any]]], session: dict[str, Answer], slow: frozenset[str]
) -> None:
    chains = {"a": document["a"], "b": document["b"]}
    ruleset = Ruleset(
        by_stage("rules", {"prequeue": document["root"]}),
        sources("chains", chains),
        by_stage("shipped", {"prequeue": document["shipped"]}),
    )
    result = compile_rules(ruleset, TABLES)
    assert [fault for fault in result.faults if fault.severity == "error"] == []
    oracle = Oracle(session, TABLES)
    oracle.read([document["root"], document["shipped"]], chains)
    graph = result.graph.stage(Stage.PREQUEUE)
    if graph is None:
        assert not document["root"]
        return
    facts = LiteralFacts(session, slow)
    walk = Walk(graph, facts)
    fired, ended = run(walk, facts)
    trace = oracle.trace
    assert [event.rule.name for event in fired] == [event[1] for event in trace if event[0] == "fired"]
    assert [s.rule.name for s in walk.skipped] == [event[1] for event in trace if event[0] == "skipped"]
    assert named_verdict(ended) == trace[-1][1:]
    assert len(facts.fetched) == len(set(facts.fetched))


def named_verdict(ended: Ended) -> tuple[str, ...]:
    if ended.verdict is None:
        return ()
    assert ended.rule is not None
    names = {Accept: "accept", Refuse: "reject", Defer: "defer", Discard: "discard", Quarantine: "quarantine"}
    return (names[type(ended.verdict)], ended.rule.name)
