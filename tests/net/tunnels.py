"""Both ends of a tunnel in one process: what one says goes to the other by hand."""

from __future__ import annotations

import ssl
from typing import Final

from tests.peers.certificates import Pair, authority
from vsmtp.net.certificates import KeyPair, Policy
from vsmtp.net.tls import Tunnel

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def key_pair(pair: Pair) -> KeyPair:
    return KeyPair(pair.certificate, pair.key)


def policy(pair: Pair, **others: object) -> Policy:
    return Policy(key_pair(pair), **{"others": {}, **others})  # type: ignore[arg-type]  # the fields of Policy


def client(name: str = "mx.test", *, version: str = "1.3", own: Pair | None = None) -> Tunnel:
    """A client that trusts the tests' authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority().certificate)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return Tunnel(context, name)


def shaken(client: Tunnel, server: Tunnel) -> tuple[Tunnel, Tunnel]:
    """Both after their handshake."""
    to_server, rounds = client.shake(), 0
    while not (client.is_ready and server.is_ready):
        rounds += 1
        assert rounds < 10, "no end of the handshake"
        server.feed(to_server)
        client.feed(server.shake())
        to_server = client.shake()
    if to_server:
        server.open(to_server)
    client.open(server.owed())
    return client, server
