"""How long a decision takes with 10 to 10,000 rules, beside reading in order: `python bench/rules.py`."""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.sequential import Sequential
from vsmtp.config.shipped import read_shipped
from vsmtp.facts.answers import FactBook
from vsmtp.facts.subject import Connection, Recipient, Transaction
from vsmtp.inspect.compiled import OF_LOGINS
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.evaluate import Ended, Walk
from vsmtp.rules.graph import Pipeline
from vsmtp.rules.reading import RuleSource
from vsmtp.values.address import Address
from vsmtp.vocabulary.stages import STAGES, Stage

SIZES = (10, 100, 1_000, 10_000)
TABLES = {"local_domains": ["example.org"], "relay_domains": ["relay.example"], "trusted": ["127.0.0.0/8"]}
SHAPES: Sequence[Callable[[int], dict[str, object]]] = (
    lambda n: {"sender": {"domain": f"d{n}.example"}, "client": {"trusted": False}},
    lambda n: {"client": {"ip": [f"10.{n >> 8 & 255}.{n & 255}.0/24"]}, "sender": {"null": False}},
    lambda n: {"sender": {"address": f"user{n}@else.example"}, "rcpt": {"domain": {"not": f"x{n}.example"}}},
    lambda n: {"rcpt": {"address": {"starts_with": f"u{n}."}}, "helo": {"name": {"under": f"h{n}.example"}}},
    lambda n: {"helo": {"name": {"matches": f"^host-{n}[.]"}}, "sender": {"size": {"gt": 1_000_000}}},
)


# What a delivered message costs in all, microseconds of CPU, as measured (bench/README.md, A and B). The
# work of the shipped rules is in it.
MESSAGE = {"A": 1_130, "B": 800}
# Numbers of rules that nothing in the sessions is about.
UNSEEN = 1_000_000
REFUSAL = "554 5.7.1 not wanted"
CLIENT = ip_address("192.0.2.9")
HEAD = (
    b"Received: from a by b; Mon, 1 Jan 2026 00:00:00 +0000\r\n" * 5
    + b"From: User <user@else.example>\r\nTo: someone@example.org\r\nSubject: lunch on Friday?\r\n"
    + b"Message-ID: <1@else.example>\r\nDate: Mon, 1 Jan 2026 00:00:00 +0000\r\n\r\n"
)
OF_SENDER = (SHAPES[0], SHAPES[1])
OF_MESSAGE: tuple[Callable[[int], dict[str, object]], ...] = (
    lambda n: {"message": {"subject": {"contains": f"offer {n}"}}},
    lambda n: {"message": {"from_domain": f"d{n}.example", "size": {"gt": 1_000}}},
    lambda n: {"message": {"headers": {"x-mailer": {"matches": f"^Bulk {n}"}}}},
)
SPREAD: Mapping[Stage, Sequence[Callable[[int], dict[str, object]]]] = {
    Stage.MAIL: OF_SENDER,
    Stage.RCPT: SHAPES,
    Stage.PREQUEUE: (*OF_MESSAGE, *OF_SENDER),
    Stage.DELIVERY: (*OF_MESSAGE, SHAPES[2]),
}


def rules(count: int) -> list[RuleSource]:
    return [
        RuleSource(("rules", "rcpt", n), {"name": f"r{n}", "when": SHAPES[n % 5](n), "reject": REFUSAL})
        for n in range(count)
    ]


def shipped_tables() -> dict[Stage, list[RuleSource]]:
    return {
        STAGES[stage]: [RuleSource(("shipped", stage, n), rule) for n, rule in enumerate(table)]
        for stage, table in read_shipped().items()
    }


def build(own: list[RuleSource]) -> Pipeline:
    result = compile_rules(Ruleset({Stage.RCPT: own} if own else {}, {}, shipped_tables(), OF_LOGINS), TABLES)
    assert not result.faults, result.faults[:3]
    pipeline = result.graph.stage(Stage.RCPT)
    assert pipeline is not None
    return pipeline


