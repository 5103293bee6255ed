"""Counting events by key in sliding windows, in a bounded memory.

A window is parted into slots; an event counts from the moment it happens until its slot has left the window,
so that a rate is never too low and too high by at most one slot's events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from vsmtp.rules.template import Template

SLOTS: Final = 60


@dataclass(frozen=True, slots=True)
class Limiter:
    """What is counted: by `key`, over `per` seconds, for at most `max_keys` keys."""

    key: Template
    per: float
    max_keys: int = 100_000


@dataclass(slots=True)
class _Events:
    """The events of a key: their number, and by slot, oldest first."""

    total: int = 0
    slots: deque[list[int]] = field(default_factory=deque)

    def forget(self, before: int) -> None:
        while self.slots and self.slots[0][0] < before:
            self.total -= self.slots.popleft()[1]


class Rates:
    """The counts of all limiters; `clock` gives monotonic seconds."""

    __slots__ = ("_clock", "_counts", "limiters")

    def __init__(self, limiters: Mapping[str, Limiter], clock: Callable[[], float]) -> None:
        self.limiters = limiters
        self._clock = clock
        self._counts: dict[str, dict[str, _Events]] = {name: {} for name in limiters}

    def count(self, name: str, key: str) -> None:
        """One more event of the key; case is ignored."""
        limiter, counts = self.limiters[name], self._counts[name]
        slot = self._slot(limiter)
        key = key.casefold()
        events = counts.pop(key, None)
        if events is None:
            events = _Events()
            if len(counts) >= limiter.max_keys:
                del counts[next(iter(counts))]
        counts[key] = events  # the last of all: what was counted longest ago stands first
        events.forget(slot - SLOTS)
        if events.slots and events.slots[-1][0] == slot:
            events.slots[-1][1] += 1
        else:
            events.slots.append([slot, 1])
        events.total += 1

    def rate(self, name: str, key: str) -> int:
        """How many events of the key the window has."""
        events = self._counts[name].get(key.casefold())
        if events is None:
            return 0
        events.forget(self._slot(self.limiters[name]) - SLOTS)
        return events.total

    def _slot(self, limiter: Limiter) -> int:
        return int(self._clock() * SLOTS / limiter.per)
