"""How many connections there are, in all and from one network: counted by the worker, decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

from vsmtp.vocabulary.types import NETWORK_BITS

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network

_V6_SHIFT: Final = 128 - NETWORK_BITS[6]
# Above every IPv4 address.
_V6: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Networks:
    """A set of networks; an IPv4 address mapped into IPv6 is the IPv4 address it stands for."""

    networks: Sequence[IpNetwork]

    def __contains__(self, address: IpAddress) -> bool:
        """Whether one of the networks holds `address`."""
        return any(address in network for network in self.networks)


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
    """The connections of a worker, in all and by origin."""

    __slots__ = ("_by_origin", "_per_origin", "_total", "count")

    def __init__(self, total: int, per_origin: int) -> None:
        self.count = 0
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
        self.count += 1
        self._by_origin[key] = held + 1
        return ""

    def release(self, address: IpAddress) -> None:
        """Forget a connection that was admitted."""
        key = origin(address)
        left = self._by_origin[key] - 1
        self.count -= 1
        if left:
            self._by_origin[key] = left
        else:
            del self._by_origin[key]
