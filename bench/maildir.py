"""Files a second into one Maildir, by the transport and its postman, for batches of 1, 16 and 64.

    python bench/maildir.py DIR [COUNT]

DIR should lie on a journaled ext4. Two batches are in flight, as the delivery loop has them.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import statistics
import sys
import time
from pathlib import Path

from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.mailbox import Mailboxes, Template
from vsmtp.delivery.maildir import Maildirs
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Delivered

CONTENT = Content((b"Subject: speed\r\n\r\n" + b"x" * 70 + b"\r\n") * 45)
ROUNDS = 5


def consignments(first: int, count: int) -> list[Consignment]:
    sender, recipient = Address("a", "src.test"), Address("user", "local.test")
    return [
        Consignment(n, 1, f"{n:X}", sender, recipient, 1000.0, CONTENT) for n in range(first, first + count)
    ]


async def deliver(transport: Maildirs, lane: list[list[Consignment]]) -> None:
    for batch in lane:
        outcomes = await transport.deliver(batch)
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)


async def measure(base: Path, size: int, count: int) -> float:
    transport = Maildirs(Mailboxes(Template.parse(f"{base}/{{rcpt.local}}")), "mx.test")
    await transport.deliver(consignments(0, 1))
    batches = [consignments(first, size) for first in range(1, count, size)]
    started = time.perf_counter()
    await asyncio.gather(deliver(transport, batches[::2]), deliver(transport, batches[1::2]))
    took = time.perf_counter() - started
    await transport.close()
    return len(batches) * size / took


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    base = Path(sys.argv[1]).resolve() / "maildir-bench"
    shutil.rmtree(base, ignore_errors=True)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 4096
    for size in (1, 16, 64):
        before = cpu()
        rates = [asyncio.run(measure(base / f"{size}-{n}", size, count)) for n in range(ROUNDS)]
        each = (cpu() - before) / (ROUNDS * count) * 1000
        print(
            f"batches of {size:2}: {statistics.median(rates):6.0f} files/s"
            f" ({min(rates):.0f} to {max(rates):.0f}), postman {each:.3f} CPU s per 1,000"
        )
    shutil.rmtree(base)


if __name__ == "__main__":
    main()
