"""What the checks say is so in every session, and what is planted is found."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.rules.bench import TABLES
from tests.rules.book import Book
from tests.rules.cases import LOOKUPS, Case, case, rows, rule, session
from tests.rules.oracle import Oracle
from tests.rules.test_evaluate import compiled, driven
from vsmtp.rules.analyse.analysis import analyse
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.evaluate import Part, Walk
from vsmtp.rules.verdicts import Defer, Discard, Refuse
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.facts import find_fact
from vsmtp.vocabulary.stages import Stage

SESSIONS = 12
DOMAINS = {"sender.address": "sender.domain", "message.from": "message.from_domain"}
INSTEAD: dict[str, Answer] = {
    "client.trusted": True, "message.size": 7, "time.clock": 7, "spf.result": "none",
}  # fmt: skip
CODES = {"never-true", "always-true", "unreachable-rule"}


def legal(facts: dict[str, Answer]) -> dict[str, Answer]:
    """With a value where there always is one, and the domains that addresses have."""
    found = {name: find_fact(name) for name, answer in facts.items() if answer is MISSING}
    missing = {name for name, fact in found.items() if fact is not None and fact.is_always_there}
    domains = {DOMAINS[name]: domain(facts[name]) for name in DOMAINS}
    return facts | {name: INSTEAD[name] for name in missing} | domains


def domain(answer: Answer) -> Answer:
    return answer.domain if isinstance(answer, Address) else answer


def found_in(one: Case) -> tuple[Finding, ...]:
    return analyse(compiled(one).graph, ())


def fires(one: Case) -> set[tuple[str | int, ...]]:
    """The paths of the rules that match, whichever of them the oracle reads."""
    graph = compiled(one).graph
    pipeline = graph.stage(Stage.PREQUEUE)
    if pipeline is None:
        return set()
    walk = Walk(
        pipeline,
        (book := Book(one.session, one.rows, graph.bindings)),
        None,
        Part(one.root, one.chains, one.shipped),
    )
    driven(walk, book)
    return {rule.path for rule in walk.matched}


def judged(dice: Random) -> int:
    """Check that no session gainsays what is found in a random table; how much was found."""
    one = case(dice)
    found = [each for each in found_in(one) if each.code in CODES]
    if not found:
        return 0
    dead = {each.path for each in found if each.code == "unreachable-rule"}
    for _ in range(SESSIONS):
        facts = legal(session(dice))
        played = replace(one, session=facts, rows={name: rows(dice) for name in one.rows}, slow=frozenset())
        assert not fires(played) & dead
        for finding in found:
            assert is_so(finding, played), finding
    return len(found)


def is_so(finding: Finding, played: Case) -> bool:
    """Whether the oracle says of condition or rule what the finding says."""
    assert finding.rule is not None
    info = finding.rule.info
    raw = next(each for table in played.document.values() for each in table if each["name"] == info.name)
    oracle = Oracle(played.session, TABLES, played.rows, LOOKUPS)
    oracle.bound = {**LOOKUPS, **raw.get("lookup", {})}
    tail = finding.path[len(info.path) :]
    if finding.code == "unreachable-rule" or "together" in finding.message:
        return (
            finding.code == "unreachable-rule"
            or len(finding.rule.when) > 1
            or oracle.matches(raw) is not True
        )
    if not tail:
        return oracle.matches(raw) is not True
    name = ".".join(str(each) for each in tail[1:] if isinstance(each, str))
    test: Any = raw
    for key in tail:
        test = test[key]
    claim = oracle.condition(name, test)
    return claim is not False if finding.code == "always-true" else claim is not True


def planted(dice: Random) -> tuple[Case, Case]:
    """A random rule that ends the stage, alone, and with a narrower one behind it."""
    one = case(dice)
    made = {**rule(dice, "wide", []), "discard": True}
    wide: dict[str, Any] = {
        str(key): made[key] for key in ("name", "when", "any", "unless", "lookup", "discard") if key in made
    }
    when = {**wide["when"], "message": {**wide["when"].get("message", {}), "received_count": {"gt": 3}}}
    narrow = {**wide, "name": "narrow", "when": when}
    return (
        replace(one, document={**one.document, "root": [narrow]}),
        replace(one, document={**one.document, "root": [wide, narrow]}),
    )


@pytest.mark.parametrize("seed", range(150))
def test_a_narrower_rule_behind_a_wide_one_is_found(seed: int) -> None:
    alone, behind = planted(Random(seed))
    ways = [each for each in found_in(alone) if each.code == "never-true" and each.path[0] == "rules"]
    unreachable = [each for each in found_in(behind) if each.code == "unreachable-rule"]
    names = [each.rule.info.name for each in unreachable if each.rule and each.path[0] == "rules"]
    assert names == ["narrow"] or ways


@pytest.mark.parametrize("seed", range(60))
def test_a_stage_that_is_called_unreachable_ends_all_mail(seed: int) -> None:
    one = ending(Random(seed))
    found = {each.code for each in found_in(one)}
    ended = [ends(replace(one, session=legal(session(Random(n))), slow=frozenset())) for n in range(SESSIONS)]
    assert "unreachable-stage" not in found or all(ended)


def ending(dice: Random) -> Case:
    """A random table that nothing may get past."""
    one = case(dice)
    last = {"name": "last", dice.choice(["discard", "accept"]): True}
    later = {"name": "later", "stage": "postqueue", "when": {"message": {"size": {"gt": 5}}}, "discard": True}
    document = {**one.document, "root": [*one.document["root"][-2:], last], "c": [later]}
    return replace(one, document=document)


def ends(one: Case) -> bool:
    """Whether the root table lets nothing through."""
    graph = compiled(one).graph
    pipeline = graph.stage(Stage.PREQUEUE)
    assert pipeline is not None
    book = Book(one.session, one.rows, graph.bindings)
    verdict = driven(Walk(pipeline, book, None, Part(root=True, chains=(), shipped=False)), book)[1].verdict
    return isinstance(verdict, Refuse | Defer | Discard)


@pytest.mark.parametrize("seed", range(8))
def test_no_session_gainsays_what_is_found(seed: int) -> None:
    dice = Random(seed)
    assert sum(judged(dice) for _ in range(15)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_no_session_gainsays_what_is_found_in_many_tables(seed: int) -> None:
    dice = Random(seed)
    assert sum(judged(dice) for _ in range(80)) > 0
