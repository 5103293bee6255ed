"""Asking the rules of one stage: at once where every fact is at hand, else in a task of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeAlias

from vsmtp.effects.carry import carry_out
from vsmtp.facts.answers import FactBook
from vsmtp.rules.effects import AddRcpt, Effect
from vsmtp.rules.evaluate import NO_VERDICT, WHOLE, Asks, Ended, Fired, Position, Walk
from vsmtp.rules.frames import Observer
from vsmtp.rules.graph import Graph, Pipeline
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.verdicts import Defer
from vsmtp.server.context import Stop
from vsmtp.server.mailing import Scope
from vsmtp.server.sheets import StageSheet, Works
from vsmtp.telemetry.events import RuleSkipped
from vsmtp.telemetry.log import Log
from vsmtp.values.envelope import Content
from vsmtp.vocabulary.answers import Facts
from vsmtp.vocabulary.replies import REPLIES
from vsmtp.vocabulary.stages import Stage

Fetch: TypeAlias = Callable[[FactBook, str], Awaitable[None]]
Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], object]
Observe: TypeAlias = Callable[[str, Stage], Observer | None]
Then: TypeAlias = Callable[[Ended], None]

UNDECIDED: Final = REPLIES["undecided"]
_UNDECIDED_AT_CONNECT: Final = REPLIES["undecided_at_connect"]


def _nothing() -> None:
    """Nobody waits for the end."""


class Case:
    """What a stage is asked about: the facts, the session they belong to, and what rules may change.

    What they say goes into `scope`; `content` gives the message as it stands, where there is one. `part` says
    which tables are read and `stop` where to go on; `failed` is called when the evaluation is cut off by a
    fault of ours. `carried_out` hears of each effect when its turn has come. Afterwards `matched` are the
    rules that matched, `position` is where the deciding one stands, and `shipped_ran` whether the shipped
    rules were asked. `stage`, `walk` and `witness` are those of the evaluation, once it has begun.
    """

    __slots__ = (
        "_content", "_sheet", "_works", "carried_out", "facts", "failed", "matched", "part", "position",
        "scope", "session", "shipped_ran", "stage", "stop", "walk", "witness",
    )  # fmt: skip

    stage: Stage
    walk: Walk

    def __init__(
        self,
        works: Works,
        session: str,
        facts: FactBook,
        scope: Scope,
        content: Callable[[], Content] | None = None,
    ) -> None:
        self.session = session
        self.facts = facts
        self.scope = scope
        self.part = WHOLE
        self.stop: Stop | None = None
        self.failed: Callable[[], None] = _nothing
        self.witness: Witness | None = None
        self.carried_out: Callable[[Effect, Fired], None] | None = None
        self.matched: tuple[RuleInfo, ...] = ()
        self.position: Position = ()
        self.shipped_ran = False
        self._works = works
        self._content = content
        self._sheet: StageSheet | None = None

    @property
    def sheet(self) -> StageSheet:
        """What rules may change; most cases end without one."""
        if self._sheet is None:
            self._sheet = StageSheet(self._works, self.session, self.facts, self.scope, self._content)
        return self._sheet

    def take_back(self) -> None:
        """What rules did to the envelope is undone: it was for a recipient that is refused."""
        if self._sheet is not None:
            self._sheet.take_back()


class Witness(Observer, Protocol):
    """Who sits in on one evaluation: watches it, and may answer in place of the world (`explain`, `test`)."""

    def supposed(self, facts: Facts) -> Facts:
        """The facts that the walk asks: these, or what is supposed in place of some of them."""

    def carried_out(self, effect: Effect, fired: Fired) -> None:
        """The turn of an effect of the rule that fired has come: its texts are those that it has now."""

    def ended(self, ended: Ended) -> None:
        """The evaluation came to this end."""


Summon: TypeAlias = Callable[[Stage, Case], Witness]


class Stages:
    """The rules of all stages.

    `fetch` answers a fact that needs I/O by storing it in the book; `spawn` runs a coroutine for the worker;
    `observe` gives who watches the walk of a session at a stage, or None. `summon`, if set, gives a witness
    to each evaluation; it takes the place of `observe`. `hits` counts, by stage and name, how often each rule
    has matched. `adding` are the stages whose rules may add recipients of other domain chains than those at
    hand: an added recipient does not run `rcpt`, but what its domain says of the message counts.
    """

    def __init__(
        self, graph: Graph, log: Log, fetch: Fetch, spawn: Spawn, observe: Observe | None = None
    ) -> None:
        self.graph = graph
        self.adding = _adding(graph)
        self._pipelines = graph.stages
        self.hits: Counter[tuple[Stage, str]] = Counter()
        self.summon: Summon | None = None
        self._log = log
        self.fetch = fetch
        self._spawn = spawn
        self._observe = observe

    def has(self, stage: Stage) -> bool:
        """Whether any rule could decide at `stage`."""
        return stage in self._pipelines

    def decide(self, stage: Stage, case: Case, then: Then) -> None:
        """Call `then` with what the rules of `stage` say: before returning, unless something takes I/O."""
        if not self._begin(stage, case):
            then(NO_VERDICT)
            return
        stop = self._advance(case)
        if isinstance(stop, Ended):
            then(stop)
        else:
            self.start(self._decide_later(case, stop, then), case.failed)

    async def judge(self, stage: Stage, case: Case) -> Ended:
        """What the rules of `stage` say."""
        return await self._finish(case, self._advance(case)) if self._begin(stage, case) else NO_VERDICT

    def start(self, work: Coroutine[Any, Any, None], failed: Callable[[], None]) -> None:
        """Run `work` for the worker; `failed` is called if it does not come to its end."""
        self._spawn(_watched(work, failed))

    def _begin(self, stage: Stage, case: Case) -> bool:
        """Begin a walk; False if the stage has no rules."""
        pipeline = self._pipelines.get(stage)
        if pipeline is None:
            return False
        case.stage = stage
        case.facts.begin_stage()
        if self.summon is not None:
            case.witness = witness = self.summon(stage, case)
            case.carried_out = witness.carried_out
            case.walk = Walk(pipeline, witness.supposed(case.facts), witness, case.part)
        else:
            observer = self._observe(case.session, stage) if self._observe else None
            case.walk = Walk(pipeline, case.facts, observer, case.part)
        if case.stop is not None:
            case.walk.resume(case.stop.position, after=case.stop.after)
        return True

    def _advance(self, case: Case) -> Ended | Asks | None:
        """Go as far as it goes at once: to the end, to facts that are to be fetched, or (None) to deeds."""
        while isinstance(step := case.walk.advance(), Fired):
            sheet = case.sheet
            self._carry_out(step, case)
            if sheet.is_waiting:
                return None
            if sheet.trouble is not None:
                return self._end(case, _undecided(case))
        return self._end(case, step) if isinstance(step, Ended) else step

    async def _finish(self, case: Case, stop: Ended | Asks | None) -> Ended:
        while not isinstance(stop, Ended):
            if stop is not None:
                await self._fetch_all(case.facts, stop.facts)
            else:
                sheet = case.sheet
                await sheet.settle()
                if sheet.trouble is not None:
                    return self._end(case, _undecided(case))
                if sheet.unwritten is not None:
                    case.walk.give_up(*sheet.unwritten)
                    sheet.unwritten = None
            stop = self._advance(case)
        return stop

    async def _decide_later(self, case: Case, stop: Asks | None, then: Then) -> None:
        then(await self._finish(case, stop))

    async def _fetch_all(self, book: FactBook, names: frozenset[str]) -> None:
        """Fetch them together: that takes the time of the slowest."""
        if len(names) == 1:
            await self.fetch(book, next(iter(names)))
            return
        async with asyncio.TaskGroup() as fetches:
            for name in names:
                fetches.create_task(_run(self.fetch(book, name)))

    def _carry_out(self, fired: Fired, case: Case) -> None:
        case.sheet.fired = fired
        for effect in fired.effects:
            if case.carried_out is not None:
                case.carried_out(effect, fired)  # before: its texts may rest on what it changes
            carry_out(effect, fired, case.sheet)

    def _end(self, case: Case, ended: Ended) -> Ended:
        walk = case.walk
        for skipped in walk.skipped:
            self._log.emit(RuleSkipped(case.session, skipped.rule.name, skipped.unavailable))
        case.shipped_ran = walk.shipped_ran
        if walk.matched:
            case.matched = walk.matched
            self.hits.update((case.stage, rule.name) for rule in walk.matched)
        if ended.rule is not None:
            case.position = walk.position
        if case.witness is not None:
            case.witness.ended(ended)
        return ended


def _adding(graph: Graph) -> frozenset[Stage]:
    if not graph.domains:
        return frozenset()
    return frozenset(stage for stage in (Stage.DATA, Stage.PREQUEUE) if _adds(graph.stage(stage)))


def _adds(pipeline: Pipeline | None) -> bool:
    tables = () if pipeline is None else (pipeline.root, *pipeline.chains.values())
    return any(
        isinstance(effect, AddRcpt)
        for nodes in tables
        for node in nodes
        for placed in node.placed
        for effect in placed.rule.effects
    )


async def _run(work: Awaitable[None]) -> None:
    await work


async def _watched(work: Coroutine[Any, Any, None], failed: Callable[[], None]) -> None:
    is_over = False
    try:
        await work
        is_over = True
    finally:
        if not is_over:
            failed()


def _undecided(case: Case) -> Ended:
    """What becomes of mail that cannot go on without what a rule wanted and could not get."""
    reply = _UNDECIDED_AT_CONNECT if case.stage is Stage.CONNECT else UNDECIDED
    return Ended(Defer(reply), case.sheet.trouble)
