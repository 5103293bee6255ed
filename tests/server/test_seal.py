"""TLS on a connection: what the client says is heard, a break is told once, and nothing is said in clear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from tests.net.tunnels import client, policy
from tests.peers.certificates import certified
from vsmtp.net.certificates import Certificates
from vsmtp.net.tls import TlsError, Tunnel
from vsmtp.server.handshake import Turns
from vsmtp.server.seal import Seal


class Carrier:
    """A connection that remembers what it is told."""

    def __init__(self) -> None:
        self.sent = b""
        self.heard: list[str | bytes] = []
        self.moved = asyncio.Event()

    def send(self, octets: bytes) -> None:
        self.sent += octets
        self.moved.set()

    def sealed(self, tunnel: Tunnel) -> None:
        self.heard.append(f"TLS {tunnel.version}")
        self.moved.set()

    def hear(self, said: bytes) -> None:
        if said:
            self.heard.append(said)

    def broken(self, fault: TlsError) -> None:
        self.heard.append(f"broken: {fault}")
        self.moved.set()


def run(work: Callable[[Seal, Carrier], Awaitable[None]]) -> None:
    async def in_turns() -> None:
        carrier = Carrier()
        context = Certificates(policy(certified("mx.test"))).context("none")()
        await work(Seal(context, Turns(asyncio.get_running_loop(), pool), carrier), carrier)

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(in_turns())


async def until_whole(seal: Seal, carrier: Carrier, last_words: bytes = b"") -> Tunnel:
    """The client's end after the handshake, with whose last step `last_words` were said."""
    here = client()
    seal.take(here.shake())
    while not here.is_ready:
        await carrier.moved.wait()
        carrier.moved.clear()
        octets, carrier.sent = carrier.sent, b""
        here.feed(octets)
        answer = here.shake()
        if answer:
            seal.take(answer + (here.seal(last_words) if here.is_ready and last_words else b""))
    while not seal.is_whole:
        await carrier.moved.wait()
        carrier.moved.clear()
    return here


def test_words_that_come_with_the_last_step_are_heard_after_it() -> None:
    async def work(seal: Seal, carrier: Carrier) -> None:
        assert not seal.is_whole
        await until_whole(seal, carrier, b"EHLO x\r\n")
        assert carrier.heard == ["TLS 1.3", b"EHLO x\r\n"]

    run(work)


def test_each_end_hears_what_the_other_says() -> None:
    async def work(seal: Seal, carrier: Carrier) -> None:
        here = await until_whole(seal, carrier)
        assert here.open(carrier.sent + seal.put(b"220 mx.test\r\n")) == b"220 mx.test\r\n"
        seal.take(here.seal(b"QUIT\r\n"))
        assert carrier.heard[-1] == b"QUIT\r\n"
        assert not seal.has_ended
        seal.take(here.close())
        assert seal.has_ended

    run(work)


def test_once_broken_it_says_so_once_and_nothing_in_clear() -> None:
    async def work(seal: Seal, carrier: Carrier) -> None:
        await until_whole(seal, carrier)
        seal.take(b"in clear, all of a sudden\r\n")
        assert str(carrier.heard[-1]).startswith("broken: ")
        heard = len(carrier.heard)
        seal.take(b"and again\r\n")
        assert (seal.put(b"250 2.0.0 ok\r\n"), seal.close(), len(carrier.heard)) == (b"", b"", heard)

    run(work)


def test_nothing_is_said_in_clear_before_the_handshake_is_done() -> None:
    async def work(seal: Seal, _: Carrier) -> None:
        assert seal.put(b"220 mx.test\r\n") == b""
        seal.forget()

    run(work)
