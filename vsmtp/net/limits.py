"""How many connections there are, in all and from one network, and how often: counted and decided here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

from vsmtp.vocabulary.types import NETWORK_BITS

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network

_V6_SHIFT: Final = 128 - NETWORK_BITS[6]
# Past so many origins the one that was heard of longest ago is forgotten.
MAX_ORIGINS: Final = 50_000
# Above every IPv4 address.
_V6: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Networks:
    """A set of networks; an IPv4 address mapped into IPv6 is the IPv4 address it stands for."""

    networks: Sequence[IpNetwork] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.networks)

    def __contains__(self, address: IpAddress) -> bool:
        """Whether one of the networks holds `address`."""
        return any(address in network for network in self.networks)


NOBODY: Final = Networks()


def plain(address: IpAddress) -> IpAddress:
    """The address itself, or the IPv4 address that a dual-stack socket shows as `::ffff:192.0.2.1`."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def origin(address: IpAddress) -> int:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address."""
    if isinstance(address, IPv4Address):
        return int(address)
    return (int(address) >> _V6_SHIFT) + _V6


class Connections:
    """The connections of a worker, in all and by origin; `pace` says how often new ones may come."""

    __slots__ = ("_by_origin", "_pace", "_per_origin", "_total", "count")

    def __init__(self, total: int, per_origin: int, pace: Pace | None = None) -> None:
        self.count = 0
        self._pace = pace
        self._total = total
        self._per_origin = per_origin
        self._by_origin: dict[int, int] = {}

    def admit(self, address: IpAddress, *, trusted: bool) -> str:
        """Count a new connection and give an empty string, or the reason why it is one too many."""
        if self.count >= self._total:
            return "too many connections"
        key = origin(address)
        held = self._by_origin.get(key, 0)
        if held >= self._per_origin and not trusted:
            return "too many connections from your network"
        if self._pace is not None and not trusted and not self._pace.allows(address):
            return "too many new connections from your network"
        self.hold(address)
        return ""

    def hold(self, address: IpAddress) -> None:
        """Count a connection, whatever the limits."""
        key = origin(address)
        self.count += 1
        self._by_origin[key] = self._by_origin.get(key, 0) + 1

    def release(self, address: IpAddress) -> None:
        """Forget a connection that was admitted."""
        key = origin(address)
        left = self._by_origin[key] - 1
        self.count -= 1
        if left:
            self._by_origin[key] = left
        else:
            del self._by_origin[key]


class Pace:
    """How often something may happen: `events` in `seconds` for each origin, as a bucket of tokens.

    `clock` gives seconds and never goes back.
    """

    __slots__ = ("_buckets", "_clock", "_events", "_per_token")

    def __init__(self, events: int, seconds: float, clock: Callable[[], float]) -> None:
        self._events = events
        self._per_token = seconds / events
        self._clock = clock
        # When each bucket will be full again: all there is to know of it.
        self._buckets: OrderedDict[int, float] = OrderedDict()

    def allows(self, address: IpAddress) -> bool:
        """Whether it may happen once more now; if so, it has."""
        key = origin(address)
        now = self._clock()
        full = max(self._buckets.get(key, now), now) + self._per_token
        if full - now > self._events * self._per_token + 1e-6:
            return False
        self._buckets[key] = full
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_ORIGINS:
            self._buckets.popitem(last=False)
        return True
