"""Clients and a sink that nobody here wrote: swaks, Postfix's smtp-source and smtp-sink."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers.postfix import await_greeting, free_port
from tests.peers.programs import needs

PATIENCE: Final = 60.0


def swaks(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run swaks; its output holds the whole dialogue, its status is 0 when the message was taken."""
    command = [needs("swaks"), "--server", f"127.0.0.1:{port}", "--helo", "client.test", *options]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=PATIENCE, stdin=subprocess.DEVNULL
    )


def smtp_source(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run smtp-source; its status is 0 when every message was taken."""
    command = [needs("smtp-source"), *options, f"127.0.0.1:{port}"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=PATIENCE, stdin=subprocess.DEVNULL
    )


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink; it keeps each message, with its envelope, as a file in `directory`."""

    port: int
    directory: Path

    def messages(self) -> list[str]:
        """Each message taken so far, `X-Mail-Args:` and `X-Rcpt-Args:` lines of smtp-sink first."""
        # smtp-sink writes the file while the message arrives and ends it with an empty line.
        files = sorted(path for path in self.directory.iterdir() if path.is_file())
        return [text for path in files if (text := path.read_text(errors="surrogateescape")).endswith("\n\n")]


@contextmanager
def smtp_sink(directory: Path, *options: str) -> Iterator[Sink]:
    """Yield a sink that listens; `options` are smtp-sink's, such as `-r rcpt` to refuse recipients softly."""
    port = free_port()
    directory.mkdir(exist_ok=True)
    directory.chmod(0o777)  # started by root, smtp-sink becomes nobody
    user = ["-u", "nobody"] if Path("/proc/self").owner() == "root" else []
    command = [needs("smtp-sink"), *user, *options, "-d", f"{directory}/%M.", f"127.0.0.1:{port}", "100"]
    with (directory.parent / "smtp-sink.out").open("wb") as output:
        sink = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        await_greeting(port, lambda: sink.poll() is None)
        yield Sink(port, directory)
    finally:
        sink.terminate()
        sink.wait()
