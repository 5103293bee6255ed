"""The server's own parts, made ready for one rehearsal.

They are those that serve (`server.assembly`); only what would reach the world is another: the spool
remembers, tables forget, files go to a folder that is thrown away, notices go nowhere, no lane is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vsmtp.config.models.settings import Settings
from vsmtp.config.models.types import RelayName
from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.route import Local, Smarthost
from vsmtp.effects.transports import ToHost, ToRelay
from vsmtp.inspect.account import Account, StageSeen
from vsmtp.inspect.spool import RememberingSpool
from vsmtp.inspect.tables import drafts, only_looked_at
from vsmtp.inspect.world import World
from vsmtp.queue.records import NewMessage
from vsmtp.queue.space import Space
from vsmtp.rules.graph import Graph
from vsmtp.server import plan
from vsmtp.server.acceptance import Counter
from vsmtp.server.assembly import Ground, Parts
from vsmtp.server.lanes import Goal
from vsmtp.server.office import Office
from vsmtp.server.parcel import Lane
from vsmtp.server.reception import Place
from vsmtp.server.recipients import is_system_user
from vsmtp.server.stages import Case, Spawn
from vsmtp.tables.contract import Table
from vsmtp.telemetry.log import Log
from vsmtp.values.outcome import Outcome
from vsmtp.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What a rehearsal is given besides the tree: a moment that does not pass, places, who hears."""

    now: float
    world: World
    pool: ThreadPoolExecutor
    folder: Path
    spawn: Spawn
    log: Log
    tell: Callable[[StageSeen], None]


class Backstage:
    """The parts, ready to be played with; `close` gives back what they hold."""

    def __init__(self, settings: Settings, graph: Graph, around: Surrounding) -> None:
        exports = settings.exports.model_copy(update={"path": around.folder / "exports"})
        changed = {"exports": exports, "tables": only_looked_at(settings.tables)}
        self._settings = settings.model_copy(update=changed)
        self._graph = graph
        self._around = around
        self._parts = Parts(self._ground())
        self._parts.stages.summon = self._summon
        self._works = self._parts.works(RememberingSpool(), _nowhere)
        self.spool = RememberingSpool()
        self.postqueue = self._parts.postqueue(self._works)
        self.sorting = self._parts.sorting(plan.routing(settings).route, self._lane, self._works)

    def close(self) -> None:
        """The tables are closed."""
        self._parts.close()

    def office(self) -> Office:
        """What a session is given."""
        around, name = self._around, self._settings.server.name
        place = Place(asyncio.get_running_loop(), around.pool, around.folder)
        counter = Counter(
            name, self.spool, around.log, self._clock, plan.dates(self._settings, self._clock),
            _nowhere, place.remove, _never_full, _never_broken,
        )  # fmt: skip
        return self._parts.office(counter, Space(around.folder, 0, self._clock), place, self._works)

    def _ground(self) -> Ground:
        around = self._around
        users = around.world.users
        return Ground(
            self._settings, self._graph, around.log, asyncio.get_running_loop(), self._clock, around.pool,
            around.spawn, _never_told, furnish=self._furnish,
            exists=is_system_user if users is None else users.__contains__,
        )  # fmt: skip

    def _furnish(self, opened: Mapping[str, Table]) -> Mapping[str, Table]:
        tag = self._settings.server.recipient_delimiter
        return drafts(self._settings.tables, opened, self._around.world.tables, tag)

    def _clock(self) -> float:
        return self._around.now

    def _lane(self, goal: Goal) -> Lane:
        """A lane that says where it would lead, as the tree calls it, and is never served."""
        match goal:
            case Local():
                name = "local"
            case Smarthost(host, port):
                target = self._settings.delivery.smarthost
                name = f"@{target.name}" if isinstance(target, RelayName) else f"{host}:{port}"
            case ToRelay(relay):
                name = f"@{relay}"
            case ToHost(_, where):
                name = f"{where.host}:{where.port}"
        return Lane(name, NoTransport(), 1, 1)

    def _summon(self, stage: Stage, case: Case) -> Account:
        world = self._around.world
        case.facts.known = {**case.facts.known, **world.facts}
        return Account(stage, case, world, self._graph.bindings, self._around.tell)


class NoTransport:
    """A transport that nobody may ask."""

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        """A rehearsal ends before this."""
        raise AssertionError(f"{len(batch)} deliveries in a rehearsal")

    async def close(self) -> None:
        """Nothing is left to do."""


def _nowhere(_: NewMessage) -> None:
    """Queued mail is played on by whoever plays."""


def _never_full() -> None:
    """A remembering spool has room."""


def _never_broken(_: str) -> None:
    """Nor does it break."""


def _never_told(_table: str, _reason: str) -> None:
    """What is wrong with a table is the answer of whoever asks it."""
