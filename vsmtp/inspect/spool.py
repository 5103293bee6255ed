"""A spool that keeps nothing: it only remembers what it was given, for as long as a rehearsal lasts."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Sequence
from typing import TypeVar

from vsmtp.queue.identity import TAG_LENGTH, Names
from vsmtp.queue.records import Change, Committed, Done, NewMessage, RecipientKey, StoredMessage

T = TypeVar("T")


class RememberingSpool:
    """A `Spool` for one rehearsal; every change is true at once, and gone with this object."""

    def __init__(self) -> None:
        self._last = 0
        self._names = Names("0" * TAG_LENGTH)
        self.changes: list[Change] = []

    @property
    def accepted(self) -> tuple[NewMessage, ...]:
        """Every message that was queued, reports to senders among them."""
        return tuple(message for change in self.changes for message in change.accepted)

    def number(self, now: float) -> int:
        """A number for a new message."""
        self._last = max(self._last + 1, int(now * 1000) << 20)
        return self._last

    def name(self, number: int) -> str:
        """A queue id like those of a real spool."""
        return self._names(number)

    def submit(self, change: Change, done: Done) -> None:
        """Remember the change."""
        self.changes.append(change)
        done(Committed(frozenset(change.removed)))

    def read(self, numbers: Sequence[int]) -> Future[list[StoredMessage]]:  # noqa: ARG002 nothing is kept
        """Nothing: what was accepted is played on from memory."""
        return _at_once([])

    def page_active(self, after: int, limit: int) -> Future[list[int]]:  # noqa: ARG002 nothing is kept
        """Nothing."""
        return _at_once([])

    def next_due(self) -> Future[float | None]:
        """Nothing is ever due."""
        return _at_once(None)

    def lease_due(self, now: float, limit: int) -> Future[list[RecipientKey]]:  # noqa: ARG002 nothing is kept
        """Nothing."""
        return _at_once([])

    @property
    def is_strained(self) -> bool:
        """Never."""
        return False

    def lend(self) -> None:
        """There is no thread."""

    async def close(self) -> None:
        """There is nothing to close."""


def _at_once(answer: T) -> Future[T]:
    future: Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(answer)
    return future
