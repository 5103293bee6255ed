"""The parts of a worker, built from the settings: everything that judges and takes mail, but no socket.

`vsmtp run` and `vsmtp try` serve with these parts; what rehearses a mail builds the same.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from vsmtp.config.models.settings import Settings
from vsmtp.delivery.route import Route
from vsmtp.facts.answers import World
from vsmtp.facts.owners import Owners
from vsmtp.facts.rates import Limiter, Rates
from vsmtp.net.limits import Networks
from vsmtp.queue.records import NewMessage
from vsmtp.queue.space import Space
from vsmtp.queue.spool import Spool
from vsmtp.rules.graph import Graph
from vsmtp.rules.template import parse_template
from vsmtp.server import plan
from vsmtp.server.acceptance import Counter
from vsmtp.server.foresight import foreseen
from vsmtp.server.lanes import Goal
from vsmtp.server.logins import open_logins
from vsmtp.server.memory import Memory
from vsmtp.server.office import Manners, Office
from vsmtp.server.parcel import Lane
from vsmtp.server.postqueue import Postqueue
from vsmtp.server.reception import Place
from vsmtp.server.recipients import LocalMail, Recipients, Users, is_system_user
from vsmtp.server.sorting import Sorting
from vsmtp.server.stages import Observe, Spawn, Stages
from vsmtp.server.works import Post, Sources, Works
from vsmtp.tables.contract import Table
from vsmtp.tables.opening import Surroundings, open_tables
from vsmtp.telemetry.log import Log
from vsmtp.values.address import Address
from vsmtp.values.outcome import Deferred
from vsmtp.vocabulary.stages import Stage

# Threads that hash passwords.
HASHING: Final = 4


@dataclass(frozen=True, slots=True)
class Ground:
    """What the parts stand on.

    `clock` gives seconds since the epoch; `pool` is for what blocks, None for the loop's own; `spawn` runs a
    coroutine; `complain` hears of a table that has broken, with its name. `furnish` gives what stands in
    place of the open tables, `exists` tells of users of the system: a rehearsal has its own.
    """

    settings: Settings
    graph: Graph
    log: Log
    loop: AbstractEventLoop
    clock: Callable[[], float]
    pool: Executor
    spawn: Spawn
    complain: Callable[[str, str], None]
    observe: Observe | None = None
    furnish: Callable[[Mapping[str, Table]], Mapping[str, Table]] = dict
    exists: Callable[[str], bool] = is_system_user


class Parts:
    """What a worker has of each, whatever the number of its shards."""

    def __init__(self, ground: Ground) -> None:
        settings = ground.settings
        server = settings.server
        self._ground = ground
        self.zoned: Callable[[], datetime] = plan.zoned(settings, ground.clock)
        around = Surroundings(ground.pool, ground.clock, server.recipient_delimiter, ground.complain)
        self.tables = ground.furnish(open_tables(settings.tables, around))
        self.rates = Rates(limiters(settings), monotonic)
        local = _folded(settings.local_domains)
        owners = Owners(settings.auth.owners or "", local, server.recipient_delimiter)
        self.world = World(ground.graph.bindings, self.tables, self.rates, owners)
        by_domain = {
            name.casefold(): domain.recipients
            for name, domain in settings.domains.items()
            if domain.recipients is not None
        }
        self.recipients = Recipients(
            LocalMail(local, server.recipient_delimiter),
            Address.parse(server.postmaster),
            Users(server.recipients, by_domain, self.tables, ground.exists),
            monotonic,
        )
        self.sources = Sources(self.tables, self.recipients, ground.pool)
        self.stages = Stages(
            ground.graph, ground.log, self.sources.fetch, ground.spawn, observe=ground.observe
        )
        self.trusted = Networks(server.trusted)
        # Hashing a password may take a second: nobody's message waits for a thread meanwhile.
        self._hashing = ThreadPoolExecutor(HASHING, "login")
        self._logins = open_logins(settings, self.tables, self._hashing, monotonic)

    def works(self, spool: Spool, accepted: Callable[[NewMessage], None]) -> Works:
        """Who does what rules want; notices go through `spool`, after which `accepted` hears of them."""
        ground = self._ground
        settings = ground.settings
        date = plan.dates(settings, ground.clock)
        author = Address.parse(settings.server.postmaster)
        post = Post(spool, settings.server.name, author, ground.clock, date, accepted, ground.log)
        return Works(
            ground.log, self.rates, self.tables, post, settings.exports.path, ground.loop, ground.pool
        )

    def office(self, counter: Counter, space: Space, place: Place, works: Works) -> Office:
        """What sessions share; new mail goes over the counter."""
        smtp = self._ground.settings.smtp
        manners = Manners(
            self._ground.settings.server.recipient_delimiter,
            smtp.max_hops,
            separate=smtp.mixed_recipients == "separate",
            trusted=self.trusted,
            pace=plan.pace(self._ground.settings.server.max_message_rate, monotonic),
            domain=_home(self._ground.settings),
        )
        return Office(
            self.stages, self.recipients, counter, counter.spool, space, place, counter.log, self.zoned,
            works, self.world, manners, foreseen(self._ground.graph), self._logins,
        )  # fmt: skip

    def memory(self) -> Memory:
        """What rules can ask of queued mail."""
        ground = self._ground
        delimiter = ground.settings.server.recipient_delimiter
        return Memory(ground.graph, self.world, self.recipients, self.zoned, delimiter)

    def sorting(
        self, route: Callable[[Address], Route], lane: Callable[[Goal], Lane | Deferred], works: Works
    ) -> Sorting:
        """Who decides where each recipient's copy goes."""
        return Sorting(self.stages, route, lane, self.memory(), works)

    def postqueue(self, works: Works) -> Postqueue:
        """Who judges what was queued."""
        return Postqueue(self.stages, self.memory(), works, self._ground.clock)

    def judges(self, works: Works) -> Postqueue | None:
        """Who judges what was queued, if any rule does: then nobody has to be asked about each message."""
        return self.postqueue(works) if self.stages.has(Stage.POSTQUEUE) else None

    def close(self) -> None:
        """Files and threads of tables are given back."""
        for table in self.tables.values():
            table.close()
        self._hashing.shutdown(wait=False, cancel_futures=True)


def limiters(settings: Settings) -> dict[str, Limiter]:
    """The limiters as those who count know them."""
    return {
        name: Limiter(parse_template(limiter.key), limiter.per, limiter.max_keys)
        for name, limiter in settings.limiters.items()
    }


def _home(settings: Settings) -> str:
    """The domain of people who name none."""
    return settings.auth.default_domain or next(iter(settings.local_domains), settings.server.name)


def _folded(domains: tuple[str, ...]) -> frozenset[str]:
    return frozenset(domain.casefold() for domain in domains)
