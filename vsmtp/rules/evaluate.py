"""Walking the graph: one evaluation of one stage, which asks for facts and says what fired (`rules.md`).

What is known of the node at hand, and which fact is asked next, is the business of `rules.frames`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from vsmtp.rules.ahead import asked_meanwhile
from vsmtp.rules.effects import Effect
from vsmtp.rules.frames import FIRES, STUCK, Frame, Observer
from vsmtp.rules.graph import SHIPPED, Act, Column, Node, Pipeline, Placed
from vsmtp.rules.language import Jump, Move, Policy, Return, Rule, RuleInfo, Written
from vsmtp.rules.regex import Pattern
from vsmtp.rules.template import render_text
from vsmtp.rules.verdicts import Defer, Refuse, Verdict
from vsmtp.values.answer import MISSING, OverLimit, Unavailable
from vsmtp.vocabulary.answers import NO_VALUE, Answer, Facts, Unasked
from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.replies import REPLIES
from vsmtp.vocabulary.stages import Stage

_UNDECIDED: Final = REPLIES["undecided"]
_UNDECIDED_AT_CONNECT: Final = REPLIES["undecided_at_connect"]
_OVER_LIMIT: Final = REPLIES["too_complex"]


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule matched and has effects: carry them out in order, their templates rendered through `facts`.

    Where an effect rests on a table that an effect before it wrote to, a rule fires in several acts.
    """

    rule: RuleInfo
    effects: tuple[Effect, ...]
    facts: Facts


@dataclass(frozen=True, slots=True)
class Asks:
    """These facts need I/O: fetch them, store them where `Facts` finds them, and advance again."""

    facts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """The stage is decided, by that rule; both None: no rule had a verdict.

    `unavailable` are the facts for want of which the rule was left undecided, if that is what decided.
    """

    verdict: Verdict | None
    rule: RuleInfo | None
    unavailable: tuple[str, ...] = ()


