"""The URL of a server that takes mail: `smtp://host:port`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from vsmtp.config.models.types import HostPort, parse_host_port

Scheme: TypeAlias = Literal["smtp", "smtps"]
# RFC 5321 4.5.4.2; RFC 8314 7.3 for what begins with TLS.
PORTS: Final[dict[Scheme, int]] = {"smtp": 25, "smtps": 465}
_URL: Final = re.compile(r"([a-z]+)://([^/?#@]+)/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """Which protocol, and where."""

    scheme: Scheme
    where: HostPort


def parse_url(text: str) -> ServerUrl:
    """Read `smtp://host`, `smtp://[2001:db8::1]:25` or `smtps://host:465`; ValueError says why not."""
    match = _URL.fullmatch(text)
    scheme = match[1].lower() if match else ""
    if scheme == "lmtp":
        raise ValueError("delivery over LMTP comes with a later release")
    if match is None or scheme not in PORTS:
        raise ValueError(f"`{text}` is not `smtp://host:port` or `smtps://host:port`")
    known = cast("Scheme", scheme)
    has_port = ":" in match[2].rpartition("]")[2]
    return ServerUrl(known, parse_host_port(match[2] if has_port else f"{match[2]}:{PORTS[known]}"))
