"""Rules read in order, from their tables as TOML gives them: what the graph is compared with.

It shares no code with `vsmtp.rules`. Truth is True, False or None for unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from vsmtp.values.address import Address
from vsmtp.values.answer import Missing, Unavailable

Table = Mapping[str, Any]
Truth = bool | None
OPERATORS = {
    "is", "not", "in", "not_in", "matches", "glob", "starts_with", "ends_with", "contains", "under",
    "exists", "unavailable", "lt", "le", "gt", "ge", "between", "any", "all", "none",
}  # fmt: skip
VERDICTS = ("accept", "return", "trust", "reject", "defer", "discard", "quarantine", "jump")


class Left(Exception):  # noqa: N818 it is no error
    """A verdict ended the stage."""


def conj(claims: Iterable[Truth]) -> Truth:
    seen = list(claims)
    return False if False in seen else None if None in seen else True


def disj(claims: Iterable[Truth]) -> Truth:
    seen = list(claims)
    return True if True in seen else None if None in seen else False


def neg(claim: Truth) -> Truth:
    return None if claim is None else not claim


def seconds(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def plain(value: Any) -> Any:
    return str(value).casefold() if isinstance(value, str | Address) else value


class Oracle:
    """One reading of one session; `trace` is what happened."""

    def __init__(self, facts: Mapping[str, Any], tables: Mapping[str, Sequence[str]]) -> None:
        self.facts = facts
        self.tables = tables
        self.trace: list[tuple[str, ...]] = []

    def read(self, roots: Sequence[Sequence[Table]], chains: Mapping[str, Sequence[Table]]) -> None:
        try:
            for root in roots:
                self.chain(root, chains)
        except Left:
            return
        self.trace.append(("ended",))

    def chain(self, rules: Sequence[Table], chains: Mapping[str, Sequence[Table]]) -> None:
        for rule in rules:
            verdict = next((key for key in VERDICTS if key in rule), None)
            if not self.goes(rule, verdict):
                continue
            if rule.get("do") or rule.get("dry_run"):
                self.trace.append(("fired", rule["name"]))
            if rule.get("dry_run") or verdict is None:
                continue
            if verdict == "return":
                return
            if verdict == "jump":
                self.chain(chains[rule["jump"]], chains)
                continue
            self.trace.append(("ended", verdict, rule["name"]))
            raise Left

    def goes(self, rule: Table, verdict: str | None) -> bool:
        claim = self.matches(rule)
        if claim is not None:
            return claim
        policy = rule.get("unavailable", "defer" if verdict else "skip")
        if rule.get("dry_run"):
            policy = "skip"
        if policy == "skip":
            self.trace.append(("skipped", rule["name"]))
        elif policy == "defer":
            self.trace.append(("ended", "defer", rule["name"]))
            raise Left
        return bool(policy == "match")

    def matches(self, rule: Table) -> Truth:
        when = self.table(rule.get("when", {}))
        some = disj(conj(self.table(table)) for table in rule["any"]) if "any" in rule else True
        unless = rule.get("unless", {})
        exempt = [conj(self.table(t)) for t in unless] if isinstance(unless, list) else self.table(unless)
        return conj([*when, some, neg(disj(exempt))])

    def table(self, table: Table, prefix: str = "") -> list[Truth]:
        claims = []
        for key, raw in table.items():
            name = f"{prefix}.{key}" if prefix else key
            if isinstance(raw, dict) and not raw.keys() & OPERATORS:
                claims += self.table(raw, name)
            else:
                claims.append(self.condition(name, raw))
        return claims

    def condition(self, name: str, raw: Any) -> Truth:
        answer = self.facts[name]
        tests = raw if isinstance(raw, dict) else {"is": raw}
        return conj(self.test(answer, op, operand) for op, operand in tests.items())

    def test(self, answer: Any, op: str, operand: Any) -> Truth:
        if op == "unavailable" or isinstance(answer, Unavailable):
            return isinstance(answer, Unavailable) is operand if op == "unavailable" else None
        elements = () if isinstance(answer, Missing) else answer if isinstance(answer, tuple) else (answer,)
        if op == "exists":
            return bool(elements) is operand
        if op in {"any", "all", "none"}:
            return self.quantified(elements, op, operand)
        if op in {"not", "not_in"}:
            return conj(self.element(element, op, operand) for element in elements)
        return disj(self.element(element, op, operand) for element in elements)

    def quantified(self, elements: tuple[Any, ...], op: str, operand: Table) -> Truth:
        claims = [conj(self.element(e, o, x) for o, x in operand.items()) for e in elements]
        if op == "all":
            return bool(claims) and conj(claims)
        return disj(claims) if op == "any" else neg(disj(claims))

    def element(self, element: Any, op: str, operand: Any) -> Truth:
        if op in {"not", "not_in"}:
            return neg(self.element(element, "is", operand))
        if op == "between":
            low, high = (seconds(end) if isinstance(end, str) else end for end in operand)
            inside = (low <= element, element <= high)
            return all(inside) if low <= high else any(inside)
        operands = operand if isinstance(operand, list) else [operand]
        return disj(self.one(element, "is" if op == "in" else op, item) for item in operands)

    def one(self, element: Any, op: str, raw: Any) -> Truth:
        if isinstance(raw, str) and raw.startswith("@") and op in {"is", "under"}:
            return disj(self.one(element, op, item) for item in self.tables[raw[1:]])
        if isinstance(raw, str) and raw.startswith("{"):
            answer = self.facts[raw[1:-1]]
            if isinstance(answer, Unavailable):
                return None
            others = () if isinstance(answer, Missing) else answer if isinstance(answer, tuple) else (answer,)
            return any(self.compare(element, op, other) for other in others)
        return self.compare(element, op, raw)

    def compare(self, element: Any, op: str, raw: Any) -> bool:
        if isinstance(element, IPv4Address | IPv6Address):
            return element in ip_network(str(raw))
        text, other = plain(element), plain(raw)
        if op == "under":
            domain = element.domain.casefold() if isinstance(element, Address) else text
            other = raw.domain.casefold() if isinstance(raw, Address) else other
            return bool(domain == other or domain.endswith("." + other))
        if isinstance(element, int) and isinstance(raw, str):
            other = seconds(raw)
        compare: dict[str, Callable[[], object]] = {
            "is": lambda: text == other,
            "matches": lambda: re.search(raw, str(element), re.DOTALL),
            "glob": lambda: fnmatchcase(text, other),
            "starts_with": lambda: text.startswith(other),
            "ends_with": lambda: text.endswith(other),
            "contains": lambda: other in text,
            "lt": lambda: text < other,
            "le": lambda: text <= other,
            "gt": lambda: text > other,
            "ge": lambda: text >= other,
        }  # fmt: skip
        return bool(compare[op]())
