"""The desk at which rules are read: what is known there, and the faults found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

from vsmtp.rules.template import Template, parse_template
from vsmtp.values.diagnostic import Fault, KeyPath
from vsmtp.vocabulary.facts import FACTS, FAMILY_NAMES, Fact, find_fact
from vsmtp.vocabulary.stages import Stage

Caret: TypeAlias = Literal["key", "value"]


@dataclass(frozen=True, slots=True)
class RuleSource:
    """One rule as TOML gives it, and the path of its table: `("rules", "rcpt", 3)`."""

    path: KeyPath
    table: Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """Reads the rules of one stage; `stage` is None for a chain that no stage reaches.

    `tables` are the elements of `@name` tables by name without the `@`; `chains` the names there are.
    """

    stage: Stage | None
    tables: Mapping[str, Sequence[str]]
    chains: frozenset[str]
    faults: list[Fault] = field(default_factory=list)

    def key_fault(self, path: KeyPath, code: str, message: str, remedy: str = "") -> None:
        """Record an error whose caret stands under the key."""
        self._add(path, code, message, remedy, "key")

    def fault(self, path: KeyPath, code: str, message: str, remedy: str = "") -> None:
        """Record an error whose caret stands under the value."""
        self._add(path, code, message, remedy, "value")

    def warn(self, path: KeyPath, code: str, message: str, remedy: str) -> None:
        """Record a warning under the value."""
        self.faults.append(Fault(path, code, message, remedy, "value", "warning"))

    def fact(self, name: str, path: KeyPath, at: Caret) -> Fact | None:
        """The fact of that name if this stage has it, else None and a fault."""
        fact = find_fact(name)
        if fact is None:
            remedy = did_you_mean(name, (*FACTS, *FAMILY_NAMES))
            self._add(path, "unknown-fact", f"unknown fact `{name}`", remedy, at)
            return None
        if self.stage is None:
            return fact
        if self.stage < fact.first:
            message = f"`{name}` is not known yet at `{self.stage.label}`"
            self._add(path, "fact-too-early", message, f"`{fact.first.label}` is the first stage with it", at)
            return None
        if fact.only and self.stage not in fact.only:
            message = f"`{name}` is about one recipient, and `{self.stage.label}` is about all"
            places = " and ".join(f"`{stage.label}`" for stage in sorted(fact.only))
            self._add(path, "fact-too-early", message, f"use it at {places}, or `rcpts.*` here", at)
            return None
        return fact

    def template(self, text: object, path: KeyPath, groups: frozenset[str]) -> Template:
        """The template of a text, checked; an empty one and a fault where it is none."""
        if not isinstance(text, str):
            self.fault(path, "bad-template", "a text is wanted here")
            return Template(())
        try:
            template = parse_template(text)
        except ValueError as error:
            self.fault(path, "bad-template", str(error))
            return Template(())
        for name in template.facts:
            self._check_slot(name, path, groups)
        return template

    def _check_slot(self, name: str, path: KeyPath, groups: frozenset[str]) -> None:
        if not name.startswith("match."):
            self.fact(name, path, "value")
        elif name.removeprefix("match.") not in groups:
            remedy = did_you_mean(name, [f"match.{group}" for group in groups])
            message = f"no `matches` of this rule has a group for `{name}`"
            self.fault(path, "unknown-fact", message, remedy or "name a group with `(?P<name>...)`")

    def _add(self, path: KeyPath, code: str, message: str, remedy: str, at: Caret) -> None:
        self.faults.append(Fault(path, code, message, remedy, at))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the closest known word, or nothing where none is close."""
    close = get_close_matches(word, sorted(known), n=1)
    return f"did you mean `{close[0]}`?" if close else ""
