"""The desk at which rules are read: what is known there, and the faults found."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from vsmtp.rules.lookups import Bindings, Bound, counted
from vsmtp.rules.names import Names
from vsmtp.rules.template import Slot, Template, parse_template
from vsmtp.values.diagnostic import Fault, KeyPath
from vsmtp.vocabulary.facts import FACTS, FAMILY_NAMES, Fact, find_fact, is_namespace
from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.tables import FOUND, TableTraits
from vsmtp.vocabulary.types import Type

Caret: TypeAlias = Literal["key", "value"]
Kind: TypeAlias = Literal["limiter", "quarantine", "service", "relay"]
# So many facts are named to who gave the beginning of their names.
_MANY: Final = 6
# So many known words are compared with a misspelt one, those next to it in the alphabet.
_COMPARED: Final = 300
_Find: TypeAlias = Callable[[str, KeyPath, Caret], Fact | None]


@dataclass(frozen=True, slots=True)
class _Sort:
    """A sort of declared names: where they are, and the code of the fault for one that is not."""

    names: Callable[[Names], Collection[str] | None]
    code: str


_SORTS: Final[Mapping[Kind, _Sort]] = {
    "limiter": _Sort(lambda names: names.limiters, code="unknown-limiter"),
    "quarantine": _Sort(lambda names: names.quarantines, code="unknown-quarantine"),
    "service": _Sort(lambda names: names.services, code="unknown-service"),
    "relay": _Sort(lambda names: names.relays, code="unknown-relay"),
}


@dataclass(frozen=True, slots=True)
class RuleSource:
    """One rule as TOML gives it, and the path of its table: `("rules", "rcpt", 3)`."""

    path: KeyPath
    table: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What all rules of a tree may name.

    `tables` are the elements of `@name` tables that are known at load, by name without the `@`; `dynamic` the
    traits of those that are asked while rules run; `chains` the names of chains; `variables` the types of
    those that some rule gives a value to, by the names they are asked by, None where nobody looked; `lookups`
    what every rule may ask of, less those at fault, which are in `unbound`. `bindings` gathers the lookups
    that rules use.
    """

    tables: Mapping[str, Sequence[str]]
    chains: frozenset[str]
    dynamic: Mapping[str, TableTraits] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    variables: Mapping[str, Type] | None = None
    lookups: Mapping[str, Bound] = field(default_factory=dict)
    bindings: Bindings = field(default_factory=Bindings)
    unbound: frozenset[str] = frozenset()


