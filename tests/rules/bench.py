"""What the tests of rules share: sources from plain tables, and facts that are a literal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomli

from vsmtp.rules.compile import Compiled, Ruleset, compile_rules
from vsmtp.rules.evaluate import Asks, Ended, Fired, Walk
from vsmtp.rules.graph import Pipeline
from vsmtp.rules.names import Names
from vsmtp.rules.reading import RuleSource
from vsmtp.values.answer import MISSING
from vsmtp.values.diagnostic import Fault
from vsmtp.vocabulary.answers import UNASKED, Answer
from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.stages import STAGES, Stage
from vsmtp.vocabulary.tables import TableTraits
from vsmtp.vocabulary.types import Type

TABLES = {
    "local_domains": ["example.org", "example.net"],
    "relay_domains": ["relay.example"],
    "trusted": ["127.0.0.0/8", "::1"],
    "empty": [],
}
# Tables that are asked while rules run.
DYNAMIC = {
    "vips": TableTraits({}, Cost.LOCAL),
    "users": TableTraits(
        {
            "quota": Type.SIZE,
            "password": Type.SECRET,
            "active": Type.BOOL,
            **dict.fromkeys(("home", "name", "group"), Type.TEXT),
        },
        Cost.LOCAL,
    ),
    "greylist": TableTraits({"value": Type.NUMBER}, Cost.NETWORK, writable=True),
}
NAMES = Names(
    limiters={"per_user": "{auth.user}", "per_client": "{client.net}"},
    quarantines=frozenset({"virus", "suspects", "q"}),
    services=frozenset({"scan"}),
    relays=frozenset({"provider"}),
)


class LiteralFacts:
    """Answers from a dict; `slow` ones are Unasked until they were fetched, and each fetch is counted."""

    def __init__(self, answers: Mapping[str, Answer], slow: frozenset[str] = frozenset()) -> None:
        self.answers = answers
        self.slow = set(slow)
        self.asked: list[str] = []
        self.fetched: list[str] = []

    def ask(self, name: str) -> Answer:
        self.asked.append(name)
        return UNASKED if name in self.slow else self.answers.get(name, MISSING)

    def fetch(self, names: frozenset[str]) -> None:
        self.fetched += names
        self.slow -= names


def sources(root: str, rules: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[RuleSource]]:
    return {
        name: [RuleSource((root, name, n), rule) for n, rule in enumerate(table)]
        for name, table in rules.items()
    }


def by_stage(root: str, rules: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[Stage, list[RuleSource]]:
    return {STAGES[name]: table for name, table in sources(root, rules).items()}


def compiled(text: str) -> Compiled:
    """Compile a TOML text of `[[rules.*]]`, `[[chains.*]]` and `[[shipped.*]]`."""
    document = tomli.loads(text)
    disable = document.pop("disable", [])
    ruleset = Ruleset(
        by_stage("rules", document.get("rules", {})),
        sources("chains", document.get("chains", {})),
        by_stage("shipped", document.get("shipped", {})),
        disable,
        lookups=document.get("lookups", {}),
        names=NAMES,
    )
    return compile_rules(ruleset, TABLES, DYNAMIC)


def pipeline(text: str, stage: Stage) -> Pipeline:
    result = compiled(text)
    assert result.faults == ()
    found = result.graph.stage(stage)
    assert found is not None
    return found


def faults(text: str) -> list[Fault]:
    return list(compiled(text).faults)


def run(walk: Walk, facts: LiteralFacts) -> tuple[list[Fired], Ended]:
    """Drive a walk to its end, fetching what it asks for."""
    fired: list[Fired] = []
    while True:
        match walk.advance():
            case Ended() as ended:
                return fired, ended
            case Fired() as event:
                fired.append(event)
            case Asks(names):
                assert names
                facts.fetch(names)


def decide(text: str, answers: Mapping[str, Answer], stage: Stage = Stage.PREQUEUE) -> Ended:
    facts = LiteralFacts(answers)
    return run(Walk(pipeline(text, stage), facts), facts)[1]
