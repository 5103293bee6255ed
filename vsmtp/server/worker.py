"""One worker: everything put together, run until it is told to stop.

Nothing here assumes that it is the only one: its shards are its own, and it adopts those that others left.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random, SystemRandom
from typing import Any, Final

from vsmtp.config.models.settings import Settings
from vsmtp.delivery.route import Route
from vsmtp.net.certificates import Certificates
from vsmtp.net.limits import Connections
from vsmtp.queue.committer import Committer, SpoolBroken
from vsmtp.queue.identity import encode
from vsmtp.queue.records import NewMessage
from vsmtp.queue.shard import BALLAST
from vsmtp.queue.space import Space
from vsmtp.queue.spool import Spool
from vsmtp.rules.graph import Graph
from vsmtp.server import plan
from vsmtp.server.acceptance import Counter
from vsmtp.server.assembly import Ground, Parts
from vsmtp.server.backlog import Backlog
from vsmtp.server.connection import BUFFER, Connection, House
from vsmtp.server.control import Control
from vsmtp.server.dispatch import Desk, Dispatch
from vsmtp.server.handshake import Turns
from vsmtp.server.keeping import Keeper
from vsmtp.server.lanes import Goal, Lanes
from vsmtp.server.ledger import Books
from vsmtp.server.listener import Bell, Client, Listener, Porter
from vsmtp.server.office import Office
from vsmtp.server.parcel import Lane
from vsmtp.server.reception import Place
from vsmtp.server.register import Register
from vsmtp.server.spools import Owned, Spools
from vsmtp.server.stages import Observe
from vsmtp.server.works import Works
from vsmtp.telemetry.events import (
    Bug,
    CertificatesNotRead,
    CertificatesRead,
    ConnectionRefused,
    SpoolFailed,
    Started,
    Stopped,
    Stopping,
    TableBroken,
)
from vsmtp.telemetry.log import Log
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable
from vsmtp.values.outcome import Deferred

# How long sessions and deliveries that are under way get at the end, seconds.
GRACE: Final = 10.0
ADOPT_EVERY: Final = 30.0
RENEW_EVERY: Final = 3.0
BODY_WRITERS: Final = 8
# A worker that met an I/O error ends with this: sysexits.h calls it EX_IOERR.
IO_ERROR: Final = 74


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is given.

    `doors` are listening sockets with their listeners; `lane` makes the lane to each goal that `route` or a
    rule can give; `observe` gives who watches the rules of a session at a stage.
    """

    version: str
    settings: Settings
    graph: Graph
    doors: Sequence[tuple[Bell, socket.socket]]
    log: Log
    lane: Callable[[Goal], Lane | Deferred]
    route: Callable[[Address], Route]
    observe: Observe | None = None
    certificates: Certificates | None = None


