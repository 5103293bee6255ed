"""Walking the graph: one evaluation of one stage, which asks for facts and says what fired (`rules.md`).

Two masks over a node's rows are kept: `may` (not refuted by any answer so far) and `dark` (with a test that
an unavailable fact leaves open); which columns were asked tells the rows with a test still to come. The rule
of the lowest row left is next. No `when` row left, or an exemption that surely holds: drop it. A `when` row
that surely holds and no exemption left: it fires. Else its cheapest open column is asked; none open: it is
undecided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from vsmtp.rules.effects import Effect
from vsmtp.rules.graph import SHIPPED, Column, FactColumn, JointColumn, Node, Pipeline, Placed
from vsmtp.rules.language import Jump, Move, Return, Rule, RuleInfo, Written
from vsmtp.rules.regex import Pattern
from vsmtp.rules.template import render_text
from vsmtp.rules.verdicts import Defer, Refuse, Verdict
from vsmtp.values.answer import MISSING, Missing, OverLimit, Unavailable
from vsmtp.values.diagnostic import KeyPath
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.answers import NO_VALUE, Answer, Facts, Unasked
from vsmtp.vocabulary.stages import Stage

_UNDECIDED: Final = Reply(451, "4.3.0", "Temporary failure, try again later")
_UNDECIDED_AT_CONNECT: Final = Reply(421, "4.3.0", "Temporary failure, try again later")
_OVER_LIMIT: Final = Reply(554, "5.6.0", "Message too complex to be judged")

# What weighing a rule says besides "ask one of these columns", a positive mask.
_FIRES: Final = -1
_DROPS: Final = -2
_STUCK: Final = 0


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule matched and has effects: carry them out in order, their templates rendered through `facts`."""

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


class Observer(Protocol):
    """Who watches a walk, for `explain` and `try`."""

    def asked(self, fact: str, answer: Answer) -> None:
        """A fact was asked and this was the answer."""

    def refuted(self, rule: RuleInfo, condition: KeyPath, fact: str) -> None:
        """A conjunction of the rule, or an exemption, cannot hold because of this condition."""

    def exempted(self, rule: RuleInfo) -> None:
        """The rule does not apply: an exemption holds."""

    def undecided(self, rule: RuleInfo, unavailable: tuple[str, ...]) -> None:
        """The rule can be neither matched nor refuted for want of these facts."""

    def fired(self, rule: RuleInfo) -> None:
        """The rule matched."""


Step: TypeAlias = Fired | Asks | Ended
# Where a walk stands: the table (empty: the root table) and the rule in it, then those it jumped to.
Position: TypeAlias = tuple[tuple[str, str], ...]


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


class _Frame:
    """Where a walk stands in a table or chain, and what it knows of the node there."""

    __slots__ = ("asked", "dark", "index", "lost", "may", "node", "nodes", "rule")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self.index = -1
        self.node: Node | None = None
        self.may = self.dark = self.asked = 0
        self.lost: dict[int, dict[str, Unavailable]] | None = None
        self.rule = ""

    def seek(self, rule: str, *, after: bool) -> bool:
        """Stand at that rule, or after it; False if it is not there."""
        for index, node in enumerate(self.nodes):
            for placed in node.placed:
                if placed.info.name == rule:
                    start = placed.end if after else placed.start
                    self.index, self.node, self.may = index, node, node.full >> start << start
                    return True
        return False

    def turn(self) -> Node | None:
        """Go on to the next node, of which nothing is known yet; None at the end."""
        self.index += 1
        if self.index >= len(self.nodes):
            return None
        node = self.node = self.nodes[self.index]
        self.may, self.dark, self.asked, self.lost = node.full, 0, 0, None
        return node


