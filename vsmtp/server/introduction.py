"""Who a client is, as a proxy in front of it tells by XCLIENT."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from vsmtp.facts import subject
from vsmtp.net.limits import Networks, plain
from vsmtp.server.listener import Client
from vsmtp.smtp.xclient import Unknown


def named(was: Client, attributes: Mapping[str, str | Unknown], trusted: Networks) -> Client:
    """The client with the address and ports that were told; those that were not stay.

    Of a client whose address the proxy does not know nobody knows that it may be trusted.
    """
    ip, port, own = (attributes.get(name) for name in ("ADDR", "PORT", "DESTPORT"))
    address = plain(ip_address(ip)) if isinstance(ip, str) else was.ip
    is_trusted = address in trusted and not isinstance(ip, Unknown)
    client = was.moved(address, int(port) if isinstance(port, str) else was.port, trusted=is_trusted)
    return client._replace(listener_port=int(own)) if isinstance(own, str) else client


def describe(about: subject.Connection, attributes: Mapping[str, str | Unknown]) -> None:
    """What else was told of the client: how it has greeted, and who has logged in."""
    hello, protocol, user = (attributes.get(name) for name in ("HELO", "PROTO", "LOGIN"))
    about.helo_name = hello if isinstance(hello, str) else ""
    about.esmtp = isinstance(protocol, str) and protocol.upper() == "ESMTP"
    if isinstance(user, str):
        about.user, about.authenticated, about.auth_success = user, True, True
