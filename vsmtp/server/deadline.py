"""When a client's time is over.

A deadline is set when the client is given its turn, and octets alone do not move it: only whole commands do,
or another `PROGRESS` octets of a message. Times are seconds of the loop's clock.
"""

from __future__ import annotations

from typing import Final

from vsmtp.server.service import Patience

PROGRESS: Final = 64 * 2**10
# How long a client that was told to go may take to read it, seconds.
FAREWELL: Final = 5.0
NEVER: Final = float("inf")


class Deadline:
    """The clocks of one connection, which is waited for with `patience`."""

    __slots__ = ("_last", "_message", "_patience", "_progress", "_transaction", "_until")

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._last = self._until = self._message = NEVER
        self._transaction = 0
        self._progress = 0

    def begin(self, now: float) -> None:
        """Let the time of the whole stay run."""
        self._last = now + self._patience.session

    def suspend(self) -> None:
        """Wait as long as it takes: it is the client that waits."""
        self._until = NEVER

    def for_handshake(self, now: float) -> None:
        """Wait for the end of a handshake, or for a proxy's header."""
        self._until = now + self._patience.handshake

    def for_greeting(self, now: float, silence: float = 0.0) -> None:
        """Wait for a HELO, which is not expected during our own `silence`."""
        self._until = now + self._patience.greeting + silence

    def for_command(self, now: float) -> None:
        """Wait for the next command."""
        self._until = now + self._patience.command

    def for_answer(self, now: float) -> None:
        """Wait for ourselves, who should be quicker."""
        self._until = now + self._patience.message

    def for_recipient(self, now: float, transaction: int) -> None:
        """Wait for the next command of that transaction."""
        self._mind(now, transaction)
        self._until = min(now + self._patience.command, self._message)

    def for_message(self, now: float, transaction: int) -> None:
        """Wait for the next `PROGRESS` octets of that transaction's message."""
        self._mind(now, transaction)
        self._until = min(now + self._patience.data, self._message)

    def for_farewell(self, now: float) -> None:
        """Wait for the client to read our last words."""
        self._until = now + FAREWELL

    def has_progressed(self, octets: int) -> bool:
        """Count octets of a message; whether another `PROGRESS` of them are there."""
        self._progress += octets
        if self._progress < PROGRESS:
            return False
        self._progress %= PROGRESS
        return True

    def is_over(self, now: float) -> bool:
        """Whether the client has had its time."""
        return now >= self._until or now >= self._last

    def _mind(self, now: float, transaction: int) -> None:
        """Let the time of a transaction run from its beginning, also where the one before has just ended."""
        if self._transaction != transaction:
            self._transaction = transaction
            self._message = now + self._patience.message
            self._progress = 0
