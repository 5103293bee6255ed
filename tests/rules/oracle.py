"""Rules read in order, from their tables as TOML gives them: what the graph is compared with.

It shares no code with `vsmtp.rules`. Truth is True, False or None for unknown. What effects change of the
facts is done here too, on copies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, Unavailable

Table = Mapping[str, Any]
Truth = bool | None
OPERATORS = {
    "is", "not", "in", "not_in", "matches", "glob", "starts_with", "ends_with", "contains", "under",
    "exists", "unavailable", "lt", "le", "gt", "ge", "between", "any", "all", "none",
}  # fmt: skip
SLOT = re.compile(r"\{([^{}]*)\}")
DOWN = Unavailable("the table is down")
BINDING = {"add_rcpt", "rewrite_sender", "table_set", "table_remove"}
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


def deeds_of(rule: Table) -> list[tuple[str, Any]]:
    return [pair for effect in rule.get("do", ()) for pair in effect.items()]


def exact_in(effect: str, raw: Any) -> list[str]:
    """The facts of its address or key."""
    return SLOT.findall(raw["key"] if isinstance(raw, dict) else raw) if effect in BINDING else []


class Oracle:
    """One reading of one session; `trace` is what happened, `seen` what each rule came to that was reached.

    `tables` are known at load; of `rows`, tables asked while rules run, None is one that is down; `lookups`
    are those of every rule. What is read has the rules as `root`, `shipped`, and all chains by name.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        tables: Mapping[str, Sequence[str]],
        rows: Mapping[str, dict[str, dict[str, Any]] | None] | None = None,
        lookups: Table | None = None,
        stage: str = "prequeue",
    ) -> None:
        self.facts = dict(facts)
        self.tables = tables
        self.rows = {name: None if row is None else dict(row) for name, row in (rows or {}).items()}
        self.lookups = lookups or {}
        self.stage = stage
        self.bound = self.lookups
        self.trace: list[tuple[str, ...]] = []
        self.seen: list[tuple[str, str]] = []
        self.shipped_ran = False
        self.may_ship = True

    def read(
        self, document: Mapping[str, Sequence[Table]], chains: Sequence[str], *, root: bool, shipped: bool
    ) -> None:
        self.may_ship = root or shipped
        try:
            if root:
                self.chain(document["root"], document)
            for name in chains:
                self.chain(document[name], document)
            if shipped:
                self.ship(document)
        except Left:
            return
        self.trace.append(("ended",))

    def ship(self, document: Mapping[str, Sequence[Table]]) -> None:
        if self.may_ship and not self.shipped_ran:
            self.shipped_ran = True
            self.chain(document["shipped"], document)

    def chain(self, rules: Sequence[Table], document: Mapping[str, Sequence[Table]]) -> None:
        for rule in rules:
            word = next((key for key in VERDICTS if key in rule), None)
            if rule.get("stage", self.stage) != self.stage or not self.goes(rule) or not self.fire(rule):
                continue
            if rule.get("dry_run") or word is None:
                continue
            if word == "return":
                return
            if word != "jump":
                self.trace.append(("ended", word, rule["name"]))
                raise Left
            if rule["jump"] == "shipped":
                self.ship(document)
            else:
                self.chain(document[rule["jump"]], document)

    def fire(self, rule: Table) -> bool:
        """Whether all effects were carried out: one that asks a table written to just now may stop it."""
        self.seen.append(("fired", rule["name"]))
        if rule.get("do") or rule.get("dry_run"):
            self.trace.append(("fired", rule["name"]))
        written: set[str] = set()
        for effect, raw in () if rule.get("dry_run") else deeds_of(rule):
            if any(self.table_of(name) in written and self.is_lost(name) for name in exact_in(effect, raw)):
                self.leave(rule)
                return False
            self.carry_out(effect, raw)
            written |= {raw["table"]} if effect.startswith("table_") else set()
        return True

    def leave(self, rule: Table) -> None:
        """The rule is undecided, and `match` is no way out."""
        self.seen.append(("undecided", rule["name"]))
        if self.policy(rule) == "skip":
            self.trace.append(("skipped", rule["name"]))
        else:
            self.trace.append(("ended", "defer", rule["name"]))
            raise Left

    def policy(self, rule: Table) -> str:
        binds = any(key in rule for key in VERDICTS) or any(effect in BINDING for effect, _ in deeds_of(rule))
        return str("skip" if rule.get("dry_run") else rule.get("unavailable", "defer" if binds else "skip"))

    def goes(self, rule: Table) -> bool:
        self.bound = {**self.lookups, **rule.get("lookup", {})}
        claim = self.matches(rule)
        if claim is False:
            self.seen.append(("no", rule["name"]))
            return False
        if (claim or self.policy(rule) == "match") and not self.inexact(rule):
            if claim is None:
                self.seen.append(("undecided", rule["name"]))
            return True
        self.leave(rule)
        return False

    def inexact(self, rule: Table) -> bool:
        """Whether an address or key would have to be made of what nobody knows, as far as can be said."""
        written: set[str] = set()
        for effect, raw in () if rule.get("dry_run") else deeds_of(rule):
            if any(
                self.table_of(name) not in written and self.is_lost(name) for name in exact_in(effect, raw)
            ):
                return True
            written |= {raw["table"]} if effect.startswith("table_") else set()
        return False

    def table_of(self, name: str) -> str:
        return str(self.bound.get(name.partition(".")[0], {}).get("table", ""))

    def is_lost(self, name: str) -> bool:
        return isinstance(self.fact(name), Unavailable)

    def text(self, template: str) -> str:
        def fill(slot: re.Match[str]) -> str:
            answer = self.fact(slot[1])
            unknown = isinstance(answer, Unavailable)
            return "unavailable" if unknown else "" if isinstance(answer, Missing) else str(answer)

        return SLOT.sub(fill, template)

    def carry_out(self, effect: str, raw: Any) -> None:
        match effect:
            case "set":
                self.facts.update({f"var.{name}": self.text(value) for name, value in raw.items()})
            case "add":
                for name, amount in raw.items():
                    before = self.facts.get(f"var.{name}", MISSING)
                    self.facts[f"var.{name}"] = (0 if before == MISSING else before) + amount
            case "add_header":
                self.append(f"message.headers.{raw['name'].lower()}", raw["value"])
            case "add_rcpt" if text := self.text(raw):
                self.append("rcpts.domain", Address.parse(text).domain)
            case "rewrite_sender":
                address = Address.parse(self.text(raw)) if self.text(raw) else None
                self.facts["sender.address"] = address or MISSING
                self.facts["sender.domain"] = address.domain if address else MISSING
            case _ if effect.startswith("table_"):
                self.write(raw["table"], self.text(raw["key"]).casefold(), raw.get("row"))

    def write(self, table: str, key: str, row: dict[str, Any] | None) -> None:
        rows = self.rows[table]
        if rows is not None:
            rows.pop(key, None)
            rows.update({key: row} if row is not None else {})

    def append(self, name: str, value: str) -> None:
        before = self.facts[name]
        if not isinstance(before, Unavailable):
            self.facts[name] = (*(() if isinstance(before, Missing) else before), value)

    def fact(self, name: str) -> Any:
        var, _, column = name.partition(".")
        if var not in self.bound:
            return self.facts.get(name, MISSING)
        lookup = self.bound[var]
        rows = self.rows[lookup["table"]]
        asked = [self.fact(slot) for slot in SLOT.findall(lookup["key"])]
        if rows is None or any(isinstance(answer, Unavailable) for answer in asked):
            return DOWN
        row = rows.get(self.text(lookup["key"]).casefold())
        return row is not None if column == "found" else (row or {}).get(column, MISSING)

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
        answer = self.fact(name)
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
        if isinstance(raw, str) and raw.startswith("@") and raw[1:] in self.rows:
            return self.is_in(self.rows[raw[1:]], plain(element), under=op == "under")
        if isinstance(raw, str) and raw.startswith("@") and op in {"is", "under"}:
            return disj(self.one(element, op, item) for item in self.tables[raw[1:]])
        if isinstance(raw, str) and raw.startswith("{"):
            answer = self.fact(raw[1:-1])
            if isinstance(answer, Unavailable):
                return None
            others = () if isinstance(answer, Missing) else answer if isinstance(answer, tuple) else (answer,)
            return any(self.compare(element, op, other) for other in others)
        return self.compare(element, op, raw)

    def is_in(self, rows: Mapping[str, Table] | None, key: str, *, under: bool) -> Truth:
        if rows is None:
            return None
        labels = key.rpartition("@")[2].split(".")
        return any(".".join(labels[n:]) in rows for n in range(len(labels))) if under else key in rows

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
