"""The whole server loses its power: what it acknowledged is delivered, whole and once, when it is back."""

from __future__ import annotations

import random
import smtplib
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.peers.disk import LoopDisk
from tests.peers.server import Server, running_server, write_tree

CUTS = 5
CLIENTS = 4
PATIENCE = 12.0


class Senders:
    """Clients that send numbered messages as fast as they can until the server is no more."""

    def __init__(self, port: int, name: str) -> None:
        self.acknowledged: list[str] = []
        self._port = port
        self._threads = [threading.Thread(target=self._send, args=(f"{name}-{n}",)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _send(self, name: str) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", self._port, "client.test", timeout=PATIENCE) as client:
                for n in range(10_000):
                    subject = f"{name}-{n}"
                    client.sendmail("a@src.test", ["user@local.test"], octets(subject))
                    self.acknowledged.append(subject)
        except (smtplib.SMTPException, OSError):
            return

    def await_acknowledged(self, count: int) -> None:
        end = time.monotonic() + PATIENCE
        while len(self.acknowledged) < count:
            assert time.monotonic() < end, "nothing is acknowledged"
            time.sleep(0.001)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)


def octets(subject: str) -> str:
    lines = 3000 if subject.endswith("7") else 20
    return f"Subject: {subject}\n\n" + "line of a message\n" * lines + "the end\n"


def subjects(server: Server) -> Counter[str]:
    """What is in the Maildir; every file must be whole."""
    found: Counter[str] = Counter()
    for path in server.inbox("user"):
        text = path.read_text()
        subject = text.split("Subject: ", 1)[1].split("\n", 1)[0]
        assert text.endswith(octets(subject)), f"{path} is not whole: {len(text)}"
        found[subject] += 1
    return found


def await_all(server: Server, wanted: set[str]) -> Counter[str]:
    end = time.monotonic() + PATIENCE
    while not wanted <= subjects(server).keys():
        missing = sorted(wanted - subjects(server).keys())
        assert time.monotonic() < end, f"acknowledged and lost: {missing[:20]}"
        time.sleep(0.05)
    return subjects(server)


def restart(disk: LoopDisk) -> None:
    """Bring the power back as soon as the postman has noticed that its server is no more."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            disk.restart()
        except subprocess.CalledProcessError:
            assert time.monotonic() < end, "the disk is still in use"
            time.sleep(0.02)
        else:
            return


@pytest.mark.root
@pytest.mark.slow
def test_what_was_acknowledged_before_a_power_cut_is_delivered_once_and_whole(
    disk: LoopDisk, tmp_path: Path
) -> None:
    # The spool and the mail are on the disk, what the server says is not.
    for name in ("spool", "mail"):
        (disk.path / name).mkdir()
        (tmp_path / name).symlink_to(disk.path / name)
    port = write_tree(tmp_path, extra='[queue]\nmin_free = "1 MiB"\n')
    rng = random.Random(4)
    acknowledged: set[str] = set()
    for cut in range(CUTS):
        with running_server(tmp_path, port) as server:
            senders = Senders(port, f"cut{cut}")
            senders.await_acknowledged(rng.choice([1, 5, 40, 150]))
            # Before the cut, not after: see tests/queue/test_crash.py.
            acknowledged.update(list(senders.acknowledged))
            disk.shut_down()
            senders.join()
            assert server.process.wait(PATIENCE) == 74
            assert "Traceback" not in server.output
        restart(disk)
    assert acknowledged
    with running_server(tmp_path, port) as server:
        found = await_all(server, acknowledged)
        assert {subject: n for subject, n in found.items() if n > 1} == {}
    disk.check()