@dataclass(slots=True)
class Reading:
    """Reads the rules of one stage; `stage` is None for a chain that no stage reaches.

    `scope` are the lookups of the rule at hand; `unbound` the names of those that are at fault themselves, so
    that nothing more is said of their columns.
    """

    stage: Stage | None
    known: Known
    faults: list[Fault] = field(default_factory=list)
    scope: Mapping[str, Bound] = field(default_factory=dict)
    unbound: frozenset[str] = frozenset()

    def key_fault(self, path: KeyPath, code: str, message: str, remedy: str = "") -> None:
        """Record an error whose caret stands under the key."""
        self._add(path, code, message, remedy, "key")

    def fault(self, path: KeyPath, code: str, message: str, remedy: str = "") -> None:
        """Record an error whose caret stands under the value."""
        self._add(path, code, message, remedy, "value")

    def warn(self, path: KeyPath, code: str, message: str, remedy: str, at: Caret = "value") -> None:
        """Record a warning."""
        self.faults.append(Fault(path, code, message, remedy, at, "warning"))

    def hush(self, since: int, allowed: frozenset[str]) -> None:
        """Drop the warnings of these codes among the faults recorded after the first `since`."""
        later = self.faults[since:]
        self.faults[since:] = [
            fault for fault in later if fault.severity == "error" or fault.code not in allowed
        ]

    def fact(self, name: str, path: KeyPath, at: Caret) -> Fact | None:
        """The fact of that name if this stage has it, else None and a fault; of a secret column too."""
        fact = self._usable(name, path, at)
        if fact is not None and fact.type is Type.SECRET:
            message = f"`{name}` is a secret, which only a login may use"
            self._add(path, "secret-column", message, "use it as the `password` of a `forward`", at)
            return None
        return fact

    def is_namespace(self, name: str) -> bool:
        """Whether facts that rules may name begin with this and a dot."""
        return is_namespace(name) or any(
            name in names for names in (self.scope, self.known.lookups, self.unbound, self.known.unbound)
        )

    def names_of_facts(self) -> tuple[str, ...]:
        """What a misspelt fact may have been meant for."""
        lookups = {**self.known.lookups, **self.scope}
        columns = (f"{var}.{column}" for var, each in lookups.items() for column in (*each.columns, FOUND))
        return (*FACTS, *FAMILY_NAMES, *(self.known.variables or ()), *columns)

    def template(self, text: object, path: KeyPath, groups: frozenset[str]) -> Template:
        """The template of a text, checked; an empty one and a fault where it is none."""
        return self._read_template(text, path, groups, self.fact)

    def credential(self, text: object, path: KeyPath, groups: frozenset[str]) -> Template:
        """Likewise a template in which secret columns may stand: a password, never printed."""
        return self._read_template(text, path, groups, self._usable)

    def declared(self, kind: Kind, name: str, path: KeyPath, at: Caret = "value") -> bool:
        """Whether that limiter, quarantine, service or relay is declared; else a fault."""
        sort = _SORTS[kind]
        known = sort.names(self.known.names)
        if known is None or name in known:
            return True
        remedy = did_you_mean(name, known) or f"declare it: `[{kind}s.{name}]`"
        self._add(path, sort.code, f"there is no {kind} `{name}`", remedy, at)
        return False

    def _usable(self, name: str, path: KeyPath, at: Caret) -> Fact | None:
        fact = self._find(name, path, at)
        if fact is None or not self._is_there(fact, path, at):
            return None
        if not fact.answered:
            message = f"`{fact.label}` comes with a later release: it is never available in this one"
            self.warn(path, "unanswered-fact", message, "say what happens then by `unavailable`", at)
        return fact

    def _find(self, name: str, path: KeyPath, at: Caret) -> Fact | None:
        fact = find_fact(name)
        var, _, column = name.partition(".")
        row = self.scope.get(var) or self.known.lookups.get(var)
        if fact is not None:
            return self._settled(fact, path, at)
        if row is not None and column and row.has(column):
            return row.column(column)
        if row is None and var in self.unbound | self.known.unbound:
            return None
        remedy = _those_below(name) or did_you_mean(name, self.names_of_facts())
        message = f"unknown fact `{name}`"
        if row is not None and column:
            message = f"the table `{row.binding.table}` has no column `{column}`"
            remedy = remedy or "it has " + ", ".join(f"`{each}`" for each in (*row.columns, FOUND))
        self._add(path, "unknown-fact", message, remedy, at)
        return None

    def _settled(self, fact: Fact, path: KeyPath, at: Caret) -> Fact | None:
        """A fact whose name, type or stage depends on what the tree declares."""
        first, _, rest = fact.name.partition(".")
        if first == "rate" and self.declared("limiter", rest, path, at):
            key = (self.known.names.limiters or {}).get(rest, "")
            return counted(fact, tuple(self._key_facts(key)))
        if first == "service" and self.declared("service", rest.partition(".")[0], path, at):
            return fact
        if first in {"rate", "service"}:
            return None
        variables = self.known.variables
        if variables is None or (first != "var" and not fact.name.startswith("rcpt.var.")):
            return fact
        if fact.name in variables:
            return replace(fact, type=variables[fact.name])
        remedy = did_you_mean(fact.name, variables) or "give it one by `set` or `add`"
        self._add(path, "unknown-fact", f"no rule gives `{fact.name}` a value", remedy, at)
        return None

    def _key_facts(self, key: str) -> Iterator[Fact]:
        # What is wrong with a limiter's key is told where the limiter is declared.
        try:
            names = parse_template(key).facts
        except ValueError:
            return
        yield from (fact for name in names if (fact := find_fact(name)) is not None)

    def _is_there(self, fact: Fact, path: KeyPath, at: Caret) -> bool:
        """Whether this stage has the fact."""
        if self.stage is None:
            return True
        if self.stage < fact.first:
            message = f"`{fact.label}` is not known yet at `{self.stage.label}`"
            self._add(path, "fact-too-early", message, f"`{fact.first.label}` is the first stage with it", at)
            return False
        if fact.only and self.stage not in fact.only:
            message = f"`{fact.label}` is about one recipient, and `{self.stage.label}` is about all"
            places = " and ".join(f"`{stage.label}`" for stage in sorted(fact.only))
            self._add(path, "fact-too-early", message, f"use it at {places}, or `rcpts.*` here", at)
            return False
        return True

    def _read_template(self, text: object, path: KeyPath, groups: frozenset[str], find: _Find) -> Template:
        if not isinstance(text, str):
            self.fault(path, "bad-template", "a text is wanted here")
            return Template(())
        try:
            template = parse_template(text)
        except ValueError as error:
            self.fault(path, "bad-template", str(error))
            return Template(())
        return Template(
            tuple(
                part if isinstance(part, str) else self._slot(part, path, groups, find)
                for part in template.parts
            ),
        )

    def _slot(self, slot: Slot, path: KeyPath, groups: frozenset[str], find: _Find) -> Slot:
        if not slot.fact.startswith("match."):
            fact = find(slot.fact, path, "value")
            return slot if fact is None else replace(slot, fact=fact.name, known=fact)
        if slot.fact.removeprefix("match.") not in groups:
            remedy = did_you_mean(slot.fact, [f"match.{group}" for group in groups])
            message = f"no `matches` of this rule has a group for `{slot.fact}`"
            self.fault(path, "unknown-fact", message, remedy or "name a group with `(?P<name>...)`")
        return slot

    def _add(self, path: KeyPath, code: str, message: str, remedy: str, at: Caret) -> None:
        self.faults.append(Fault(path, code, message, remedy, at))


def _those_below(name: str) -> str:
    """A remedy for who wrote `rcpt` and meant one of its facts; nothing where there are none."""
    below = [f"`{fact}`" for fact in FACTS if fact.startswith(f"{name}.")]
    if len(below) > _MANY:
        below = [*below[:_MANY], "and others"]
    return f"there are {', '.join(below)}" if below else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the closest known word, or nothing where none is close."""
    near = sorted(known)
    if len(near) > _COMPARED:
        here = bisect_left(near, word)
        near = near[max(0, here - _COMPARED // 2) : here + _COMPARED // 2]
    return _closest(word, tuple(near))


@lru_cache(maxsize=1024)
def _closest(word: str, known: tuple[str, ...]) -> str:
    # The same slip is made in many rules at once, and comparing takes a millisecond.
    close = get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else ""
