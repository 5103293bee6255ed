"""The client's half of the mechanisms, as a user's program would play it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator
from typing import TypeAlias

from scramp import ScramClient  # type: ignore[import-untyped]  # it has no types

from vsmtp.auth.exchange import Challenge
from vsmtp.auth.login import Login, Reached

Client: TypeAlias = Generator[bytes, bytes, None]


def plain(user: str, password: str, actor: str = "") -> Client:
    yield f"{actor}\0{user}\0{password}".encode()


def login(user: str, password: str) -> Client:
    yield user.encode()
    yield password.encode()


def cram_md5(user: str, password: str) -> Client:
    challenge = yield b""
    digest = hmac.new(password.encode(), challenge, hashlib.md5).hexdigest()
    yield f"{user} {digest}".encode()


def scram(user: str, password: str, binding: bytes = b"", name: str = "SCRAM-SHA-256") -> Client:
    bound = ("tls-server-end-point", binding) if binding else None
    client = ScramClient([name], user, password, channel_binding=bound)
    first = yield client.get_client_first().encode()
    client.set_server_first(first.decode())
    final = yield client.get_client_final().encode()
    client.set_server_final(final.decode())
    yield b""


async def play(exchange: Login, client: Client, *, at_once: bool = True) -> Reached:
    """What the server concludes; `at_once` sends the first response with the command."""
    first = next(client)
    reached = await exchange.start(first if at_once else None)
    if not at_once:
        assert isinstance(reached, Challenge)
        reached = await exchange.step(first)
    while isinstance(reached, Challenge):
        reached = await exchange.step(client.send(reached.octets))
    return reached
