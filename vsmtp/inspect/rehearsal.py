"""Playing one described mail on the server's own parts, with a spool that only remembers.

Conversation, session, stages, postqueue and sorting are those that serve, put together in `backstage`. No
socket is opened, no transport is run, nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Final, TypeVar

from vsmtp.config.load import Tree
from vsmtp.config.models.settings import Settings
from vsmtp.facts.subject import TlsState
from vsmtp.inspect import script
from vsmtp.inspect.account import StageSeen
from vsmtp.inspect.backstage import Backstage, Surrounding
from vsmtp.inspect.compiled import compile_tree
from vsmtp.inspect.rehearsed import (
    MESSAGE,
    Copy,
    Exchange,
    Outcome,
    Rehearsed,
    outcome_of,
    read_replies,
    refusal,
)
from vsmtp.inspect.scene import Scene
from vsmtp.inspect.tables import suppose
from vsmtp.inspect.world import World
from vsmtp.inspect.zone import client_facts
from vsmtp.net.limits import Networks, plain
from vsmtp.queue.records import ACTIVE, QUARANTINE, NewMessage
from vsmtp.rules.graph import Graph
from vsmtp.rules.verdicts import Refuse
from vsmtp.server import plan
from vsmtp.server.listener import Client
from vsmtp.server.parcel import Destination, Dropped, Held, Into, Parcel, Postponed
from vsmtp.server.postqueue import Judged, Row
from vsmtp.server.service import Standing
from vsmtp.server.session import Session
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.terms import Terms
from vsmtp.telemetry.log import Log
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Delivered, Failed

T = TypeVar("T")

# The context of mail that this server made: a report, say, which is not played on.
OWN: Final = "{}"
_TLS: Final = TlsState("1.3", "TLS_AES_256_GCM_SHA384")


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
        client = _client(tree.settings, scene)
        world = world.over(World(client_facts(world.dns, client.ip)))
        return _Given(tree.settings, graph, scene, client, world)

    async def _play(self, given: _Given, pool: ThreadPoolExecutor, folder: Path) -> Rehearsed:
        seen: list[StageSeen] = []
        now = _epoch(given.settings, given.scene.time or given.world.time)
        async with asyncio.TaskGroup() as tasks:
            around = Surrounding(now, given.world, pool, folder, tasks.create_task, self._log, seen.append)
            backstage = Backstage(given.settings, given.graph, around)
            try:
                return await _Performance(given, backstage, seen).run()
            finally:
                backstage.close()


class _Performance:
    """One scene while it is played."""

    def __init__(self, given: _Given, backstage: Backstage, seen: list[StageSeen]) -> None:
        self._scene = given.scene
        self._backstage = backstage
        self._stages = seen
        self._dialogue: list[Exchange] = []
        self._moved = asyncio.Event()
        self._tls = _TLS if _is_secure(given) else None
        self._domain = given.settings.auth.default_domain or ""
        self._conversation = Conversation(_terms(given))
        self._session = Session(
            backstage.office(), self._conversation, given.client, "rehearsal", self._moved.set
        )

    # The play.

    async def run(self) -> Rehearsed:
        """Play it to the end."""
        last = await self._speak()
        self._session.end()
        queued = [
            await self._after(message) for message in self._backstage.spool.accepted if message.context != OWN
        ]
        copies = [copy for some in queued for copy in some]
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
        self._session.visit.subject.tls = self._tls
        for command in script.opening(scene, lmtp=self._conversation.is_lmtp):
            if not last.reply.is_positive:
                return last
            last = await self._command(command)
            if scene.user and not self._session.visit.subject.attempt and last.reply.is_positive:
                last = await self._log_in() or last
        if not (last.reply.is_positive and scene.recipients):
            return last
        answers = [await self._command(script.rcpt(recipient)) for recipient in scene.recipients]
        if not any(answer.reply.is_positive for answer in answers) or self._conversation.closed:
            return answers[-1]
        last = await self._command("DATA")
        return await self._say(MESSAGE, script.stuffed(scene.octets)) if last.reply.is_positive else last

    async def _log_in(self) -> Exchange | None:
        """The client has shown who it is: the rules of `auth` are asked; their refusal, if they do."""
        about, scene = self._session.visit.subject, self._scene
        named = "@" in scene.user or not self._domain
        about.user, about.mechanism = scene.user if named else f"{scene.user}@{self._domain}", scene.mechanism
        about.auth_success, about.attempt, about.authenticated = True, 1, True
        refused = await _hear(self._session.authenticated)
        if refused is None:
            self._conversation.vouch()
            return None
        exchange = Exchange(f"AUTH {scene.mechanism}", refused)
        self._dialogue.append(exchange)
        return exchange

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
            elif self._session.is_deciding or self._session.visit.is_writing:
                await self._moved.wait()
            else:
                break
        replies = read_replies(self._conversation.take_output())
        # Over LMTP a message is taken if it is for anybody.
        exchange = Exchange(said, next((reply for reply in replies if reply.is_positive), replies[-1]))
        self._dialogue.append(exchange)
        return exchange

    # What comes after the 250.

    async def _after(self, message: NewMessage) -> list[Copy]:
        """What becomes of a queued message's recipients."""
        if message.state != ACTIVE:
            return [_held_back(message, to.address, message.state) for to in message.recipients]
        spool = self._backstage.spool
        held = Held(spool, message, spool.name(message.number), len(message.recipients))
        rows = [Row(n, to.address, 0, to.notes) for n, to in enumerate(message.recipients)]
        if not self._backstage.postqueue.concerns(held, rows):
            return [await self._settle(held, row) for row in rows]
        judged = await _hear(partial(self._backstage.postqueue.begin, held, rows))
        held = Held(spool, judged.mail, held.name, len(judged.rows), judged.context)
        ended = [
            await self._settle(held, row) if destination is None else _as_copy(row.address, destination)
            for row, destination in judged.rows
        ]
        return [*ended, *_quarantined(message, judged)]

    async def _settle(self, held: Held, row: Row) -> Copy:
        """What the rules of `delivery` and the address make of one recipient."""
        parcel = Parcel(held, row.number, row.address, row.attempts, row.notes, again=False)
        sorting = self._backstage.sorting

        def begin(then: Callable[[Destination], None]) -> None:
            sorting.settle(parcel, lambda _, found: then(found))

        destination = await _hear(begin)
        copy = _as_copy(row.address, destination)
        if parcel.folder is not None and copy.transport:
            return replace(copy, transport=f"maildir:{parcel.folder.path}")
        return copy


