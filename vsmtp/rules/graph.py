"""The decision graph: pipelines of match/action nodes (`rules.md`, "The graph").

A node is a run of rules. Its *rows* are conjunctions: a rule's exemptions first, then its `when`, once for
each table of `any`. Its *columns* are what is asked: one fact each, with an index over all its tests, or a
fact with those that its tests refer to. A column turns the answer into the mask of rows that it does not
refute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from vsmtp.rules.effects import Effect
from vsmtp.rules.lanes import Lane
from vsmtp.rules.language import Binding, Rule, RuleInfo, Test
from vsmtp.rules.predicates import holds
from vsmtp.values.address import upwards
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.answers import Answer, Scalar, Value
from vsmtp.vocabulary.facts import Cost, Fact
from vsmtp.vocabulary.stages import Stage

# The names of chains with a meaning of their own: the stage's shipped rules, and a domain's "no chain".
SHIPPED: Final = "shipped"
NONE: Final = "none"
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class FactColumn:
    """All tests of one fact that indexes answer.

    `lanes`, cheap ones first, go with the mask of the rows that hold where nothing hits: those that are not
    tested there, and those whose literal is negated; and of a dear lane with the rows that it is about: it is
    passed over where none of them is left. `absent`: the rows left when the fact is absent. Of an
    unavailable fact `lost` are the rows left, `dark` those that stay undecided.
    """

    fact: Fact
    name: str
    bit: int
    lanes: tuple[tuple[Lane, int, int], ...]
    absent: int
    lost: int
    dark: int

    @property
    def cost(self) -> Cost:
        """What asking costs."""
        return self.fact.cost

    @property
    def names(self) -> tuple[str, ...]:
        """The facts that are asked."""
        return (self.fact.name,)

    def may(self, value: Value, left: int) -> int:
        """The rows of those `left` that this value does not refute."""
        for lane, unhit, rows in self.lanes:
            if not rows or left & rows:
                hits = _any_hits(lane, value) if isinstance(value, tuple) else lane.hits(value)
                left &= unhit ^ hits
        return left


@dataclass(frozen=True, slots=True)
class JointColumn:
    """Tests of a fact that indexes cannot answer, each with the mask of the rows that share it.

    `names` are the fact itself and those that the tests refer to, `costs` what each of them costs; `rows` is
    the node's full mask.
    """

    fact: Fact
    names: tuple[str, ...]
    costs: tuple[Cost, ...]
    bit: int
    tests: tuple[tuple[Test, int], ...]
    rows: int

    @property
    def cost(self) -> Cost:
        """What asking costs when all of it has to be asked."""
        return max(self.costs)

    def judge(self, answers: Mapping[str, Answer]) -> tuple[int, int]:
        """The rows not refuted, and those left undecided, be it for want of an answer still to come."""
        may, dark = self.rows, 0
        for test, rows in self.tests:
            held = holds(test, self.fact.type, answers[self.fact.name], answers)
            if held is None:
                dark |= rows
            elif not held:
                may &= ~rows
        return may, dark


Column: TypeAlias = FactColumn | JointColumn


@dataclass(frozen=True, slots=True)
class Row:
    """One conjunction: the columns it is about as a mask, and the path of its conditions by column."""

    columns: int
    exempts: bool
    paths: Mapping[int, KeyPath]


@dataclass(frozen=True, slots=True)
class Act:
    """Effects that are carried out together, for what one changes no later one has to ask for.

    `needs` are the facts that have to be here before, `exact` those among them without which the rule is
    undecided. The first act's are checked before the rule counts as matched; a later act has but those that
    the acts before it may change.
    """

    effects: tuple[Effect, ...]
    needs: tuple[str, ...]
    exact: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule in its node: rows `start` to `end`, `when` those that exempt nothing.

    Masks count from `start`; `width` is that of all its rows. `columns` is the one row's if there is but one,
    else -1. `acts` are its effects, never empty.
    """

    rule: Rule
    start: int
    end: int
    width: int
    when: int
    columns: int
    acts: tuple[Act, ...]

    @property
    def info(self) -> RuleInfo:
        """Which rule it is."""
        return self.rule.info

    @property
    def may_end(self) -> bool:
        """Whether rules behind it may go unread once it matches or is left undecided."""
        return self.rule.move is not None or self.rule.policy == "defer"


@dataclass(frozen=True, slots=True)
class Node:
    """A run of rules whose conditions no effect in the run can change. `rule_of` maps a row to its rule."""

    placed: tuple[Placed, ...]
    rule_of: tuple[int, ...]
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    full: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a stage evaluates: the root table, the shipped rules, and the chains by name.

    `chains` are those that a jump can reach at this stage and those that domains use and that have rules for
    it.
    """

    stage: Stage
    root: tuple[Node, ...]
    shipped: tuple[Node, ...]
    chains: Mapping[str, tuple[Node, ...]]


@dataclass(frozen=True, slots=True)
class Graph:
    """The pipelines of all stages that have rules, and which chains domains use.

    `domains` maps a domain, lower case, to the chains of its `incoming`, `outgoing` and `internal`, where it
    says so; `NONE` says that there is none. `bindings` are the lookups that rules use, each at the place that
    its `id` says.
    """

    stages: Mapping[Stage, Pipeline]
    domains: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()

    def stage(self, stage: Stage) -> Pipeline | None:
        """The stage's pipeline; None when it has no rules at all."""
        return self.stages.get(stage)

    def domain_chains(
        self,
        ours: bool,  # noqa: FBT001 a truth value is what it is about
        sender_domain: str,
        rcpt_domain: str,
        is_local: Callable[[str], bool],
    ) -> tuple[str, ...]:
        """The chains for mail from one domain to another, in order, each once (`rules.md`, "Domains").

        `ours`: whether the client is trusted or authenticated. An empty `sender_domain` is the null sender.
        `is_local` says whether a domain is one that this server receives mail for.
        """
        if not self.domains:
            return ()
        sender, rcpt = sender_domain.casefold(), rcpt_domain.casefold()
        if not ours or not sender:
            wanted: tuple[tuple[str, str], ...] = ((rcpt, "incoming"),)
        elif sender == rcpt:
            wanted = ((sender, "internal"),)
        elif is_local(rcpt_domain):
            wanted = ((sender, "outgoing"), (rcpt, "incoming"))
        else:
            wanted = ((sender, "outgoing"),)
        found = (self._chain_of(domain, key) for domain, key in wanted)
        return tuple(dict.fromkeys(name for name in found if name != NONE))

    def acting(self, stage: Stage, chains: Sequence[str]) -> tuple[str, ...]:
        """Those of the domain chains that have rules at `stage`: what tells groups of recipients apart."""
        pipeline = self.stages.get(stage)
        return tuple(name for name in chains if pipeline is not None and pipeline.chains.get(name))

    def _chain_of(self, domain: str, key: str) -> str:
        for one in upwards(domain):
            name = self.domains.get(one, _NOTHING).get(key)
            if name is not None:
                return name
        return NONE


def _any_hits(lane: Lane, values: tuple[Scalar, ...]) -> int:
    found = 0
    for value in values:
        found |= lane.hits(value)
    return found
