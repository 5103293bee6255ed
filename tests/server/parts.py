"""A worker's parts on a spool in memory, for one client at a time: no socket, no disk but a folder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

from tests.queue.fake_spool import FakeSpool, Store
from tests.server.test_ledger import Said
from vsmtp.config.load import Tree, read_tree
from vsmtp.inspect.compiled import compile_tree
from vsmtp.queue.records import NewMessage
from vsmtp.queue.space import Space
from vsmtp.server import plan
from vsmtp.server.acceptance import Counter
from vsmtp.server.assembly import Ground, Parts
from vsmtp.server.listener import Client
from vsmtp.server.reception import Place
from vsmtp.server.session import Session
from vsmtp.smtp.conversation import Conversation

T = TypeVar("T")

BASE = """
[server]
name = "mx.test"
local_domains = ["local.test"]
recipients = "any"
"""


class House:
    """Parts for a tree of this text; `faults` are what tasks have died of."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor, text: str) -> None:
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "00.toml").write_text(BASE + text)
        tree = read_tree(folder, hostname="mx.test", version="1.0")
        assert isinstance(tree, Tree), tree
        compiled = compile_tree(tree)
        assert not [fault for fault in compiled.faults if fault.severity == "error"], compiled.faults
        self.settings = tree.settings
        self.log = Said()
        self.store = Store()
        self.spool = FakeSpool(self.store)
        self.queued: list[NewMessage] = []
        self.faults: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        ground = Ground(
            tree.settings, compiled.graph, self.log, loop, time.time, pool, self._spawn, lambda *_: None
        )
        self.parts = Parts(ground)
        self.works = self.parts.works(self.spool, self.queued.append)
        place = Place(loop, pool, folder)
        counter = Counter(
            "mx.test", self.spool, self.log, time.time, plan.dates(tree.settings, time.time),
            self.queued.append, place.remove, lambda: None, lambda _: None,
            tree.settings.smtp.received_client == "not-authenticated",
        )  # fmt: skip
        self.office = self.parts.office(counter, Space(folder, 0, time.monotonic), place, self.works)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except RuntimeError as fault:
            self.faults.append(fault)

    async def rest(self) -> None:
        """Until no task is under way."""
        while self._tasks:
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*self._tasks)
        for _ in range(5):
            await asyncio.sleep(0)


class Guest:
    """A client's session with the house."""

    def __init__(self, house: House, *, trusted: bool = False) -> None:
        self._house = house
        client = Client(ip_address("192.0.2.1"), "192.0.2.1", 4711, "mx", 25, "relay", trusted)
        self.conversation = Conversation(plan.terms(house.settings))
        self.session = Session(house.office, self.conversation, client, "session", lambda: None)

    async def say(self, octets: bytes = b"") -> str:
        """What the server answers, once it has."""
        self.conversation.feed(octets)
        while True:
            question = self.conversation.ask()
            if question is not None:
                self.session.answer(question)
            elif self.session.is_deciding:
                await self._house.rest()
            else:
                return self.conversation.take_output().decode().strip()

    async def mail(self, *to: str, sender: str = "a@src.test", message: bytes = b"Subject: s\r\n\r\n") -> str:
        """The answer to a whole message, or to what was refused before."""
        for line in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in to), "DATA"):
            answer = await self.say(f"{line}\r\n".encode())
            if not answer.startswith(("250", "354")):
                return answer
        return await self.say(message + b".\r\n")


def visit(
    folder: Path, text: str, scenario: Callable[[House, Guest], Awaitable[T]], *, trusted: bool = False
) -> T:
    """Play a scenario with a guest who has been greeted and has said EHLO."""

    async def play() -> T:
        with ThreadPoolExecutor(2) as pool:
            house = House(folder, pool, text)
            guest = Guest(house, trusted=trusted)
            await guest.say()
            await guest.say(b"EHLO client.test\r\n")
            found = await scenario(house, guest)
            await house.rest()
            house.parts.close()
            return found

    return asyncio.run(play())
