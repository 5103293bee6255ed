"""Power cuts and failing syncs, for real.

A disk whose power can be cut is the fixture `disk` (tests/peers/disk.py). What runs on it must end before the
power is back: a file held open keeps the dead file system mounted, so do the work in a process of its own:

    with python_process(script, disk.path) as process:
        line(process)  # the script prints what it was promised
        disk.shut_down()
    disk.restart()
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers.programs import needs

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def python_process(script: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a Python that runs `script`, its output a pipe of lines; afterwards it is gone, by SIGKILL."""
    command = [sys.executable, "-u", "-c", script, *(str(argument) for argument in arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    """The next line the process says; raises AssertionError with its last words when it says no more."""
    assert process.stdout is not None
    said = process.stdout.readline()
    if not said:
        assert process.stderr is not None
        raise AssertionError(process.stderr.read())
    return said.rstrip("\n")


def failing_sync(nth: int, error: str = "EIO", *, then: str = "") -> Sequence[str]:
    """Words before a command whose `nth` fsync or fdatasync (each counted by itself) fails with `error`.

    `then` is `"+"`: every later one fails too. Counts are of all threads together.
    """
    strace = needs("strace")
    calls = "fsync,fdatasync"
    inject = f"inject={calls}:error={error}:when={nth}{then}"
    return (strace, "-f", "-q", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject)
