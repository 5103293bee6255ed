"""Failed logins by the client's network: counted, forgotten with time, in a map that cannot grow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from vsmtp.net.limits import IpAddress, origin

MAX_ORIGINS: Final = 50_000


class FailedLogins:
    """How often logins from one origin (an IPv4 address, an IPv6 /64) have failed of late.

    A count halves every `half_life` seconds. With more than `MAX_ORIGINS` origins the one that has not failed
    for longest is forgotten. `clock` never goes back.
    """

    __slots__ = ("_allowed", "_clock", "_counts", "_half_life")

    def __init__(self, allowed: int, half_life: float, clock: Callable[[], float]) -> None:
        self._allowed = allowed
        self._half_life = half_life
        self._clock = clock
        self._counts: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def failed(self, address: IpAddress) -> None:
        """Count a failure; one that is nobody's fault (`unavailable`) is none."""
        key = origin(address)
        self._counts[key] = (self._count(key) + 1, self._clock())
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_ORIGINS:
            self._counts.popitem(last=False)

    def is_barred(self, address: IpAddress) -> bool:
        """Whether more than was allowed has failed: no login of this origin is tried for now."""
        return self._count(origin(address)) > self._allowed - 0.5

    def _count(self, key: int) -> float:
        count, since = self._counts.get(key, (0.0, 0.0))
        return count * 0.5 ** ((self._clock() - since) / self._half_life) if count else 0.0
