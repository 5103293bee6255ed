"""The PROXY protocol, versions 1 and 2: a header by which a proxy says who the client is.

HAProxy's proxy-protocol.txt has it. The header stands before everything else, TLS too. What it says of the
proxy itself, in additional fields (TLVs), is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from vsmtp.net.limits import IpAddress, plain

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_V1: Final = b"PROXY "
_V1_MAX: Final = 107
_V2_HEAD: Final = 16
# More than any proxy sends; the length field would allow 64 KiB.
_V2_MAX: Final = 4096
_MAX_PORT: Final = 65535
# Of version 2, in the upper half of an octet the version, in the lower the command.
_LOCAL: Final = 0x20
_PROXIED: Final = 0x21
_FAMILIES: Final[Mapping[int, tuple[type[IPv4Address | IPv6Address], int]]] = {
    0x11: (IPv4Address, 4),
    0x21: (IPv6Address, 16),
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The client as the proxy sees it, and the port it connected to."""

    ip: IpAddress
    port: int
    to_port: int


@dataclass(frozen=True, slots=True)
class Header:
    """A header of so many octets; no `client`: the connection is the proxy's own, or no TCP over IP."""

    octets: int
    client: Endpoints | None


def read_header(octets: bytes) -> Header | None:
    """The header at the beginning of `octets`; None when more of it is to come. Raises ValueError."""
    if octets.startswith(_V1):
        return _version_1(octets)
    if octets.startswith(_SIGNATURE):
        return _version_2(octets)
    if not (_V1.startswith(octets) or _SIGNATURE.startswith(octets)):
        raise ValueError("no PROXY header")
    return None


def _version_1(octets: bytes) -> Header | None:
    end = octets.find(b"\r\n", 0, _V1_MAX)
    if end < 0:
        if len(octets) >= _V1_MAX:
            raise ValueError("a PROXY header without end")
        return None
    words = octets[:end].decode("latin-1").split(" ")
    family = words[1]
    if family == "UNKNOWN":
        return Header(end + 2, None)
    if family not in {"TCP4", "TCP6"} or len(words) != 6:  # noqa: PLR2004 PROXY, family, two addresses, two ports
        raise ValueError("a bad PROXY header")
    kind = IPv4Address if family == "TCP4" else IPv6Address
    if "%" in words[2]:
        raise ValueError("an address with a zone in a PROXY header")  # any text could stand there
    kind(words[3])
    return Header(end + 2, Endpoints(plain(kind(words[2])), _port(words[4]), _port(words[5])))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_PORT):
        raise ValueError("a bad port in a PROXY header")
    return int(text)


def _version_2(octets: bytes) -> Header | None:
    if len(octets) < _V2_HEAD:
        return None
    command, family = octets[12], octets[13]
    length = int.from_bytes(octets[14:16], "big")
    if command not in {_LOCAL, _PROXIED}:
        raise ValueError("a PROXY header of an unknown version or command")
    if length > _V2_MAX:
        raise ValueError("a PROXY header that is too long")
    end = _V2_HEAD + length
    if len(octets) < end:
        return None
    found = _FAMILIES.get(family)
    # The rest is UNSPEC, UNIX and datagrams: nobody whom we could name (proxy-protocol.txt 2.2).
    if command == _LOCAL or found is None:
        return Header(end, None)
    return Header(end, _endpoints(octets[_V2_HEAD:end], *found))


def _endpoints(block: bytes, kind: type[IPv4Address | IPv6Address], width: int) -> Endpoints:
    if len(block) < 2 * width + 4:
        raise ValueError("a PROXY header that is too short for its addresses")
    ports = block[2 * width :]
    to_port = int.from_bytes(ports[2:4], "big")
    return Endpoints(plain(kind(block[:width])), int.from_bytes(ports[:2], "big"), to_port)
