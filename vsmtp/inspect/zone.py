"""What a supposed DNS zone says of a client; the facts that need more of DNS come with their own releases."""

from __future__ import annotations

from typing import Any

from vsmtp.inspect.world import Zone
from vsmtp.net.limits import IpAddress
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.vocabulary.answers import Answer


def client_facts(zone: Zone, client: IpAddress) -> dict[str, Answer]:
    """`client.rdns` and `client.rdns_valid` by the zone; nothing where there is no zone."""
    if not zone:
        return {}
    name = _records(zone, client.reverse_pointer, "PTR")
    if isinstance(name, Unavailable) or not name:
        nothing = name if isinstance(name, Unavailable) else MISSING
        return {"client.rdns": nothing, "client.rdns_valid": nothing}
    host = name[0].rstrip(".")
    addresses = _records(zone, host, "AAAA" if client.version == 6 else "A")  # noqa: PLR2004 the version
    valid: Answer = addresses if isinstance(addresses, Unavailable) else str(client) in addresses
    return {"client.rdns": host, "client.rdns_valid": valid}


def _records(zone: Zone, name: str, kind: str) -> tuple[str, ...] | Unavailable:
    """The records of a name; none for one that the zone does not have."""
    said = zone.get(name.casefold(), {})
    fails: Any = said.get("fail")
    reason = fails.get(kind) if isinstance(fails, dict) else fails
    if reason is not None:
        return Unavailable(f"DNS is supposed to fail for `{name}`: {reason}")
    found = said.get(kind, ())
    return tuple(str(one) for one in (found if isinstance(found, list) else [found] if found else ()))