class Worker:
    """Serves until SIGTERM, SIGINT or an I/O error of the spool."""

    def __init__(self, assignment: Assignment) -> None:
        self._given = assignment
        self._settings = assignment.settings
        self._log = assignment.log
        self._loop = asyncio.get_running_loop()
        self._tasks = asyncio.TaskGroup()
        self._alive: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._why = ""
        self._broken = ""
        self._sessions = 0
        self._random: Random = SystemRandom()
        self._pool = ThreadPoolExecutor(BODY_WRITERS, "body")
        # Of its own, so that nobody's body waits for handshakes; more threads than processors help nobody.
        self._shakers = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "handshake")
        self._owned: list[Committer] = []
        self._backlogs: dict[int, Backlog] = {}
        server = self._settings.server
        pace = plan.pace(server.max_connection_rate, time.monotonic)
        self._register = Register(Connections(server.max_connections, server.max_connections_per_ip, pace))
        self._lanes = Lanes(assignment.lane, time.monotonic)
        self._parts = Parts(self._ground())

    async def run(self) -> int:
        """Serve; the exit status when it is over. Raises OSError when the spool cannot be used."""
        spools = Spools(self._settings.queue.path, self._loop, self._log, time.time, self._random.getrandbits)
        owned = await spools.open()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._asked_to_stop, signal.Signals(number).name)
        async with self._tasks:
            main = owned[0].spool
            works = self._parts.works(main, partial(self._accepted, main))
            self._dispatch = Dispatch(self._desk(works))
            for work in (self._register.watch(), self._adopt(spools), self._lanes.watch()):
                self._begin(work)
            self._begin(self._keeper(works).run())
            if self._given.certificates is not None:
                self._begin(self._renew(self._given.certificates))
            for one in owned:
                self._serve(one)
            listeners = self._open_doors(main, works)
            self._started(owned)
            await self._stop.wait()
            await self._end(listeners)
            # A delivery that is cut here stays in the queue: its outcome is unknown, and the next start asks.
            for task in self._alive:
                task.cancel()
        await self._close()
        return IO_ERROR if self._broken else 0

    # The parts.

    def _ground(self) -> Ground:
        given = self._given
        return Ground(
            given.settings,
            given.graph,
            given.log,
            self._loop,
            time.time,
            self._pool,
            self._begin,
            self._complain,
            given.observe,
        )

    def _desk(self, works: Works) -> Desk:
        settings = self._settings
        books = Books(
            settings.server.name, plan.schedule(settings), self._log, time.time, self._random.random
        )
        sorting = self._parts.sorting(self._given.route, self._lanes, works)
        return Desk(
            books,
            sorting.settle,
            self._begin,
            self._wait_until,
            self._break,
            self._has_room,
            self._parts.judges(works),
        )

    def _office(self, spool: Committer, works: Works) -> Office:
        settings = self._settings
        # Never less than the ballast: what it gives back is for outcomes, not for new mail.
        space = Space(spool.path, max(settings.queue.min_free, BALLAST), time.monotonic)
        place = Place(self._loop, self._pool, spool.path / "bodies")
        counter = Counter(
            settings.server.name,
            spool,
            self._log,
            time.time,
            plan.dates(settings, time.time),
            partial(self._accepted, spool),
            place.remove,
            space.forget,
            self._break,
            hides_logins=settings.smtp.received_client == "not-authenticated",
        )
        return self._parts.office(counter, space, place, works)

    def _keeper(self, works: Works) -> Keeper:
        return Keeper(self._settings.quarantines, lambda: self._owned, works.post, time.time)

    def _open_doors(self, spool: Committer, works: Works) -> list[Listener]:
        house = House(
            self._loop,
            memoryview(bytearray(BUFFER)),
            plan.services(self._settings, self._given.certificates),
            plan.patience(self._settings),
            self._office(spool, works),
            spool.lend,
            self._register.add,
            self._register.remove,
            self._register.moved,
            Turns(self._loop, self._shakers),
            plan.penalty(self._settings),
        )
        welcome = partial(self._welcome, house)
        words = plan.turning_away(self._settings)
        porter = Porter(self._register.limits, self._parts.trusted, welcome, self._turned_away, words)
        listeners = [Listener(self._loop, bell, door, porter) for bell, door in self._given.doors]
        for listener in listeners:
            listener.start()
        return listeners

    def _serve(self, owned: Owned) -> None:
        """Deliver what a shard holds, and answer the tools that ask for it."""
        spool = owned.spool
        self._owned.append(spool)
        backlog = Backlog(spool, spool.last, self._dispatch, time.time)
        self._backlogs[id(spool)] = backlog
        control = Control(spool, backlog.expect, backlog.leave, partial(self._status, spool))
        self._begin(control.serve())
        if not self._settings.queue.hold:
            self._begin(backlog.run())

    # What the parts tell each other.

    def _welcome(self, house: House, peer: socket.socket, client: Client) -> None:
        self._sessions += 1
        name = encode(int(time.time() * 1000) << 10 | self._sessions & 1023, 11)
        # Not by `_begin`: what `_settle_in` awaits raises nothing else, and a connection costs a task less.
        self._tasks.create_task(self._settle_in(partial(Connection, house, client, name), peer, client))

    async def _settle_in(self, factory: partial[Connection], peer: socket.socket, client: Client) -> None:
        try:
            await self._loop.connect_accepted_socket(factory, peer)
        except OSError:
            self._register.limits.release(client.ip)
            peer.close()

    def _complain(self, table: str, reason: str) -> None:
        self._log.emit(TableBroken(table, reason))

    def _turned_away(self, client: Client, reason: str) -> None:
        self._log.emit(ConnectionRefused(client.address, client.listener, reason))

    def _accepted(self, spool: Spool, message: NewMessage) -> None:
        if self._settings.queue.hold:
            return
        if self._dispatch.has_room:
            self._dispatch.take_new(spool, message)
        else:
            self._backlogs[id(spool)].leave(message.number)

    def _wait_until(self, spool: Spool, due: float) -> None:
        self._backlogs[id(spool)].expect(due)

    def _has_room(self) -> None:
        for backlog in self._backlogs.values():
            backlog.nudge()

    async def _renew(self, certificates: Certificates) -> None:
        """Read certificates anew whenever their files change, off the loop."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            match await self._loop.run_in_executor(self._pool, certificates.renew):
                case Unavailable(reason):
                    self._log.emit(CertificatesNotRead(reason))
                case True:
                    self._log.emit(CertificatesRead())

    async def _adopt(self, spools: Spools) -> None:
        """Take over, now and then, what other workers left."""
        while True:
            await asyncio.sleep(ADOPT_EVERY)
            for owned in await spools.adopt():
                self._serve(owned)

    def _status(self, spool: Committer) -> dict[str, Any]:
        turns = sorted(spool.turns)
        return {
            "version": self._given.version,
            # A worker may own several shards: whoever asks them all counts it once.
            "process": os.getpid(),
            "sessions": len(self._register),
            "turns": len(turns),
            "turn_p50": turns[len(turns) // 2] if turns else 0.0,
            "turn_p99": turns[len(turns) * 99 // 100] if turns else 0.0,
            "hits": {f"{stage.label}/{rule}": n for (stage, rule), n in self._parts.stages.hits.items()},
        }

    # Beginning and end.

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(self._guard(work))
        self._alive.add(task)
        task.add_done_callback(self._alive.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """The top of every task: a fault of ours is told, and costs nobody else anything."""
        try:
            await work
        except SpoolBroken as fault:
            self._break(str(fault))
        except Exception:  # noqa: BLE001 we are wrong: the top of a task
            self._log.emit(Bug("", traceback.format_exc()))

    def _started(self, owned: Sequence[Owned]) -> None:
        addresses = tuple(_address(door) for _, door in self._given.doors)
        recovered = sum(one.messages for one in owned)
        settings = self._settings
        self._log.emit(
            Started(self._given.version, settings.server.name, addresses, str(settings.queue.path), recovered)
        )

    def _asked_to_stop(self, why: str) -> None:
        self._why = self._why or why
        self._stop.set()

    def _break(self, reason: str) -> None:
        if not self._broken:
            self._broken = reason
            self._log.emit(SpoolFailed(reason))
        self._asked_to_stop("I/O error")

    async def _end(self, listeners: Sequence[Listener]) -> None:
        """Accept nobody, end the sessions, let deliveries come to their end."""
        self._log.emit(Stopping(self._why, len(self._register)))
        for listener in listeners:
            listener.stop()
        await self._register.empty(0.0 if self._broken else GRACE)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await self._dispatch.stop()

    async def _close(self) -> None:
        await self._lanes.close()
        self._parts.close()
        for spool in self._owned:
            await spool.close()
        self._pool.shutdown()
        self._shakers.shutdown()
        self._log.emit(Stopped())


def _address(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
