"""Playing one described mail on the server's own parts, with a spool that only remembers.

Conversation, session, stages and sorting are those that serve; this is the one module of `inspect` that knows
how they are put together. No socket is opened, no transport is run, nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

from vsmtp.config.load import Tree
from vsmtp.config.models.settings import Settings
from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.route import Local, Smarthost
from vsmtp.facts.answers import FactBook
from vsmtp.inspect import script
from vsmtp.inspect.account import Account, StageSeen
from vsmtp.inspect.compiled import compile_tree
from vsmtp.inspect.rehearsed import (
    MESSAGE,
    Copy,
    Exchange,
    Outcome,
    Rehearsed,
    outcome_of,
    read_reply,
    refusal,
)
from vsmtp.inspect.scene import Scene, facts_of
from vsmtp.inspect.spool import RememberingSpool
from vsmtp.inspect.tables import suppose
from vsmtp.inspect.world import World
from vsmtp.net.limits import Networks, plain
from vsmtp.queue.records import ACTIVE, QUARANTINE, NewMessage
from vsmtp.queue.space import Space
from vsmtp.rules.graph import Graph
from vsmtp.rules.verdicts import Refuse
from vsmtp.server import plan
from vsmtp.server.acceptance import Counter
from vsmtp.server.fetching import Fetching
from vsmtp.server.listener import Client
from vsmtp.server.parcel import Destination, Dropped, Held, Into, Lane, Parcel, Postponed
from vsmtp.server.reception import Place
from vsmtp.server.recipients import LocalMail, Recipients
from vsmtp.server.session import Office, Session
from vsmtp.server.sorting import Sorting
from vsmtp.server.stages import Case, Stages
from vsmtp.smtp.conversation import Conversation
from vsmtp.telemetry.log import Log
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Delivered, Failed
from vsmtp.values.outcome import Outcome as Delivery
from vsmtp.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class _Given:
    """What is played, who comes to play it, and on what."""

    settings: Settings
    graph: Graph
    scene: Scene
    client: Client
    world: World


class Rehearsal:
    """A tree made ready to be played on, scene after scene; `close` ends it."""

    def __init__(self, tree: Tree, graph: Graph) -> None:
        self._tree = tree
        self._graph = graph
        self._log = Log("error", "json", (), time)

    def close(self) -> None:
        """Nothing is left running."""
        self._log.close()

    def play(self, scene: Scene, world: World) -> Rehearsed:
        """Play a scene in a world, from the greeting to the decisions of `delivery`.

        Raises ValueError when the scene's listener or a table of the world is none of the tree's.
        """
        given = self._given(scene, world)
        with TemporaryDirectory(prefix="vsmtp-rehearsal-") as folder, ThreadPoolExecutor(1, "body") as pool:
            return asyncio.run(self._play(given, pool, Path(folder)))

    def _given(self, scene: Scene, world: World) -> _Given:
        tree = suppose(self._tree, world.tables)
        graph = self._graph if tree is self._tree else compile_tree(tree).graph
        world = world.over(World(facts_of(scene)))
        return _Given(tree.settings, graph, scene, _client(tree.settings, scene), world)

    async def _play(self, given: _Given, pool: ThreadPoolExecutor, folder: Path) -> Rehearsed:
        async with asyncio.TaskGroup() as tasks:
            place = Place(asyncio.get_running_loop(), pool, folder)
            performance = _Performance(given, place, self._log)
            performance.open(tasks)
            return await performance.run()


class _Performance:
    """One scene while it is played."""

    def __init__(self, given: _Given, place: Place, log: Log) -> None:
        self._settings = given.settings
        self._graph = given.graph
        self._scene = given.scene
        self._client = given.client
        self._world = given.world
        self._place = place
        self._log = log
        self._now = _epoch(given.settings, given.scene.time or given.world.time)
        self._spool = RememberingSpool()
        self._dialogue: list[Exchange] = []
        self._stages: list[StageSeen] = []
        self._queued: list[NewMessage] = []
        self._moved = asyncio.Event()

    def open(self, tasks: asyncio.TaskGroup) -> None:
        """Put the server's parts together, as `server.worker` does."""
        settings = self._settings
        server = settings.server
        self._zoned = plan.zoned(settings, self._clock)
        local = frozenset(domain.casefold() for domain in server.local_domains)
        self._recipients = Recipients(
            LocalMail(local, server.recipient_delimiter),
            Address.parse(server.postmaster),
            everybody=server.recipients == "any",
            clock=self._clock,
        )
        stages = Stages(self._graph, self._log, self._fetch, tasks.create_task)
        stages.summon = self._summon
        self._sorting = self._sort(stages)
        self._conversation = Conversation(plan.terms(settings))
        self._session = Session(
            self._office(stages), self._conversation, self._client, "rehearsal", self._moved.set
        )
        self._session.subject.authenticated = bool(self._scene.user)

    def _office(self, stages: Stages) -> Office:
        settings = self._settings
        counter = Counter(
            settings.server.name,
            self._spool,
            self._log,
            self._clock,
            plan.dates(settings, self._clock),
            self._queued.append,
            self._place.remove,
            _never_full,
            _never_broken,
        )
        space = Space(self._place.directory, 0, self._clock)
        delimiter = settings.server.recipient_delimiter
        return Office(
            stages, self._recipients, counter, self._spool, space, self._place, self._log, self._zoned,
            delimiter, settings.smtp.max_hops,
        )  # fmt: skip

    def _sort(self, stages: Stages) -> Sorting:
        settings = self._settings
        return Sorting(
            stages, plan.routing(settings).route, _Lanes(), self._recipients, self._zoned,
            settings.server.recipient_delimiter,
        )  # fmt: skip

    def _clock(self) -> float:
        return self._now

    def _summon(self, stage: Stage, case: Case) -> Account:
        return Account(stage, case, self._world, self._graph.bindings, self._stages.append)

    async def _fetch(self, book: FactBook, name: str) -> None:
        """Answer a fact that needs I/O as the server would, or as the world supposes."""
        await Fetching(self._exists).fetch(book, name)

    def _exists(self, address: Address) -> bool | Unavailable:
        if self._world.users is None:
            return self._recipients.look_up(address)
        user = address.local.casefold()
        delimiter = self._settings.server.recipient_delimiter
        found = (user.partition(delimiter)[0] or user) if delimiter else user
        return found in self._world.users

    # The play.

    async def run(self) -> Rehearsed:
        """Play it to the end."""
        last = await self._speak()
        self._session.end()
        copies = [
            await self._copy(message, n)
            for message in self._spool.accepted
            for n in range(len(message.recipients))
        ]
        return Rehearsed(
            self._outcome(last, copies), last.reply, tuple(self._dialogue), tuple(self._stages), tuple(copies)
        )

    def _outcome(self, last: Exchange, copies: Sequence[Copy]) -> Outcome:
        if any(isinstance(seen.verdict, Refuse) and seen.verdict.close for seen in self._stages):
            return "closed"
        if not last.reply.is_positive:
            return refusal(last.reply)
        return outcome_of(copies) if last.command == MESSAGE else "accepted"

    async def _speak(self) -> Exchange:
        """Say all that the scene has to say, up to a refusal; the exchange that decided."""
        scene = self._scene
        last = await self._say("", b"")
        for command in script.opening(scene):
            if not last.reply.is_positive:
                return last
            last = await self._command(command)
        if not (last.reply.is_positive and scene.recipients):
            return last
        answers = [await self._command(script.rcpt(recipient)) for recipient in scene.recipients]
        if not any(answer.reply.is_positive for answer in answers) or self._conversation.closed:
            return answers[-1]
        last = await self._command("DATA")
        return await self._say(MESSAGE, script.stuffed(scene.octets)) if last.reply.is_positive else last

    async def _command(self, line: str) -> Exchange:
        return await self._say(line, f"{line}\r\n".encode())

    async def _say(self, said: str, octets: bytes) -> Exchange:
        """Feed what the client says and wait for the whole answer."""
        if self._conversation.closed:
            return self._dialogue[-1]
        self._conversation.feed(octets)
        while True:
            self._moved.clear()
            question = self._conversation.ask()
            if question is not None:
                self._session.answer(question)
            elif self._session.is_deciding or self._session.is_writing:
                await self._moved.wait()
            else:
                break
        exchange = Exchange(said, read_reply(self._conversation.take_output()))
        self._dialogue.append(exchange)
        return exchange

    async def _copy(self, message: NewMessage, number: int) -> Copy:
        """What becomes of one recipient of a queued message."""
        to = message.recipients[number]
        if message.state != ACTIVE:
            quarantine = message.state.removeprefix(QUARANTINE)
            return Copy(to.address, "quarantined", quarantine=quarantine, message=_octets(message.content))
        settled: asyncio.Future[Destination] = asyncio.get_running_loop().create_future()
        held = Held(self._spool, message, self._spool.name(message.number), 1)
        parcel = Parcel(held, number, to.address, 0, to.notes, again=False)
        self._sorting.settle(parcel, lambda _, destination: settled.set_result(destination))
        return _as_copy(to.address, await settled)


