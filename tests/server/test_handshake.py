"""Handshakes take turns: nobody who comes with hundreds makes others wait for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from tests.net.tunnels import client, policy
from tests.peers.certificates import certified
from vsmtp.net.certificates import Certificates
from vsmtp.net.tls import MAX_HANDSHAKE, TlsError, Tunnel
from vsmtp.server.handshake import Handshake, Turns

each_loop = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
NewLoop = Callable[[], asyncio.AbstractEventLoop]


def run(new_loop: NewLoop, work: Any) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work())


@each_loop
def test_one_step_is_taken_in_each_turn_of_the_loop(new_loop: NewLoop) -> None:
    async def work() -> None:
        turns, order = Turns(asyncio.get_running_loop()), list[str]()
        for n in range(3):
            turns.take(lambda n=n: order.append(f"step {n}"))  # type: ignore[misc]  # a lambda with a default
        for n in range(5):
            await asyncio.sleep(0)
            order.append(f"turn {n}")
        assert [one for one in order if one.startswith("step")] == ["step 0", "step 1", "step 2"]
        assert order.index("turn 1") < order.index("step 2")

    run(new_loop, work)


@each_loop
def test_a_step_that_fails_takes_nobody_along(new_loop: NewLoop) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        told, done = list[object](), list[int]()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        turns = Turns(loop)
        turns.take(fail)
        turns.take(lambda: done.append(1))
        await asyncio.sleep(0.01)
        assert done == [1]
        assert len(told) == 1

    run(new_loop, work)


def fail() -> None:
    raise RuntimeError("as it was to")


class Met:
    """What a handshake has told."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ended: list[TlsError | None] = []


def begun(turns: Turns) -> tuple[Handshake, Met]:
    met = Met()
    tunnel = Tunnel(Certificates(policy(certified("mx.test"))).context("none")())
    return Handshake(tunnel, turns, met.sent.append, met.ended.append), met


@each_loop
def test_a_handshake_ends_once_and_says_how(new_loop: NewLoop) -> None:
    async def work() -> None:
        handshake, met = begun(Turns(asyncio.get_running_loop()))
        here = client()
        handshake.take(here.shake())
        await asyncio.sleep(0.05)
        here.feed(b"".join(met.sent))
        handshake.take(here.shake() + here.seal(b"EHLO x\r\n"))
        await asyncio.sleep(0.05)
        assert met.ended == [None]
        assert handshake.tunnel.open(b"") == b"EHLO x\r\n"

    run(new_loop, work)


@each_loop
@pytest.mark.parametrize("said", [b"EHLO x\r\n", b"x" * (MAX_HANDSHAKE + 1)])
def test_a_handshake_that_fails_says_so_once(new_loop: NewLoop, said: bytes) -> None:
    async def work() -> None:
        handshake, met = begun(Turns(asyncio.get_running_loop()))
        handshake.take(said)
        handshake.take(said)
        await asyncio.sleep(0.05)
        assert len(met.ended) == 1
        assert isinstance(met.ended[0], TlsError)

    run(new_loop, work)


@each_loop
def test_a_client_that_is_gone_hears_nothing(new_loop: NewLoop) -> None:
    async def work() -> None:
        handshake, met = begun(Turns(asyncio.get_running_loop()))
        handshake.take(client().shake())
        handshake.forget()
        await asyncio.sleep(0.05)
        assert (met.sent, met.ended) == ([], [])

    run(new_loop, work)
