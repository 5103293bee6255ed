"""All rules of a tree as they are written: where each stands, what it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vsmtp.config.load import RulePair, Tree
from vsmtp.config.merge import Document, Origin, descend, merge, place_of
from vsmtp.config.read import read
from vsmtp.config.shipped import DIRECTORY
from vsmtp.values.diagnostic import KeyPath, Place

NOWHERE: Final = Place("", 0, 0)
_SHIPPED: Final = "shipped"


@dataclass(frozen=True, slots=True)
class RuleWritten:
    """A rule of the tree: `table` is what TOML gave."""

    path: KeyPath
    table: Mapping[str, Any]
    place: Place

    @property
    def name(self) -> str:
        """What its author calls it."""
        return str(self.table.get("name", "?"))


@dataclass(slots=True)
class Rulebook:
    """Finds rules by their paths (`RuleInfo.path`); `own` are those of the tree, in order of their tables."""

    own: Mapping[KeyPath, RuleWritten]
    _shipped: Mapping[KeyPath, RuleWritten] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Tree) -> Rulebook:
        """The rules of a sound tree."""
        own = (RuleWritten(path, table, tree.origin(path) or NOWHERE) for path, table in _pairs(tree))
        return cls({rule.path: rule for rule in own}, {rule.path: rule for rule in _shipped_rules()})

    @property
    def names(self) -> frozenset[str]:
        """What all rules are called, the shipped ones too."""
        return frozenset(rule.name for rule in (*self.own.values(), *self._shipped.values()))

    def place(self, path: KeyPath) -> Place:
        """Where the rule begins; `NOWHERE` for one that no file has."""
        rule = self.own.get(path) or self._shipped.get(path)
        return rule.place if rule is not None else NOWHERE

    def place_of(self, name: str) -> Place:
        """Where the first rule of that name begins; `NOWHERE` where there is none."""
        rules = (*self.own.values(), *self._shipped.values())
        return next((rule.place for rule in rules if rule.name == name), NOWHERE)


def _pairs(tree: Tree) -> Iterator[RulePair]:
    for pairs in (*tree.rules.values(), *tree.chains.values()):
        yield from pairs
    for keys in tree.domains.values():
        for said in keys.values():
            if not isinstance(said, str):
                yield from said


def _shipped_rules() -> Iterator[RuleWritten]:
    # In the order in which `read_shipped` numbers them.
    numbers: dict[str, int] = {}
    for path in sorted(DIRECTORY.glob("*.toml")):
        document = read(path)
        assert isinstance(document, Document), "the package's own rules are sound"
        for stage, rules in _tables(document).items():
            for rule in rules.children.values():
                number = numbers[stage] = numbers.get(stage, -1) + 1
                yield RuleWritten((_SHIPPED, stage, number), rule.plain(), place_of(rule, at_key=False))


def _tables(document: Document) -> Mapping[str, Origin]:
    rules, _ = descend(merge([document])[0], ("rules",))
    return {} if rules is None else {str(stage): table for stage, table in rules.children.items()}
