"""Random rule tables and random sessions, made by anything that throws dice as `random.Random` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from random import Random
from typing import Any

from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.tables import TableTraits
from vsmtp.vocabulary.types import Type

Rule = dict[str, Any]
DOWN = Unavailable("down")
DOMAINS = ["example.org", "sub.example.org", "relay.example", "Example.NET", "else.example"]
ADDRESSES = ["a@example.org", "B@sub.example.org", "a+t@else.example"]
TEXTS = ["Hello", "hello world", "SPAM offer", "x"]
IPS = ["127.0.0.1", "10.1.2.3", "10.1.9.9", "::1", "2001:db8::5"]
NETS = ["10.0.0.0/8", "10.1.2.0/24", "127.0.0.1", "2001:db8::/32", "@trusted"]
CLOCKS = ["00:00", "06:00", "14:30", "22:00"]
SPF = ["pass", "fail", "none"]
DYNAMIC = {
    "users": TableTraits({"quota": Type.NUMBER, "home": Type.TEXT}, Cost.NETWORK, writable=True),
    "vips": TableTraits({}, Cost.LOCAL, writable=True),
}
NAMED = {"value": "x"}
LOOKUPS = {"owner": {"table": "users", "key": "{message.from}"}}


def some(dice: Random, values: list[Any], most: int = 3) -> Any:
    """One of them, or a list of any number up to `most`."""
    return (
        dice.choice(values)
        if dice.random() < 0.6
        else [dice.choice(values) for _ in range(dice.randint(0, most))]
    )


def operators(dice: Random, tests: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """A few of the tests."""
    return {op: tests[op]() for op in dice.sample(sorted(tests), dice.choice([1, 1, 1, 2, 2, 3]))}


def states(dice: Random) -> dict[str, Callable[[], Any]]:
    return {"exists": lambda: dice.random() < 0.5, "unavailable": lambda: dice.random() < 0.5}


def text_tests(dice: Random, constants: list[str], parts: list[str], patterns: list[str]) -> dict[str, Any]:
    return {
        "is": lambda: some(dice, constants),
        "not_in": lambda: some(dice, constants),
        "starts_with": lambda: some(dice, parts),
        "contains": lambda: some(dice, parts),
        "ends_with": lambda: dice.choice(parts),
        "glob": lambda: some(dice, ["*o*", "?", "h*", "*.example"]),
        "matches": lambda: some(dice, patterns),
        **states(dice),
    }


def number(dice: Random, constants: list[Any]) -> Any:
    tests = {op: lambda: some(dice, constants) for op in ("is", "not", "lt", "le", "gt", "ge")}
    return operators(dice, {**tests, **states(dice)})


def domain(dice: Random) -> Any:
    constants = [*DOMAINS, "@local_domains", "@empty", "@vips", "{message.from_domain}", "{helo.name}"]
    tests = text_tests(dice, constants, ["ex", "sub.", "ORG"], ["example", "^e", r"\.net$"])
    return (
        some(dice, constants)
        if dice.random() < 0.4
        else operators(dice, {**tests, "under": lambda: some(dice, constants)})
    )


def address(dice: Random) -> Any:
    constants = [*ADDRESSES, "{message.from}", "@users"]
    tests = text_tests(dice, constants, ["a", "b@"], ["@example", "^a@"])
    return operators(dice, {**tests, "under": lambda: some(dice, [*DOMAINS, "@vips"])})


def listed(dice: Random) -> Any:
    constants = [*DOMAINS, "@local_domains", "@vips", "{helo.name}"]
    if dice.random() < 0.4:
        return some(dice, constants)
    inner = {"is": lambda: some(dice, constants), "not": lambda: dice.choice(constants),
             "under": lambda: dice.choice([*DOMAINS, "@vips"])}  # fmt: skip
    return operators(dice, {q: lambda: operators(dice, inner) for q in ("any", "all", "none")})


CONDITIONS: dict[str, Callable[[Random], Any]] = {
    "client.ip": lambda dice: some(dice, NETS) if dice.random() < 0.6 else {"not_in": some(dice, NETS)},
    "client.trusted": lambda dice: dice.random() < 0.5,
    "sender.domain": domain,
    "sender.address": address,
    "message.subject": lambda dice: operators(
        dice, text_tests(dice, [*TEXTS, "{helo.name}"], ["h", "Lo", "spam"], ["ell", "^x$", "(?i)H"])
    ),
    "message.size": lambda dice: (
        number(dice, [0, 5, 10, 11]) if dice.random() < 0.7 else {"between": [5, 10]}
    ),
    "time.clock": lambda dice: (
        number(dice, CLOCKS) if dice.random() < 0.5 else {"between": dice.choices(CLOCKS, k=2)}
    ),
    "rcpts.domain": listed,
    "message.headers.x-a": lambda dice: {"contains": dice.choice(["h", "o"])},
    "spf.result": lambda dice: some(dice, SPF) if dice.random() < 0.6 else {"not": some(dice, SPF)},
    "dnsbl.zen": lambda dice: dice.random() < 0.5,
    "message.text": lambda dice: {"contains": some(dice, ["h", "spam"])},
    "var.x": lambda dice: operators(dice, {"is": lambda: some(dice, ["a", "b"]), **states(dice)}),
    "var.score": lambda dice: number(dice, [1, 2, 3]),
    "user.quota": lambda dice: number(dice, [1, 5, 9]),
    "user.found": lambda dice: dice.random() < 0.5,
    "owner.home": lambda dice: operators(dice, {"is": lambda: some(dice, ["h", "x"]), **states(dice)}),
}  # fmt: skip
# What effects change: a rule after them has to look again.
CHANGING = ["message.headers.x-a", "rcpts.domain", "sender.domain", "user.found", "var.score", "var.x"]
ANSWERS: dict[str, list[Any]] = {
    "client.ip": [ip_address(each) for each in IPS],
    "client.trusted": [True, False],
    "sender.domain": DOMAINS,
    "sender.address": [Address.parse(each) for each in ADDRESSES],
    "message.subject": TEXTS,
    "message.size": [0, 4, 5, 7, 10, 11, 99],
    "time.clock": [0, 6 * 3600, 52200, 79200, 86399],
    "rcpts.domain": [(), ("example.org",), ("else.example", "Example.NET"), (DOMAINS[1], "relay.example")],
    "message.headers.x-a": [(), ("Hello",), ("x", "spam oh")],
    "message.from": [Address.parse(each) for each in ADDRESSES],
    "message.from_domain": DOMAINS,
    "helo.name": [*DOMAINS, "hello"],
    "spf.result": SPF,
    "dnsbl.zen": [True, False],
    "message.text": TEXTS,
    "var.x": ["a", "b"],
    "var.score": [1, 2],
}  # fmt: skip
# Facts that may be Unasked at first; of what is in templates only the exact are fetched whatever they cost.
SLOW = sorted(
    {*ANSWERS}
    - {"helo.name", "var.x", "var.score"}
    | {f"lookup:{n}.{column}" for n in range(3) for column in ("quota", "home", "found")}
    | {f"{kind}:{table}:{fact}" for kind in ("table", "under") for table in ("vips", "users")
       for fact in ("sender.domain", "sender.address", "rcpts.domain")}
)  # fmt: skip


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, test in flat.items():
        *heads, last = name.split(".")
        place = table
        for head in heads:
            place = place.setdefault(head, {})
        place[last] = test
    return table


def conditions(dice: Random, most: int, least: int = 0) -> dict[str, Any]:
    pool = CHANGING if dice.random() < 0.5 else sorted(CONDITIONS)
    names = dice.sample(pool, dice.randint(least, most))
    return nested({name: CONDITIONS[name](dice) for name in names})


def effect(dice: Random) -> dict[str, Any]:
    return dice.choice([
        {"log": "x {spf.result}"}, {"log": "x"}, {"add_header": {"name": "X-A", "value": "h"}},
        {"set": {"x": dice.choice(["a", "b", "{helo.name}"])}}, {"add": {"score": dice.choice([1, 2])}},
        {"add_rcpt": dice.choice(["{message.from}", "new@else.example"])},
        {"rewrite_sender": dice.choice(["{message.from}", "new@example.org"])},
        {"table_set": {"table": "vips", "key": dice.choice(["{helo.name}", "else.example"]), "row": NAMED}},
        {"table_set": {"table": "users", "key": "{sender.address}", "row": {"quota": 9}}},
        {"table_remove": {"table": "users", "key": "{message.from}"}},
        {"table_set": {"table": "users", "key": "{message.from}", "row": {"home": "x"}}},
        {"table_set": {"table": "vips", "key": "{owner.home}", "row": NAMED}},
    ])  # fmt: skip


USER = {"user": {"table": "users", "key": "{sender.address}"}}


def rule(dice: Random, name: str, jumps: list[str]) -> Rule:
    made: Rule = {
        "name": name,
        "when": conditions(dice, dice.choice([1, 1, 2, 3])),
        **verdict(dice, jumps),
        **alternatives(dice),
    }
    if dice.random() < 0.6:
        made["do"] = [effect(dice) for _ in dice.choice([(0,), (0, 1), (0, 1, 2)])]
    if dice.random() < 0.2:
        made["unavailable"] = dice.choice(["defer", "skip", "match"])
    if dice.random() < 0.08:
        made["dry_run"] = True
    if any("user" in str(made.get(key)) for key in ("when", "any", "unless")) or dice.random() < 0.1:
        made["lookup"] = USER
    return made


def verdict(dice: Random, jumps: list[str]) -> Rule:
    targets = [{"jump": target} for target in jumps]
    plain: list[Rule] = [{"accept": True}, {"return": True}, {"reject": "550 5.7.1 no"}, {"discard": True},
                         {"defer": "450 4.7.1 later"}, {"quarantine": "q"}]  # fmt: skip
    return {} if dice.random() < 0.5 else dice.choice([*plain, *targets, *targets])


def alternatives(dice: Random) -> Rule:
    made: Rule = {}
    if dice.random() < 0.25:
        made["any"] = [conditions(dice, 2) for _ in range(dice.randint(0, 2))]
    if dice.random() < 0.17:
        made["unless"] = conditions(dice, 2)
    elif dice.random() < 0.17:
        made["unless"] = [conditions(dice, 2, least=1) for _ in range(dice.randint(0, 2))]
    return made


def table(dice: Random, prefix: str, jumps: list[str]) -> list[Rule]:
    return [rule(dice, f"{prefix}{n}", jumps) for n in range(dice.randint(0, 3))]


@dataclass(frozen=True)
class Case:
    """Rules by table and chain, what a session is like, and which part of the stage is walked.

    `rows` are the tables asked while rules run, None one that is down; `slow` are facts Unasked at first.
    """

    document: dict[str, list[Rule]]
    session: dict[str, Answer]
    rows: dict[str, dict[str, dict[str, Any]] | None]
    slow: frozenset[str]
    root: bool
    chains: tuple[str, ...]
    shipped: bool


def case(dice: Random) -> Case:
    document = {
        "root": table(dice, "r", ["a", "b", "shipped"]) + table(dice, "R", ["a", "b"]),
        "shipped": table(dice, "s", []),
        "a": table(dice, "a", ["b", "shipped"]),
        "b": table(dice, "b", []),
        "c": of_domain(dice, table(dice, "c", ["b", "shipped"])),
        "domains.example.org.incoming": of_domain(dice, table(dice, "d", ["a"])),
    }
    chains = [name for name in ("domains.example.org.incoming", "c") if dice.random() < 0.4]
    return Case(
        document,
        session(dice),
        {name: None if dice.random() < 0.1 else rows(dice) for name in DYNAMIC},
        frozenset(name for name in SLOW if dice.random() < dice.choice([0.0, 0.5, 0.9])),
        dice.random() < 0.8,
        tuple(chains),
        dice.random() < 0.8,
    )


def of_domain(dice: Random, rules: list[Rule]) -> list[Rule]:
    return [{**each, "stage": dice.choice(["prequeue", "prequeue", "postqueue"])} for each in rules]


def session(dice: Random) -> dict[str, Answer]:
    known = {name: dice.choice([*values, *values, MISSING, DOWN]) for name, values in ANSWERS.items()}
    # Variables are in memory: nothing keeps them from being known.
    return known | {name: dice.choice([*ANSWERS[name], MISSING]) for name in ("var.x", "var.score")}


def rows(dice: Random) -> dict[str, dict[str, Any]]:
    keys = [each.casefold() for each in (*DOMAINS, *ADDRESSES) if dice.random() < 0.4]
    return {key: dice.choice([{}, {"quota": 1}, {"quota": 9, "home": "h"}]) for key in keys}