def _tables(pipeline: Pipeline, part: Part) -> list[tuple[Node, ...]]:
    """What the part reads, the last first."""
    tables = [pipeline.shipped] if part.shipped and pipeline.shipped else []
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
        self._frames: list[_Frame] = []
        self._may_ship = part.root or part.shipped
        self._pending: tuple[Rule, Facts] | None = None
        self._ended: Ended | None = None
        self.shipped_ran = False
        self.skipped: tuple[Skipped, ...] = ()
        self.matched: tuple[RuleInfo, ...] = ()

    @property
    def position(self) -> Position:
        """Once it has ended by a rule: where that one stands."""
        return tuple((self._name(frame.nodes), frame.rule) for frame in self._frames)

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
        tables = {**self._pipeline.chains, SHIPPED: self._pipeline.shipped, "": self._pipeline.root}
        frames = [_Frame(tables.get(name, ())) for name, _ in position]
        last = len(frames) - 1
        if not frames or all(frames[0].nodes is not nodes for nodes in self._tables):
            return False
        steps = zip(frames, position, strict=True)
        if not all(frame.seek(rule, after=after or n < last) for n, (frame, (_, rule)) in enumerate(steps)):
            return False
        while self._tables.pop() is not frames[0].nodes:
            continue
        self.shipped_ran = any(frame.nodes is self._pipeline.shipped for frame in frames)
        self._frames = frames
        return True

    def advance(self) -> Step:
        """Go on to the next event. After `Ended` every further call gives the same again."""
        if self._ended is not None:
            return self._ended
        if self._pending is not None:
            rule, facts = self._pending
            self._pending = None
            self._conclude(rule, facts)
        while self._ended is None:
            if not self._frames:
                if not self._tables:
                    self._ended = NO_VERDICT
                    break
                self._enter(self._tables.pop())
                continue
            frame = self._frames[-1]
            if not frame.may and frame.turn() is None:
                self._frames.pop()
                continue
            step = self._scan(frame)
            if step is not None:
                return step
        return self._ended

    def _enter(self, nodes: tuple[Node, ...]) -> None:
        """Go into a table; into the shipped rules once."""
        if nodes is self._pipeline.shipped:
            if self.shipped_ran or not self._may_ship:
                return
            self.shipped_ran = True
        self._frames.append(_Frame(nodes))

    def _scan(self, frame: _Frame) -> Step | None:
        """Work through the node's rules up to the first with something to say; None: look at the frames."""
        node = frame.node
        assert node is not None
        while frame.may:
            row = (frame.may & -frame.may).bit_length() - 1
            placed = node.placed[node.rule_of[row]]
            weight = placed.columns & ~frame.asked
            if placed.columns < 0 or not weight:
                weight = self._weigh(frame, node, placed)
            if weight > 0:
                asks = self._learn(frame, node, weight)
                if asks is not None:
                    return asks
            elif weight == _DROPS:
                frame.may = (frame.may >> placed.end) << placed.end
            else:
                return self._settle(frame, node, placed, weight)
        return None

    def _weigh(self, frame: _Frame, node: Node, placed: Placed) -> int:
        """What to do with a rule: `_FIRES`, `_DROPS`, `_STUCK`, or the columns one of which is asked next."""
        rows, dark = frame.may >> placed.start & placed.width, frame.dark >> placed.start
        if not rows & placed.when:
            return _DROPS
        surely, wanted, wanted_to_exempt = False, 0, 0
        for n in _ones(rows):
            row = node.rows[placed.start + n]
            unasked = row.columns & ~frame.asked
            if row.exempts:
                if not unasked and not dark >> n & 1:
                    if self._observer is not None:
                        self._observer.exempted(placed.info)
                    return _DROPS
                wanted_to_exempt |= unasked
            else:
                surely = surely or (not unasked and not dark >> n & 1)
                wanted |= unasked
        if not surely:
            return wanted | wanted_to_exempt
        return _FIRES if not rows & ~placed.when else wanted_to_exempt

    def _learn(self, frame: _Frame, node: Node, unasked: int) -> Asks | None:
        """Ask the cheapest of the columns; the facts to fetch if that cannot be answered from here."""
        column = node.columns[(unasked & -unasked).bit_length() - 1]
        before = frame.may
        if isinstance(column, FactColumn):
            answer = self._facts.ask(column.fact.name)
            if not isinstance(answer, NO_VALUE):
                frame.may &= column.may(answer)
            elif isinstance(answer, Missing):
                frame.may &= column.absent
            elif isinstance(answer, Unasked):
                return self._asks(node, unasked, column)
            else:
                frame.may &= column.lost
                self._lose(frame, column, column.dark, {column.fact.name: answer})
        elif not self._learn_joint(frame, column):
            return self._asks(node, unasked, column)
        frame.asked |= column.bit
        if self._observer is not None:
            self._tell(self._observer, node, column, before & ~frame.may)
        return None

    def _learn_joint(self, frame: _Frame, column: JointColumn) -> bool:
        answers = {name: self._facts.ask(name) for name in column.names}
        if any(isinstance(answer, Unasked) for answer in answers.values()):
            return False
        may, dark = column.judge(answers)
        frame.may &= may
        if dark:
            lost = {name: answer for name, answer in answers.items() if isinstance(answer, Unavailable)}
            self._lose(frame, column, dark, lost)
        return True

    def _lose(self, frame: _Frame, column: Column, dark: int, lost: dict[str, Unavailable]) -> None:
        frame.dark |= dark
        frame.lost = {**(frame.lost or {}), column.bit: lost}

    def _asks(self, node: Node, unasked: int, column: Column) -> Asks:
        """All that the rule wants at this price: what is fetched together costs the time of one."""
        names = {
            name
            for n in _ones(unasked)
            for name in node.columns[n].names
            if node.columns[n].cost == column.cost and isinstance(self._facts.ask(name), Unasked)
        }
        return Asks(frozenset(names))

    def _settle(self, frame: _Frame, node: Node, placed: Placed, weight: int) -> Step | None:
        """A rule fires, or is left undecided and does what its `unavailable` says."""
        rule = placed.rule
        fires = weight == _FIRES or rule.policy == "match"
        if fires and placed.needs:
            unasked = {name for name in placed.needs if isinstance(self._facts.ask(name), Unasked)}
            if unasked:
                return Asks(frozenset(unasked))
        frame.rule = rule.info.name
        if weight == _STUCK:
            self._leave_undecided(frame, node, placed)
        frame.may = (frame.may >> placed.end) << placed.end
        if not fires:
            return None
        self.matched += (rule.info,)
        if self._observer is not None:
            self._observer.fired(rule.info)
        facts = _bound(rule, self._facts)
        if rule.effects:
            self._pending = rule, facts
            return Fired(rule.info, rule.effects, facts)
        self._conclude(rule, facts)
        return None

    def _leave_undecided(self, frame: _Frame, node: Node, placed: Placed) -> None:
        rows = (row + placed.start for row in _ones(frame.may >> placed.start & placed.width))
        columns = [node.columns[n].bit for row in rows for n in _ones(node.rows[row].columns)]
        lost: dict[str, Unavailable] = {}
        for bit in columns:
            lost.update((frame.lost or {}).get(bit, {}))
        names = tuple(lost)
        if self._observer is not None:
            self._observer.undecided(placed.info, names)
        if placed.rule.policy == "skip":
            self.skipped += (Skipped(placed.info, names),)
        elif placed.rule.policy == "defer":
            # A limit of ours will be in the way again: a retry would only fail later (rules.md).
            permanent = all(isinstance(answer, OverLimit) for answer in lost.values())
            reply = _UNDECIDED_AT_CONNECT if self._pipeline.stage is Stage.CONNECT else _UNDECIDED
            verdict = Refuse(_OVER_LIMIT) if permanent else Defer(reply)
            self._ended = Ended(verdict, placed.info, names)

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

    def _tell(self, observer: Observer, node: Node, column: Column, refuted: int) -> None:
        for name in column.names:
            observer.asked(name, self._facts.ask(name))
        number = column.bit.bit_length() - 1
        for n in _ones(refuted):
            path = node.rows[n].paths.get(number)
            if path is not None:
                observer.refuted(node.placed[node.rule_of[n]].info, path, column.fact.name)


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


def _ones(mask: int) -> list[int]:
    """The numbers of the bits that are set, lowest first."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
