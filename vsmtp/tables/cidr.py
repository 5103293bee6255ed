"""Tables of networks: an address is found in the smallest network that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from vsmtp.config.models.tables import Cidr
from vsmtp.tables.cells import ONE_COLUMN, ContentError
from vsmtp.tables.contract import VALUE, Lookup, Row
from vsmtp.tables.files import read_lines
from vsmtp.tables.fixed import entry_rows
from vsmtp.values.answer import MISSING, Found

Network: TypeAlias = IPv4Network | IPv6Network


class Networks:
    """Rows by network; a key that is no IP address is in none."""

    __slots__ = ("_by_length",)

    def __init__(self, rows: Mapping[str, Row]) -> None:
        by_length: dict[tuple[int, int], dict[int, Found[Row]]] = {}
        for written, row in rows.items():
            network = _network(written)
            layer = by_length.setdefault((network.version, network.prefixlen), {})
            layer.setdefault(int(network.network_address), Found(row))
        # The longest prefixes are tried first.
        self._by_length = sorted(by_length.items(), key=lambda item: -item[0][1])

    def look_up(self, key: str) -> Lookup:
        """The row of the smallest network around the address, at once."""
        try:
            address = ip_address(key)
        except ValueError:
            return MISSING
        number, bits = int(address), address.max_prefixlen
        for (version, length), layer in self._by_length:
            if version == address.version:
                found = layer.get(number >> (bits - length) << (bits - length))
                if found is not None:
                    return found
        return MISSING

    async def find(self, key: str) -> Lookup:
        """The row of the smallest network around the address."""
        return self.look_up(key)

    def close(self) -> None:
        """Nothing is held."""


def cidr_rows(settings: Cidr) -> Mapping[str, Row]:
    """The networks and what stands beside them; raises ContentError for what is no network."""
    rows: dict[str, Row] = {}
    for where, written, row in _written(settings):
        try:
            rows[str(_network(written))] = row
        except ValueError as error:
            raise ContentError(f"{where} is no network: {error}") from None
    return rows


def _written(settings: Cidr) -> Iterator[tuple[str, str, Row]]:
    if settings.path is None:
        for key, row in entry_rows(settings.entries or (), ONE_COLUMN):
            yield f"the entry `{key}`", key, row
        return
    for number, line in read_lines(settings.path):
        network, *value = line.split(maxsplit=1)
        yield f"line {number} of `{settings.path.name}`", network, {VALUE: value[0]} if value else {}


def _network(written: str) -> Network:
    return ip_network(written.replace("%", "?"))  # a network has no scope
