"""A rule after reading: what its text means, before it becomes part of a graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal as Word
from typing import TypeAlias

from vsmtp.rules.effects import Effect
from vsmtp.rules.template import Template
from vsmtp.rules.verdicts import Verdict
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.facts import Fact
from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.types import Quantifier


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """Which rule it is: its name, the stage it runs at, and where it stands in the settings.

    `("shipped", "rcpt", 0)` is the path of a shipped rule, `("chains", "spam", 2)` of a chain's.
    """

    name: str
    stage: Stage
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Ref:
    """An operand that is another fact's value."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Member:
    """An operand that is a table asked while rules run.

    `fact` is the hidden fact that says whether the value is in it: true or false, of a list fact a tuple,
    element by element (see `vocabulary.tables.Membership`).
    """

    fact: Fact


@dataclass(frozen=True, slots=True)
class Ago:
    """An operand that is so many seconds before the moment that `fact` gives."""

    fact: Fact
    seconds: float


@dataclass(frozen=True, slots=True)
class Interval:
    """Half open: `start` is in it, `end` is not."""

    start: float
    end: float


# A text's folded form, an address's key, a bool, a regex in the form that its operator wants, or an interval.
Operand: TypeAlias = str | bool | Interval | Ref | Member | Ago


class Op(Enum):
    """The tests that are left once negations and synonyms are taken out."""

    IS = "is"
    UNDER = "under"
    MATCHES = "matches"
    GLOB = "glob"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    CONTAINS = "contains"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    BETWEEN = "between"
    OLDER_THAN = "older_than"
    NEWER_THAN = "newer_than"
    EXISTS = "exists"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Literal:
    """One operator: any of its operands holds, or with `negated` none of them.

    `words` are the operands as they were written, for reports; they make no difference to what it means.
    """

    op: Op
    negated: bool
    operands: tuple[Operand, ...]
    words: tuple[str, ...] = field(default=(), compare=False)

    @property
    def refs(self) -> tuple[Ref | Member | Ago, ...]:
        """The operands that other facts are needed for: each has its `fact`."""
        return tuple(operand for operand in self.operands if isinstance(operand, Ref | Member | Ago))


@dataclass(frozen=True, slots=True)
class Quantified:
    """All the literals hold for any, all or none of a list fact's elements."""

    quantifier: Quantifier
    literals: tuple[Literal, ...]


Test: TypeAlias = Literal | Quantified


@dataclass(frozen=True, slots=True)
class Condition:
    """A fact and its tests, all of which must hold; `path` is that of the fact's last key."""

    fact: Fact
    tests: tuple[Test, ...]
    path: KeyPath


Conjunction: TypeAlias = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Leave this chain or root table."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Evaluate a chain, then go on here."""

    chain: str


@dataclass(frozen=True, slots=True)
class Written:
    """A refusal whose text has facts in it: the verdict with an empty text, and the text."""

    verdict: Verdict
    text: Template


Move: TypeAlias = Verdict | Written | Return | Jump
Policy: TypeAlias = Word["defer", "skip", "match"]


@dataclass(frozen=True, slots=True)
class Capture:
    """A regex with named groups, and the fact it is tried on to bind `match.<group>`."""

    fact: Fact
    pattern: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """What `lookup.<var>` binds: the row of `table` whose key the template gives.

    Equal questions are one binding, called after the first `var` that asked: `id` is its place in the graph's
    `bindings`, and its columns are the facts `lookup:<id>.<column>`.
    """

    id: int
    var: str
    table: str
    key: Template


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: it matches if one of `when` holds and none of `unless` does.

    `allow` are the codes of lints that its author does not want to hear of.
    """

    info: RuleInfo
    when: tuple[Conjunction, ...]
    unless: tuple[Conjunction, ...]
    effects: tuple[Effect, ...]
    move: Move | None
    policy: Policy
    dry_run: bool
    captures: tuple[Capture, ...]
    allow: frozenset[str] = frozenset()
