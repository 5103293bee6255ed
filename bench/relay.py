"""Messages a second to Postfix's `smtp-sink`, 4 KiB each, by the relay transport alone, on uvloop.

python bench/relay.py [COUNT]
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import time

import uvloop

from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.pool import Limits
from vsmtp.delivery.session import Peer
from vsmtp.delivery.smtp import Relay
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Delivered

DATA = (b"Subject: speed\r\n\r\n" + b"x" * 70 + b"\r\n") * 45
ROUNDS = 5


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def consignments(count: int) -> list[Consignment]:
    sender, recipient = Address("a", "src.test"), Address("user", "relay.test")
    return [Consignment(n, 1, f"{n:X}", sender, recipient, 1000.0, Content(DATA)) for n in range(count)]


async def measure(port: int, connections: int, count: int) -> tuple[float, float]:
    relay = Relay(Peer("127.0.0.1", port, "mx.test", tls="none"), Limits(connections=connections))
    batch = consignments(count)
    started, used = time.perf_counter(), time.process_time()
    outcomes = await relay.deliver(batch)
    took, cpu = time.perf_counter() - started, time.process_time() - used
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    await relay.close()
    return count / took, cpu / count * 1000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    port = free_port()
    sink = subprocess.Popen(["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "200"])
    time.sleep(0.5)
    try:
        for connections in (1, 5, 20):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                seen = [runner.run(measure(port, connections, count)) for _ in range(ROUNDS)]
            rates, cpu = [rate for rate, _ in seen], statistics.median(each for _, each in seen)
            print(
                f"{connections:2} connections: {statistics.median(rates):5.0f} messages/s"
                f" ({min(rates):.0f} to {max(rates):.0f}), {cpu:.3f} CPU s per 1,000"
            )
    finally:
        sink.terminate()
        sink.wait()


if __name__ == "__main__":
    main()
