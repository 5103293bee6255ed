"""The worker's end of the postman: starts the process, hands it batches, starts it anew when it died.

The postman is a process of its own so that its file operations do not compete for the worker's GIL.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from vsmtp.postman.packet import MAX_ANSWER, Item, Result, announce, number, read_answer, write_batch

_PACKAGES: Final = str(Path(__file__).resolve().parents[2])

# None: the postman ended before it answered; each item may have been delivered or not.
Answer: TypeAlias = list[Result] | None


class Postman:
    """One postman's process, started at the first batch. For use on one event loop."""

    def __init__(self) -> None:
        self._link: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._endings: set[asyncio.Future[int]] = set()
        self._batches = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process else None

    async def write(self, items: Sequence[Item], octets: Sequence[bytes], bodies: Sequence[int]) -> Answer:
        """Have at most MAX_ITEMS items written; raises OSError where the batch could not be handed over.

        `octets` are the items' in order, in any number of pieces; `bodies` stay the caller's to close.
        """
        self._batches += 1
        batch = self._batches
        memory = write_batch(items, octets)
        try:
            self._hand_over(batch, [memory, *bodies])
        finally:
            os.close(memory)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[batch] = answer
        try:
            return await answer
        finally:
            self._waiting.pop(batch, None)

    def _hand_over(self, batch: int, descriptors: Sequence[int]) -> None:
        """The postman has the batch. One that died idle, unheard of yet, took nothing: another gets it."""
        announced = [announce(batch)]
        try:
            socket.send_fds(self._link or self._start(), announced, descriptors)
        except (BrokenPipeError, ConnectionResetError):
            self._end()
            socket.send_fds(self._start(), announced, descriptors)

    async def close(self) -> None:
        """The process has ended; it finishes what it was given first."""
        if self._waiting:
            await asyncio.wait(list(self._waiting.values()))
        self._end()
        if self._endings:
            await asyncio.wait(self._endings)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # -P: nothing from the working directory is imported.
            command = [sys.executable, "-P", "-m", "vsmtp.postman", str(theirs.fileno())]
            paths = [_PACKAGES, *filter(None, [os.environ.get("PYTHONPATH")])]
            self._process = subprocess.Popen(  # noqa: S603 our own program
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours.fileno(), self._read)
        self._link = ours
        return ours

    def _read(self) -> None:
        link = self._link
        assert link is not None
        try:
            packet = link.recv(MAX_ANSWER)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._end()
            return
        answer = self._waiting.get(number(packet))
        if answer is not None and not answer.done():
            answer.set_result(read_answer(packet))

    def _end(self) -> None:
        """Part with the process: whoever waits hears None, and the next batch starts another."""
        if self._link is None or self._process is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._link.fileno())
        self._link.close()
        ending = loop.run_in_executor(None, self._process.wait)
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        self._link = self._process = None
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)
