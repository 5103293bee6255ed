"""What clients do to a server, and how long it takes."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.meter import Meter
from tests.peers.programs import find

STALLED = 120.0


@dataclass(frozen=True)
class Workload:
    """One `smtp-source` run; `held` keeps the delivery back, so that accepting and queueing stand alone."""

    name: str
    messages: int
    octets: int
    reuse: bool = False
    held: bool = False


@dataclass(frozen=True)
class Figures:
    """Rates are messages a second, `cpu` seconds per 1,000 messages, `memory` the peak in octets."""

    accepted: float
    delivered: float
    cpu: float
    memory: int


def smtp_source(port: int, load: Workload, messages: int) -> list[str]:
    command = [find("smtp-source") or "smtp-source", *(["-d"] if load.reuse else [])]
    command += ["-s", "20", "-m", str(messages), "-l", str(load.octets)]
    return [*command, "-f", "a@src.test", "-t", "user@local.test", f"127.0.0.1:{port}"]


def settled() -> None:
    """Nothing of an earlier run is left to be written."""
    os.sync()
    time.sleep(0.3)


def measure(port: int, load: Workload, count: Callable[[], int], cost: Meter) -> Figures:
    """Run `load`; `count` says how many messages have arrived where they are to end."""
    before, started, memory = count(), time.monotonic(), 0
    used = cost.cpu()
    client = subprocess.Popen(smtp_source(port, load, load.messages), stdin=subprocess.DEVNULL)
    while (status := _wait(client, 1.0)) is None:
        memory = max(memory, cost.anonymous())
    accepted = time.monotonic() - started
    if status:
        raise RuntimeError(f"smtp-source ended with {status} in workload {load.name}")
    memory = max(memory, cost.anonymous())
    _await_all(count, before + load.messages)
    delivered = time.monotonic() - started
    settled()  # what a server does after its answers is its cost too
    cpu = (cost.cpu() - used) / load.messages * 1000
    return Figures(load.messages / accepted, load.messages / delivered, cpu, memory)


def _wait(client: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return client.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _await_all(count: Callable[[], int], wanted: int) -> None:
    end = time.monotonic() + STALLED
    while count() < wanted:
        if time.monotonic() > end:
            raise RuntimeError(f"{count()} of {wanted} messages arrived, then nothing for {STALLED:.0f} s")
        time.sleep(0.02)


def greeted(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 30)
    if not sock.recv(512).startswith(b"220"):
        raise RuntimeError("no greeting")
    return sock


def idle(port: int, connections: int, cost: Meter) -> float:
    """Octets of anonymous memory for each of so many connections that were greeted and say nothing."""
    with ExitStack() as stack:
        stack.enter_context(greeted(port))
        time.sleep(0.5)
        before = cost.anonymous()
        for _ in range(connections):
            stack.enter_context(greeted(port))
        time.sleep(0.5)
        return (cost.anonymous() - before) / connections


def crowd(port: int, connections: int, cost: Meter) -> dict[str, float]:
    """What so many silent connections cost: memory each, and how long (ms) one more waits."""
    with ExitStack() as stack:
        asking = stack.enter_context(greeted(port))
        time.sleep(0.5)
        before = cost.anonymous()
        for _ in range(connections):
            stack.enter_context(greeted(port))
        time.sleep(0.5)
        memory = (cost.anonymous() - before) / connections
        times = []
        for _ in range(80):  # more commands that lead nowhere are mistakes
            started = time.perf_counter()
            _ask(asking, b"RSET\r\n")
            times.append((time.perf_counter() - started) * 1000)
            time.sleep(0.005)
    median, late = quantiles(times)
    return {"crowd_idle": memory, "crowd_ms": median, "crowd_p95_ms": late}


def lone(port: int, messages: int = 200) -> tuple[float, float]:
    """Milliseconds from the final dot to its 250 for a client alone: median, 95th percentile."""
    body = b"Subject: lone\r\n\r\n" + b"x" * 76 + b"\r\n" + (b"y" * 76 + b"\r\n") * 50
    times = []
    with greeted(port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _ask(sock, b"EHLO src.test\r\n")
        for _ in range(messages):
            _ask(sock, b"MAIL FROM:<a@src.test>\r\n")
            _ask(sock, b"RCPT TO:<user@local.test>\r\n")
            _ask(sock, b"DATA\r\n")
            sock.sendall(body)
            time.sleep(0.005)  # only what the dot causes is timed
            started = time.perf_counter()
            _ask(sock, b".\r\n")
            times.append((time.perf_counter() - started) * 1000)
    return quantiles(times)


def _ask(sock: socket.socket, line: bytes) -> None:
    sock.sendall(line)
    reply = b""
    while not reply.endswith(b"\r\n"):
        reply += sock.recv(4096)
    if reply[:1] not in b"23":
        raise RuntimeError(f"{line!r} was answered by {reply!r}")


def fsync_alone(directory: Path, rounds: int = 200) -> tuple[float, float]:
    """Milliseconds to append 8 KiB (a write-ahead log's share of a 4 KiB message) and fsync it."""
    path, times = directory / "fsync.probe", []
    with path.open("wb", buffering=0) as file:
        for _ in range(rounds):
            time.sleep(0.005)
            started = time.perf_counter()
            file.write(b"z" * 8192)
            os.fsync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    path.unlink()
    return quantiles(times)


def quantiles(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]
