"""What a server costs, by a cgroup of its own: CPU of all processes, exited ones too; anonymous memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Meter:
    """The cgroup that a server and all its children live in."""

    directory: Path

    @property
    def prefix(self) -> Sequence[str]:
        """Words before a command that start it inside this cgroup."""
        return ("/bin/sh", "-c", f'echo $$ > {self.directory}/cgroup.procs && exec "$@"', "sh")

    def cpu(self) -> float:
        """Seconds of CPU, user and system, since the cgroup was made."""
        version_1 = self.directory / "cpuacct.usage"
        if version_1.exists():
            return int(version_1.read_text()) / 1e9
        stat = dict(line.split() for line in (self.directory / "cpu.stat").read_text().splitlines())
        return int(stat["usage_usec"]) / 1e6

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.directory / "cgroup.procs").read_text().split()]

    def anonymous(self) -> int:
        """Octets of anonymous memory; pages that processes share are counted once in all."""
        return sum(_anonymous(pid) for pid in self.pids()) * 1024


def _anonymous(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1])
    return 0


@contextmanager
def meter(name: str) -> Iterator[Meter]:
    """Yield a fresh cgroup; every process in it has ended before this returns."""
    root = CGROUPS / "cpuacct" if (CGROUPS / "cpuacct").is_dir() else CGROUPS
    directory = root / f"vsmtp-bench-{name}-{os.getpid()}"
    directory.mkdir()
    try:
        yield Meter(directory)
    finally:
        for _ in range(500):
            with suppress(OSError):
                directory.rmdir()
                break
            time.sleep(0.02)
