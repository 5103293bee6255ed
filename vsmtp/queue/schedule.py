"""When a deferred recipient is tried again, and when no more."""

from __future__ import annotations

from dataclasses import dataclass

from vsmtp.values.outcome import Deferred, Failed
from vsmtp.values.reply import Reply


@dataclass(frozen=True, slots=True)
class Schedule:
    """The waits after the first, second, ... attempt in seconds, the last one repeating.

    Each wait is longer or shorter by up to the share `jitter` (0 to below 1), so that mail deferred together
    does not come back together. `lifetime` counts in seconds from a message's arrival. Raises ValueError
    where these make no schedule.
    """

    retry: tuple[float, ...]
    jitter: float
    lifetime: float

    def __post_init__(self) -> None:
        if not self.retry or min(self.retry) <= 0:
            raise ValueError("a schedule needs waits longer than nothing")
        if not 0 <= self.jitter < 1:
            raise ValueError("jitter is a share from 0 to below 1")

    def next_due(self, attempts: int, now: float, arrived: float, chance: float) -> float | None:
        """When to try again after `attempts` (at least 1), or None when the message's life is over.

        Times are seconds since the epoch; `chance` is a random number of [0, 1). One last attempt falls on
        the very end of the life, so that a long last wait does not cut it short. (RFC 5321 4.5.4.1)
        """
        end = arrived + self.lifetime
        if now >= end:
            return None
        wait = self.retry[min(attempts, len(self.retry)) - 1]
        return min(now + wait * (1 + self.jitter * (2 * chance - 1)), end)


def expire(last: Deferred) -> Failed:
    """The failure of a recipient whose time is over: 5.4.7 (RFC 3463), with the last reason in its text."""
    return Failed(
        last.where, Reply(550, "5.4.7", f"delivery time expired; the last attempt said: {last.reply}")
    )