class _Lanes(dict[Local | Smarthost, Lane]):
    """A lane for every way there could be; none is ever served."""

    def __missing__(self, way: Local | Smarthost) -> Lane:
        """The lane of that way, named as `server.plan` names it."""
        name = f"{way.host}:{way.port}" if isinstance(way, Smarthost) else "local"
        lane = self[way] = Lane(name, NoTransport(), 1, 1)
        return lane


def _never_full() -> None:
    """A remembering spool has room."""


def _never_broken(reason: str) -> None:
    """Nor does it break."""


class NoTransport:
    """A transport that nobody may ask."""

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Delivery]:
        """A rehearsal ends before this."""
        raise AssertionError(f"{len(batch)} deliveries in a rehearsal")

    async def close(self) -> None:
        """Nothing is left to do."""


def _client(settings: Settings, scene: Scene) -> Client:
    name = scene.listener or next(iter(settings.listeners), "")
    listener = settings.listeners.get(name)
    if listener is None:
        raise ValueError(f"there is no listener `{name}`")
    ip = plain(scene.client)
    trusted = ip in Networks(settings.server.trusted)
    return Client(ip, str(ip), scene.port, name, listener.address[0].port, listener.kind, trusted)


def _epoch(settings: Settings, moment: datetime | None) -> float:
    if moment is None:
        return time()
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=plan.zoned(settings, time)().tzinfo)
    return moment.timestamp()


def _octets(content: Content) -> bytes:
    if content.file is None:
        return content.data
    with content.file.path.open("rb") as file:
        file.seek(content.file.offset)
        return content.data + file.read()


def _as_copy(recipient: Address, destination: Destination) -> Copy:
    match destination:
        case Into(lane, content):
            return Copy(recipient, "accepted", lane.name, message=_octets(content))
        case Dropped():
            return Copy(recipient, "discarded")
        case Postponed(outcome):
            return Copy(recipient, "deferred", reply=str(outcome.reply))
        case Deferred(_, reply):  # there is no way for it yet, which no rule has decided
            return Copy(recipient, "accepted", reply=str(reply))
        case Failed(_, reply):
            return Copy(recipient, "rejected", reply=str(reply))
        case Delivered(where):
            return Copy(recipient, "accepted", where)