NO_VERDICT: Final = Ended(None, None)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule passed over for want of these facts (`unavailable = "skip"`): to be counted and logged."""

    rule: RuleInfo
    unavailable: tuple[str, ...]


Step: TypeAlias = Fired | Asks | Ended
# Where a walk stands: the table (empty: the root table) and the rule in it, then those it jumped to.
Position: TypeAlias = tuple[tuple[str, str], ...]
_SHIPPED_RAN: Final = (SHIPPED, "")


@dataclass(frozen=True, slots=True)
class Part:
    """Which tables of a stage a walk reads, in this order: the root table, domain chains, the shipped rules.

    A chain without rules at the stage is passed over. With neither `root` nor `shipped` the shipped rules
    were evaluated before: no jump evaluates them again.
    """

    root: bool
    chains: tuple[str, ...]
    shipped: bool


WHOLE: Final = Part(root=True, chains=(), shipped=True)


def _tables(pipeline: Pipeline, part: Part) -> list[tuple[Node, ...]]:
    """What the part reads, the last first."""
    tables = [pipeline.shipped] if part.shipped and pipeline.shipped else []
    if part.chains:
        tables += [nodes for name in reversed(part.chains) if (nodes := pipeline.chains.get(name))]
    if part.root and pipeline.root:
        tables.append(pipeline.root)
    return tables


class Walk:
    """One evaluation of a part of one stage.

    `skipped` gathers rules passed over for want of a fact, `matched` those that fired; `shipped_ran` tells
    whether the shipped rules were evaluated, by a jump or in their turn.
    """

    __slots__ = (
        "_ended", "_facts", "_frames", "_may_ship", "_observer", "_pending", "_pipeline", "_tables",
        "matched", "shipped_ran", "skipped",
    )  # fmt: skip

    def __init__(
        self, pipeline: Pipeline, facts: Facts, observer: Observer | None = None, part: Part = WHOLE
    ) -> None:
        self._pipeline = pipeline
        self._facts = facts
        self._observer = observer
        self._tables = _tables(pipeline, part)
        self._frames: list[Frame] = []
        self._may_ship = part.root or part.shipped
        self._pending: tuple[Placed, int, Facts] | None = None
        self._ended: Ended | None = None
        self.shipped_ran = False
        self.skipped: tuple[Skipped, ...] = ()
        self.matched: tuple[RuleInfo, ...] = ()

    @property
    def position(self) -> Position:
        """Once it has ended by a rule: where that one stands, and whether the shipped rules ran before."""
        place = tuple((self._name(frame.nodes), frame.rule) for frame in self._frames)
        ran_before = self.shipped_ran and all(name != SHIPPED for name, _ in place)
        return (_SHIPPED_RAN, *place) if ran_before else place

    def _name(self, nodes: tuple[Node, ...]) -> str:
        if nodes is self._pipeline.root:
            return ""
        if nodes is self._pipeline.shipped:
            return SHIPPED
        return next(name for name, chain in self._pipeline.chains.items() if chain is nodes)

    def resume(self, position: Position, *, after: bool) -> bool:
        """Before the first step: begin where a walk of the same part ended, at its rule or after it.

        False where the rules are others now: then the walk begins at its beginning.
        """
        ran_before = position[:1] == (_SHIPPED_RAN,)
        position = position[ran_before:]
        tables = {**self._pipeline.chains, SHIPPED: self._pipeline.shipped, "": self._pipeline.root}
        frames = [Frame(tables.get(name, ()), self._facts, self._observer) for name, _ in position]
        last = len(frames) - 1
        if not frames or all(frames[0].nodes is not nodes for nodes in self._tables):
            return False
        steps = zip(frames, position, strict=True)
        if not all(frame.seek(rule, after=after or n < last) for n, (frame, (_, rule)) in enumerate(steps)):
            return False
        while self._tables.pop() is not frames[0].nodes:
            continue
        self.shipped_ran = ran_before or any(frame.nodes is self._pipeline.shipped for frame in frames)
        self._frames = frames
        return True

    def advance(self) -> Step:
        """Go on to the next event. After `Ended` every further call gives the same again."""
        while self._ended is None:
            step = self._step() if self._pending is None else self._act(*self._pending)
            if step is not None:
                return step
        return self._ended

    def _step(self) -> Step | None:
        """Go on in the table or chain at hand, or with the next one."""
        if not self._frames:
            if not self._tables:
                self._ended = NO_VERDICT
                return None
            self._enter(self._tables.pop())
            if not self._frames:
                return None
        frame = self._frames[-1]
        if not frame.may and frame.turn() is None:
            self._frames.pop()
            return None
        return self._scan(frame)

    def _enter(self, nodes: tuple[Node, ...]) -> None:
        """Go into a table; into the shipped rules once."""
        if nodes is self._pipeline.shipped:
            if self.shipped_ran or not self._may_ship:
                return
            self.shipped_ran = True
        self._frames.append(Frame(nodes, self._facts, self._observer))

    def _scan(self, frame: Frame) -> Step | None:
        """Work through the node's rules up to the first with something to say; None: look at the frames."""
        node = frame.node
        assert node is not None
        while may := frame.may:
            number = node.rule_of[(may & -may).bit_length() - 1]
            placed = node.placed[number]
            if frame.report is not None:
                frame.report.pass_by(node, number)
            weight = placed.columns & ~frame.asked
            if placed.columns < 0 or not weight:
                weight = frame.weigh(node, placed)
            if weight > 0:
                column = node.columns[(weight & -weight).bit_length() - 1]
                if not frame.take_in(node, column) and (names := frame.to_fetch(node, weight, column)):
                    return Asks(names | self._meanwhile(frame, node, placed, column))
            elif weight < FIRES:
                frame.drop(node, placed, weight)
            else:
                return self._settle(frame, node, placed, weight)
        return None

    def _meanwhile(self, frame: Frame, node: Node, placed: Placed, column: Column) -> frozenset[str]:
        return asked_meanwhile(frame, node, placed) if column.cost is Cost.NETWORK else frozenset()

    def _settle(self, frame: Frame, node: Node, placed: Placed, weight: int) -> Step | None:
        """A rule fires, or is left undecided and does what its `unavailable` says."""
        policy = placed.rule.policy
        fires = weight == FIRES or policy == "match"
        lost = frame.unavailable(node, placed) if weight == STUCK else {}
        if fires and placed.acts[0].needs:
            unasked, inexact = self._missing(placed.acts[0])
            if unasked:
                return Asks(unasked)
            if inexact:
                fires, lost, policy = False, {**lost, **inexact}, _in_earnest(policy)
        frame.rule = placed.info.name
        if lost:
            if frame.report is not None:
                frame.report.undecided(node, placed, tuple(lost))
            self._leave_undecided(placed, lost, policy)
        if fires and frame.report is not None:
            frame.report.fired(node, placed)
        frame.may = (frame.may >> placed.end) << placed.end
        return self._fire(placed) if fires else None

    def give_up(self, wanted: str, reason: str) -> None:
        """After `Fired`, what that rule wanted to do failed: it does what its `unavailable` says of it.

        `wanted` names what was not to be had. Under `match` the rule goes on.
        """
        pending = self._pending
        assert pending is not None
        placed = pending[0]
        if placed.rule.policy == "match":
            return
        self._pending = None
        if self._observer is not None:
            self._observer.undecided(placed.info, (wanted,))
        self._leave_undecided(placed, {wanted: Unavailable(reason)}, placed.rule.policy)

    def _leave_undecided(self, placed: Placed, lost: Mapping[str, Unavailable], policy: Policy) -> None:
        if policy == "skip":
            self.skipped += (Skipped(placed.info, tuple(lost)),)
        elif policy == "defer":
            # A limit of ours will be in the way again: a retry would only fail later (rules.md).
            permanent = all(isinstance(answer, OverLimit) for answer in lost.values())
            reply = _UNDECIDED_AT_CONNECT if self._pipeline.stage is Stage.CONNECT else _UNDECIDED
            verdict = Refuse(_OVER_LIMIT) if permanent else Defer(reply)
            self._ended = Ended(verdict, placed.info, tuple(lost))

    def _missing(self, act: Act) -> tuple[frozenset[str], dict[str, Unavailable]]:
        """The facts that an act has to wait for, and those without which it cannot be."""
        answers = {name: self._facts.ask(name) for name in act.needs}
        unasked = frozenset(name for name, answer in answers.items() if isinstance(answer, Unasked))
        return unasked, {name: a for name in act.exact if isinstance(a := answers[name], Unavailable)}

    def _fire(self, placed: Placed) -> Fired | None:
        rule = placed.rule
        self.matched += (rule.info,)
        facts = _bound(rule, self._facts)
        if rule.effects:
            self._pending = placed, 1, facts
            return Fired(rule.info, placed.acts[0].effects, facts)
        self._conclude(rule, facts)
        return None

    def _act(self, placed: Placed, number: int, facts: Facts) -> Step | None:
        """Go on with a rule that fired: the next of its acts, in the end its verdict."""
        if number < len(placed.acts):
            act = placed.acts[number]
            unasked, inexact = self._missing(act)
            if unasked:
                return Asks(unasked)
            if not inexact:
                self._pending = placed, number + 1, facts
                return Fired(placed.info, act.effects, facts)
            self._pending = None
            if self._observer is not None:
                self._observer.undecided(placed.info, tuple(inexact))
            self._leave_undecided(placed, inexact, _in_earnest(placed.rule.policy))
            return None
        self._pending = None
        self._conclude(placed.rule, facts)
        return None

    def _conclude(self, rule: Rule, facts: Facts) -> None:
        """Follow the rule's verdict once its effects are carried out."""
        move: Move | None = rule.move
        match move:
            case None:
                pass
            case Return():
                self._frames.pop()
            case Jump(chain):
                pipeline = self._pipeline
                self._enter(pipeline.shipped if chain == SHIPPED else pipeline.chains[chain])
            case Written(verdict, text):
                assert isinstance(verdict, Refuse | Defer)
                reply = replace(verdict.reply, text=render_text(text, facts))
                self._ended = Ended(replace(verdict, reply=reply), rule.info)
            case _:
                self._ended = Ended(move, rule.info)


def _in_earnest(policy: Policy) -> Policy:
    """What nobody knows can be written into no address and no path: even `match` has to wait for it."""
    return "defer" if policy == "match" else policy


class _Bound:
    """Facts with what a rule's `matches` found in its named groups."""

    __slots__ = ("_facts", "_groups")

    def __init__(self, facts: Facts, groups: Mapping[str, str]) -> None:
        self._facts = facts
        self._groups = groups

    def ask(self, name: str) -> Answer:
        """A group's text, or what the facts themselves say."""
        if name.startswith("match."):
            return self._groups.get(name.removeprefix("match."), MISSING)
        return self._facts.ask(name)


def _bound(rule: Rule, facts: Facts) -> Facts:
    if not rule.captures:
        return facts
    groups: dict[str, str] = {}
    for capture in rule.captures:
        answer = facts.ask(capture.fact.name)
        if isinstance(answer, NO_VALUE):
            continue
        for element in answer if isinstance(answer, tuple) else (answer,):
            groups = {**Pattern(capture.pattern).capture(str(element)), **groups}
    return _Bound(facts, groups)
