"""The spool as the server sees it: a promise kept by whatever engine stands behind it."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from typing import Protocol

from vsmtp.queue.records import Change, Done, RecipientKey, StoredMessage


class Spool(Protocol):
    """Keeps messages across crashes. `tests/queue/test_spool_contract.py` says what every engine must do."""

    def number(self, now: float) -> int:
        """A number for a new message, never given before; `now` in seconds since the epoch."""
        ...

    def name(self, number: int) -> str:
        """The queue id of a message as administrators see it, unique among all spools."""
        ...

    def submit(self, change: Change, done: Done) -> None:
        """Make `change` true and durable as a whole or not at all; `done` hears which."""
        ...

    def read(self, numbers: Sequence[int]) -> Future[list[StoredMessage]]:
        """The messages of these numbers that are there, in order, with all their recipients."""
        ...

    def page_active(self, after: int, limit: int) -> Future[list[int]]:
        """Numbers above `after` of messages with a recipient that waits for nothing, the lowest `limit`."""
        ...

    def next_due(self) -> Future[float | None]:
        """When the next waiting recipient is due, seconds since the epoch."""
        ...

    def lease_due(self, now: float, limit: int) -> Future[list[RecipientKey]]:
        """Up to `limit` recipients of each route that are due at `now`, no longer waiting afterwards.

        After a crash they are found by `page_active`.
        """
        ...

    @property
    def is_strained(self) -> bool:
        """Whether new mail should be refused for now."""
        ...

    def lend(self) -> None:
        """Let the engine's thread go on for a moment if it has been waiting long."""
        ...

    async def close(self) -> None:
        """Everything submitted has been answered and the spool is free for another owner."""
        ...