def books(count: int) -> list[FactBook]:
    dice = random.Random(7)
    found = []
    for _ in range(200):
        n = dice.randrange(2 * count + 10)
        ip = ip_address(f"10.{n >> 8 & 255}.{n & 255}.9")
        connection = Connection(ip, 4711, "mx", 25, "relay", trusted=False, helo_name=f"host-{n}.example")
        transaction = Transaction(Address(f"user{n}", f"d{2 * n}.example"), 4_000)
        book = FactBook(connection, transaction, lambda: datetime.now(UTC))
        book.recipient = Recipient(Address("someone", "example.org"), known=True)
        found.append(book)
    return found


def microseconds(decide: Callable[[FactBook], object], sessions: list[FactBook]) -> float:
    """The median of five passes, for one decision."""
    passes = []
    for _ in range(5):
        start = time.thread_time()
        for book in sessions:
            decide(book)
        passes.append((time.thread_time() - start) / len(sessions) * 1e6)
    return statistics.median(passes)


def by_graph(pipeline: Pipeline) -> Callable[[FactBook], str | None]:
    """A decision of the graph: the name of the rule that ended the stage."""

    def decide(book: FactBook) -> str | None:
        ended = Walk(pipeline, book).advance()
        assert isinstance(ended, Ended)
        return ended.rule.name if ended.rule is not None else None

    return decide


def decisions() -> None:
    """Print how many decisions a second the graph makes, and how many who reads rule by rule."""
    titles = ("rules", "compile s", "MiB", "us", "to 10 rules", "graph 1/s", "sequential 1/s", "times")
    print(" ".join(f"{title:>14}" for title in titles))
    base = 0.0
    for count in SIZES:
        table = rules(count)
        gc.collect()
        tracemalloc.start()
        pipeline = build(table)
        memory = tracemalloc.get_traced_memory()[0] / 2**20
        tracemalloc.stop()
        start = time.thread_time()
        pipeline = build(table)
        compiling = time.thread_time() - start
        graph, sequential = by_graph(pipeline), Sequential(table).decide
        sessions = books(count)
        assert all(graph(book) == sequential(book) for book in sessions)
        took = microseconds(graph, sessions)
        plain = microseconds(sequential, sessions if count < SIZES[-1] else sessions[:20])
        base = base or took
        row = (compiling, memory, took, took / base, 1e6 / took, 1e6 / plain, plain / took)
        print(f"{count:>14}", " ".join(f"{value:>14,.1f}" for value in row))


def rule_work(count: int) -> float:
    """Microseconds of rule work in one delivered message: `count` rules over its stages, and ours.

    None of them fires, and no fact is known beforehand: that the header is read is in it.
    """
    share = count // len(SPREAD)
    own = {
        stage: [
            RuleSource(("rules", stage.label, n), {"name": f"r{n}", "when": shape(n), "reject": REFUSAL})
            for n, shape in enumerate(islice(cycle(shapes), share), UNSEEN)
        ]
        for stage, shapes in SPREAD.items()
    }
    graph = compile_rules(Ruleset(own, {}, shipped_tables(), OF_LOGINS), TABLES).graph
    took = []
    for _ in range(2_000):
        book = fresh()
        start = time.thread_time()
        for stage in Stage:
            pipeline = graph.stage(stage)
            if pipeline is not None:
                Walk(pipeline, book).advance()
        took.append((time.thread_time() - start) * 1e6)
    return statistics.median(took)


def fresh() -> FactBook:
    """A message that nothing is known of yet."""
    connection = Connection(CLIENT, 4711, "mx", 25, "relay", trusted=False, helo_name="host.example")
    transaction = Transaction(Address("user", "else.example"), 4_000)
    transaction.head = HEAD
    book = FactBook(connection, transaction, lambda: datetime.now(UTC))
    book.recipient = Recipient(Address("someone", "example.org"), known=True)
    return book


def main() -> None:
    decisions()
    shipped = by_graph(build([]))
    print(f"shipped rules alone, a known local recipient: {microseconds(shipped, books(10) * 20):.1f} us")
    ours, work = rule_work(0), rule_work(100)
    print(f"rules of one message, its header unread: {ours:.1f} us the shipped, {work:.1f} us with 100 more")
    for name, cpu in MESSAGE.items():
        whole = cpu - ours + work
        print(f"  of the CPU of a message in {name}, {cpu} us and with them {whole:.0f}: {work / whole:.1%}")


if __name__ == "__main__":
    main()
