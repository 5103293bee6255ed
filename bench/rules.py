"""How long a decision takes with 10 to 10,000 rules, and with the shipped ones: `python bench/rules.py`."""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from vsmtp.config.shipped import read_shipped
from vsmtp.facts.answers import FactBook
from vsmtp.facts.subject import Connection, Recipient, Transaction
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


def rules(count: int) -> list[RuleSource]:
    refusal = "554 5.7.1 not wanted"
    return [
        RuleSource(("rules", "rcpt", n), {"name": f"r{n}", "when": SHAPES[n % 5](n), "reject": refusal})
        for n in range(count)
    ]


def build(own: list[RuleSource]) -> Pipeline:
    shipped = {
        STAGES[stage]: [RuleSource(("shipped", stage, n), rule) for n, rule in enumerate(table)]
        for stage, table in read_shipped().items()
    }
    result = compile_rules(Ruleset({Stage.RCPT: own} if own else {}, {}, shipped), TABLES)
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


def microseconds(pipeline: Pipeline, sessions: list[FactBook]) -> float:
    """The median of five passes, for one decision."""
    passes = []
    for _ in range(5):
        start = time.perf_counter()
        for book in sessions:
            assert isinstance(Walk(pipeline, book).advance(), Ended)
        passes.append((time.perf_counter() - start) / len(sessions) * 1e6)
    return statistics.median(passes)


def main() -> None:
    print(f"{'rules':>7} {'compile s':>10} {'MiB':>7} {'us a decision':>14} {'to 10 rules':>12}")
    base = 0.0
    for count in SIZES:
        gc.collect()
        tracemalloc.start()
        pipeline = build(rules(count))
        memory = tracemalloc.get_traced_memory()[0] / 2**20
        tracemalloc.stop()
        start = time.perf_counter()
        pipeline = build(rules(count))
        compiling = time.perf_counter() - start
        sessions = books(count)
        microseconds(pipeline, sessions)
        took = microseconds(pipeline, sessions)
        base = base or took
        print(f"{count:>7} {compiling:>10.3f} {memory:>7.1f} {took:>14.1f} {took / base:>11.1f}x")
    shipped = build([])
    print(f"shipped rules alone, a known local recipient: {microseconds(shipped, books(10) * 20):.1f} us")


if __name__ == "__main__":
    main()
