"""vSMTP beside Postfix: same disk, same clients, taking turns; medians. See bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from bench.meter import meter
from bench.servers import SERVERS
from bench.tls import handshakes, idle_under_tls, through
from bench.workload import Workload, crowd, fsync_alone, idle, lone, measure, settled, smtp_source
from tests.peers.certificates import certified
from tests.peers.disk import journaled_ext4, run

Result: TypeAlias = dict[str, float]
Results: TypeAlias = dict[str, dict[str, list[Result]]]

WORKLOADS: Final = (
    Workload("A", 3000, 4096),
    Workload("B", 4000, 4096, reuse=True),
    Workload("D", 200, 1_000_000),
    Workload("held A", 4000, 4096, held=True),
    Workload("held B", 6000, 4096, reuse=True, held=True),
)
WARM_UP: Final = 200
IDLE: Final = {"postfix": 100, "vsmtp": 1000}
# A process each would not fit: Postfix is not asked for so many.
CROWD: Final = {"vsmtp": 10_000}
RESULTS: Final = Path(__file__).parent / "results"


def one_run(server: str, load: Workload, disk: Path) -> Result:
    """Start `server` afresh on an empty directory, warm it up, and measure `load` once."""
    base = Path(tempfile.mkdtemp(prefix=f"{server}-", dir=disk))
    with ExitStack() as stack:
        cost = stack.enter_context(meter(server))
        running = stack.enter_context(SERVERS[server](base, cost, held=load.held))
        warm = min(WARM_UP, load.messages)
        run(*smtp_source(running.port, load, warm))
        arrived = running.queued if load.held else running.delivered
        settled()
        result: Result = asdict(measure(running.port, load, arrived, cost))
        result |= running.turns()
    shutil.rmtree(base)
    settled()
    return result


def lone_client(server: str, disk: Path) -> Result:
    base = Path(tempfile.mkdtemp(prefix=f"{server}-", dir=disk))
    with meter(server) as cost, SERVERS[server](base, cost, held=False) as running:
        lone(running.port, 20)
        median, late = lone(running.port)
        sync, sync_late = fsync_alone(disk)
        memory = idle(running.port, IDLE[server], cost)
        many = crowd(running.port, CROWD[server], cost) if server in CROWD else {}
    shutil.rmtree(base)
    return {
        "dot_ms": median, "dot_p95_ms": late, "fsync_ms": sync, "fsync_p95_ms": sync_late, "idle": memory,
    } | many  # fmt: skip


def under_tls(server: str, disk: Path, *, quick: bool) -> Result:
    """STARTTLS with full handshakes (RSA, 2048 bits), large messages, and connections that say nothing."""
    base = Path(tempfile.mkdtemp(prefix=f"{server}-", dir=disk))
    pair = certified("bench.test", rsa=True)
    times = 10 if quick else 1
    with meter(server) as cost, SERVERS[server](base, cost, held=False, tls=pair) as running:
        handshakes(running.port, 100, cost)
        result = handshakes(running.port, 2000 // times, cost) | through(running.port, 50 // times, cost)
        result["tls_idle"] = idle_under_tls(running.port, IDLE[server], cost)
    shutil.rmtree(base)
    return result


def medians(results: Sequence[Result]) -> Result:
    keys = sorted({key for result in results for key in result})
    return {key: statistics.median(r[key] for r in results if key in r) for key in keys}


def table(results: Results) -> Iterable[str]:
    heads = f"{'in/s':>8} {'out/s':>8} {'CPU s/1000':>10} {'MB':>7}"
    yield f"{'workload':9} {'server':8} {heads}  ratio in, out, CPU"
    for name, servers in results.items():
        found = {server: medians(runs) for server, runs in servers.items() if runs}
        for server, figures in found.items():
            if "accepted" in figures:
                yield f"{name:9} {server:8} {rates(figures)}{ratios(found, server)}"
            else:
                yield f"{name:9} {server:8} " + ", ".join(f"{k} {v:.2f}" for k, v in figures.items())


def rates(figures: Result) -> str:
    megabytes = figures["memory"] / 1e6
    return (
        f"{figures['accepted']:8.0f} {figures['delivered']:8.0f} {figures['cpu']:10.3f} {megabytes:7.1f}"
        + "".join(f"  {key} {value:.1f}" for key, value in figures.items() if key.startswith("turn_"))
    )


def ratios(found: Mapping[str, Result], server: str) -> str:
    if server == "postfix" or "postfix" not in found:
        return ""
    ours, theirs = found[server], found["postfix"]
    return "  " + ", ".join(f"{ours[key] / theirs[key]:.2f}" for key in ("accepted", "delivered", "cpu"))


def machine() -> dict[str, str]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn, a tenth of the messages")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument(
        "--server", choices=SERVERS, action="append", help="only this one (may be given twice)"
    )
    parser.add_argument(
        "--workload", action="append", help="only this one: A, B, D, `held A`, `held B`, lone, starttls"
    )
    parser.add_argument("--output", type=Path, help="where the figures go; default bench/results/<time>.json")
    return parser.parse_args()


def everything(options: argparse.Namespace, disk: Path) -> Results:
    loads = [w for w in WORKLOADS if not options.workload or w.name in options.workload]
    servers = options.server or list(SERVERS)
    results: Results = {}
    for turn in range(1 if options.quick else options.turns):
        for load in loads:
            sized = replace(load, messages=load.messages // 10) if options.quick else load
            for server in servers:
                result = one_run(server, sized, disk)
                results.setdefault(load.name, {}).setdefault(server, []).append(result)
                print(
                    f"turn {turn + 1} {load.name:7} {server:8} {rates(result)}", file=sys.stderr, flush=True
                )
        if not options.workload or "lone" in options.workload:
            for server in servers:
                results.setdefault("lone", {}).setdefault(server, []).append(lone_client(server, disk))
        if not options.workload or "starttls" in options.workload:
            for server in servers:
                found = under_tls(server, disk, quick=options.quick)
                results.setdefault("starttls", {}).setdefault(server, []).append(found)
    return results


def main() -> int:
    options = arguments()
    if os.geteuid() != 0:
        print("bench: needs root, for a disk and a Postfix of its own", file=sys.stderr)
        return 2
    # Not pytest's or a user's private directory: Postfix's daemons must be able to enter.
    base = Path(tempfile.mkdtemp(prefix="vsmtp-bench-"))
    base.chmod(0o755)
    facts = machine()
    try:
        with journaled_ext4(base, 6 * 1024) as disk:
            results = everything(options, disk.path)
    finally:
        shutil.rmtree(base)
    print("\n".join(table(results)))
    RESULTS.mkdir(exist_ok=True)
    output = options.output or RESULTS / f"{facts['when'].replace(':', '')}.json"
    output.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
