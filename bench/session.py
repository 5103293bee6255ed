"""What a message costs the loop, in one process: no sockets, no disk, no client. CPU microseconds a message.

    .venv/bin/python -m bench.session [--rounds N] [--profile A|B]

The conversation, the session, the acceptance and the sorting for delivery, with the shipped rules alone; the
spool only remembers. A: a connection for each message; B: many messages in one. The cost of reading sockets,
of committing and of the files is not in it: `bench.run` measures the whole.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from vsmtp.config.load import Tree, read_tree
from vsmtp.delivery.consignment import Transport
from vsmtp.delivery.route import Local
from vsmtp.inspect.compiled import compile_tree
from vsmtp.queue.identity import Names, Numbers
from vsmtp.queue.records import Change, Committed, Done, NewMessage
from vsmtp.queue.space import Space
from vsmtp.queue.spool import Spool
from vsmtp.server import plan
from vsmtp.server.acceptance import Counter
from vsmtp.server.assembly import Ground, Parts
from vsmtp.server.dispatch import Desk, Dispatch
from vsmtp.server.ledger import Books
from vsmtp.server.listener import Client
from vsmtp.server.parcel import Lane
from vsmtp.server.reception import Place
from vsmtp.server.session import Session
from vsmtp.smtp.conversation import Conversation
from vsmtp.telemetry.log import Event, Log
from vsmtp.vocabulary.actions import Level

TREE = """
[server]
name = "mx.test"
local_domains = ["local.test"]
recipients = "any"
"""
MESSAGE = (
    b"From: <a@src.test>\r\nTo: <user@local.test>\r\nDate: Mon, 1 Jan 2026 00:00:00 +0000 (UTC)\r\n"
    b"Message-Id: <000b.0003.0000@src.test>\r\n\r\n" + (b"X" * 78 + b"\r\n") * 50 + b".\r\n"
)
ENVELOPE = (b"MAIL FROM:<a@src.test>\r\n", b"RCPT TO:<user@local.test>\r\n", b"DATA\r\n", MESSAGE)
# Messages in a session of B; and in a round of either.
PEER = ip_address("192.0.2.1")
REUSED = 50
ROUND = 100


class Silent(Log):
    """A log that nobody keeps: what a line costs is the same whatever the session did."""

    def __init__(self) -> None:
        pass

    def emit(self, event: Event, level: Level | None = None) -> None:
        pass


class Memory:
    """A spool that remembers the last change, and says at once that it is safe."""

    is_strained = False

    def __init__(self) -> None:
        self.last = Change()
        self._numbers = Numbers(0)
        self._names = Names("01ARZ3NDEKTSV4RRFFQ69G5FAV")

    def number(self, now: float) -> int:
        return self._numbers.next(now)

    def name(self, number: int) -> str:
        return self._names(number)

    def submit(self, change: Change, done: Done) -> None:
        self.last = change
        done(Committed())


class Server:
    """A worker's parts, and the delivery loop up to the lane, which is never emptied but by us."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor, text: str = TREE) -> None:
        loop = asyncio.get_running_loop()
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "00.toml").write_text(text)
        tree = read_tree(folder, hostname="mx.test", version="1.0")
        assert isinstance(tree, Tree), tree
        log = Silent()
        self.spool = cast("Spool", Memory())
        self.parts = Parts(
            Ground(
                tree.settings, compile_tree(tree).graph, log, loop, time.time, pool,
                loop.create_task, lambda *_: None,
            )
        )  # fmt: skip
        works = self.parts.works(self.spool, self.accepted)
        place = Place(loop, pool, folder)
        counter = Counter(
            "mx.test", self.spool, log, time.time, plan.dates(tree.settings, time.time), self.accepted,
            place.remove, lambda: None, lambda _: None,
        )  # fmt: skip
        self.office = self.parts.office(counter, Space(folder, 0, time.monotonic), place, works)
        self.terms = plan.terms(tree.settings)
        # A lane of no width: what is put into it stays there.
        self.lane = Lane("local", cast("Transport", None), 64, 0)
        sorting = self.parts.sorting(lambda _: Local(), lambda _: self.lane, works)
        books = Books("mx.test", plan.schedule(tree.settings), log, time.time, lambda: 0.5)
        self.dispatch = Dispatch(
            Desk(
                books, sorting.settle, loop.create_task, lambda *_: None, lambda _: None, lambda: None,
                self.parts.judges(works),
            )
        )  # fmt: skip

    def accepted(self, message: NewMessage) -> None:
        """As the worker does: the delivery loop takes it."""
        self.dispatch.take_new(self.spool, message)


def visit(server: Server, messages: int) -> None:
    """One client's session, each command answered before the next one comes."""
    client = Client(PEER, "192.0.2.1", 4711, "mx", 25, "relay", trusted=False)
    conversation = Conversation(server.terms)
    session = Session(server.office, conversation, client, "00000000001", _go_on)
    steps: Sequence[bytes] = (b"", b"HELO client.test\r\n", *ENVELOPE * messages, b"QUIT\r\n")
    for octets in steps:
        if octets:
            conversation.feed(octets)
        while (question := conversation.ask()) is not None:
            session.answer(question)
        conversation.take_output()
    session.end()
    assert session.visit.messages == messages, session.visit.messages


def _go_on() -> None:
    """Nobody waits: all is answered at once."""


def of_a(server: Server) -> None:
    for _ in range(ROUND):
        visit(server, 1)


def of_b(server: Server) -> None:
    for _ in range(ROUND // REUSED):
        visit(server, REUSED)


WORKLOADS: dict[str, Callable[[Server], None]] = {"A": of_a, "B": of_b}


def microseconds(server: Server, load: Callable[[Server], None]) -> float:
    """One round, for one message."""
    start = time.thread_time()
    load(server)
    took = time.thread_time() - start
    assert len(server.lane.waiting) == ROUND
    server.lane.waiting.clear()
    return took / ROUND * 1e6


def report(rounds: dict[str, list[float]]) -> None:
    for name, took in rounds.items():
        low = statistics.quantiles(took, n=20)[0]
        print(f"{name}: median {statistics.median(took):6.1f} us, p5 {low:6.1f} us a message")


def profile(server: Server, load: Callable[[Server], None]) -> None:
    watch = cProfile.Profile()
    watch.enable()
    for _ in range(20):
        load(server)
    watch.disable()
    pstats.Stats(watch).sort_stats("tottime").print_stats(60)


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        server = Server(Path(folder), pool)
        for load in WORKLOADS.values():
            microseconds(server, load)
        if options.profile:
            profile(server, WORKLOADS[options.profile])
            return
        took: dict[str, list[float]] = {name: [] for name in WORKLOADS}
        for _ in range(options.rounds):
            for name, load in WORKLOADS.items():
                took[name].append(microseconds(server, load))
        report(took)
        server.parts.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="session", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--profile", choices=list(WORKLOADS))
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
