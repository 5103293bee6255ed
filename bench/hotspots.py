"""Where the server's time goes: its loop thread under cProfile, on the benchmark's disk. As root.

    .venv/bin/python -m bench.hotspots [workload] [--lines N] [--sort tottime|cumtime]

cProfile makes calls dearer than they are, so read the order and the counts rather than the seconds.
"""

from __future__ import annotations

import argparse
import pstats
import shutil
import sys
import tempfile
from pathlib import Path

from bench.meter import meter
from bench.run import WARM_UP, WORKLOADS, rates
from bench.servers import start_command
from bench.workload import measure, smtp_source
from tests.peers.disk import journaled_ext4, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="hotspots", description=__doc__)
    parser.add_argument("workload", nargs="?", default="A", choices=[load.name for load in WORKLOADS])
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--sort", default="tottime", choices=["tottime", "cumtime"])
    options = parser.parse_args()
    load = next(load for load in WORKLOADS if load.name == options.workload)
    base = Path(tempfile.mkdtemp(prefix="vsmtp-bench-"))
    profile = base / "profile"
    python = [sys.executable, "-m", "cProfile", "-o", str(profile)]
    try:
        with journaled_ext4(base, 6 * 1024) as disk, meter("vsmtp") as cost:
            home = Path(tempfile.mkdtemp(dir=disk.path))
            with start_command(home, cost, python, held=load.held) as running:
                run(*smtp_source(running.port, load, min(WARM_UP, load.messages)))
                arrived = running.queued if load.held else running.delivered
                figures = measure(running.port, load, arrived, cost)
        print(rates(vars(figures)))
        pstats.Stats(str(profile)).sort_stats(options.sort).print_stats(options.lines)
    finally:
        shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
