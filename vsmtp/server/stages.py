"""Asking the rules of one stage: at once where every fact is at hand, else in a task of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from vsmtp.effects.headers import as_edit
from vsmtp.effects.logs import as_line
from vsmtp.facts.answers import FactBook
from vsmtp.message.edits import Edit
from vsmtp.rules.effects import Effect
from vsmtp.rules.effects import Log as LogEffect
from vsmtp.rules.evaluate import NO_VERDICT, Asks, Ended, Fired, Observer, Walk
from vsmtp.rules.graph import Graph, Pipeline
from vsmtp.telemetry.events import RuleNoted, RuleSkipped
from vsmtp.telemetry.log import Log
from vsmtp.vocabulary.answers import Facts
from vsmtp.vocabulary.stages import Stage

Fetch: TypeAlias = Callable[[FactBook, str], Awaitable[None]]
Observe: TypeAlias = Callable[[str, Stage], Observer | None]
Then: TypeAlias = Callable[[Ended], None]


@dataclass(frozen=True, slots=True)
class Case:
    """What a stage is asked about: the facts, the session they belong to, and where header edits go.

    `carried_out` hears of each effect.
    """

    session: str
    facts: FactBook
    edit: Callable[[Edit], None]
    carried_out: Callable[[Effect, Fired], None] | None = None


class Witness(Observer, Protocol):
    """Who sits in on one evaluation: watches it, and may answer in place of the world (`explain`, `test`)."""

    def supposed(self, facts: Facts) -> Facts:
        """The facts that the walk asks: these, or what is supposed in place of some of them."""

    def carried_out(self, effect: Effect, fired: Fired) -> None:
        """An effect of the rule that fired was carried out."""

    def ended(self, ended: Ended) -> None:
        """The evaluation came to this end."""


Summon: TypeAlias = Callable[[Stage, Case], Witness]


class Stages:
    """The rules of all stages.

    `fetch` answers a fact that needs I/O by storing it in the book; `spawn` runs a coroutine for the worker;
    `observe` gives who watches the walk of a session at a stage, or None. `summon`, if set, gives a witness
    to each evaluation; it takes the place of `observe`.
    """

    def __init__(
        self,
        graph: Graph,
        log: Log,
        fetch: Fetch,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        observe: Observe | None = None,
    ) -> None:
        self._graph = graph
        self._log = log
        self._fetch = fetch
        self._spawn = spawn
        self._observe = observe
        self.summon: Summon | None = None

    def has(self, stage: Stage) -> bool:
        """Whether any rule could decide at `stage`."""
        return self._graph.stage(stage) is not None

    def decide(self, stage: Stage, case: Case, then: Then) -> None:
        """Call `then` with what the rules of `stage` say: before returning, unless a fact must be fetched."""
        pipeline = self._graph.stage(stage)
        if pipeline is None:
            then(NO_VERDICT)
            return
        case.facts.begin_stage()
        if self.summon is not None:
            self._attend(self.summon(stage, case), pipeline, case, then)
            return
        observer = self._observe(case.session, stage) if self._observe else None
        self._go_on(Walk(pipeline, case.facts, observer), case, then)

    def _attend(self, witness: Witness, pipeline: Pipeline, case: Case, then: Then) -> None:
        """Decide before a witness."""

        def end(ended: Ended) -> None:
            witness.ended(ended)
            then(ended)

        walk = Walk(pipeline, witness.supposed(case.facts), witness)
        self._go_on(walk, replace(case, carried_out=witness.carried_out), end)

    def _go_on(self, walk: Walk, case: Case, then: Then) -> None:
        while True:
            step = walk.advance()
            match step:
                case Ended():
                    for skipped in walk.skipped:
                        self._log.emit(RuleSkipped(case.session, skipped.rule.name, skipped.unavailable))
                    then(step)
                    return
                case Fired():
                    for effect in step.effects:
                        self._carry_out(effect, step, case)
                case Asks(names):
                    self._spawn(self._ask(names, walk, case, then))
                    return

    async def _ask(self, names: frozenset[str], walk: Walk, case: Case, then: Then) -> None:
        for name in names:
            await self._fetch(case.facts, name)
        self._go_on(walk, case, then)

    def _carry_out(self, effect: Effect, fired: Fired, case: Case) -> None:
        if isinstance(effect, LogEffect):
            line = as_line(effect, fired.rule, fired.facts)
            self._log.emit(RuleNoted(case.session, line.rule.name, line.text), line.level)
        else:
            case.edit(as_edit(effect, fired.facts))
        if case.carried_out is not None:
            case.carried_out(effect, fired)