def _is_secure(given: _Given) -> bool:
    """Whether the scene is played under TLS: who has logged in was, where nobody may do so in clear."""
    listener = given.settings.listeners[given.client.listener]
    must = bool(given.scene.user) and listener.logins != "none" and not listener.auth_without_tls
    return given.scene.tls or must or listener.is_implicit


def _terms(given: _Given) -> Terms:
    standing = Standing(is_secure=_is_secure(given))
    return plan.terms(given.settings, given.settings.listeners[given.client.listener], standing)


async def _hear(begin: Callable[[Callable[[T], None]], None]) -> T:
    """What `begin` tells the function that it is given, whenever it does."""
    told: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    begin(told.set_result)
    return await told


def _quarantined(message: NewMessage, judged: Judged) -> Iterator[Copy]:
    """The recipients whom the rules of `postqueue` have put into a quarantine."""
    if judged.change is None:
        return
    for part in judged.change.accepted:
        yield from (_held_back(part, to.address, part.state) for to in part.recipients)
    gone = {number for _, number in judged.change.finished} | {row.number for row, _ in judged.rows}
    for revision in judged.change.revised:
        if revision.state.startswith(QUARANTINE):
            left = (to for n, to in enumerate(message.recipients) if n not in gone)
            yield from (_held_back(message, to.address, revision.state) for to in left)


def _held_back(message: NewMessage, to: Address, state: str) -> Copy:
    name = state.removeprefix(QUARANTINE)
    return Copy(to, "quarantined", quarantine=name, message=_octets(message.content))


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
