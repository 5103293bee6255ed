"""Handshakes are taken in threads, in turn: who comes with hundreds makes nobody wait for all of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    async def in_turns() -> None:
        await work(Turns(asyncio.get_running_loop(), pool))

    with ThreadPoolExecutor(1) as pool, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(in_turns())


@each_loop
def test_the_loop_goes_on_while_a_step_is_taken(new_loop: NewLoop) -> None:
    async def work(turns: Turns) -> None:
        done, free = asyncio.Event(), threading.Event()

        def step() -> bytes:
            assert free.wait(10)
            return b"done"

        turns.take(step, lambda _: done.set())
        await asyncio.sleep(0.01)
        assert not done.is_set()
        free.set()
        await done.wait()

    run(new_loop, work)


@each_loop
def test_a_step_that_fails_takes_nobody_along(new_loop: NewLoop) -> None:
    async def work(turns: Turns) -> None:
        told: list[object] = []
        turns.take(fail, lambda step: told.append(step.exception()))
        turns.take(lambda: b"done", lambda step: told.append(step.result()))
        await settled(turns)
        assert [str(one) for one in told] == ["as it was to", "b'done'"]

    run(new_loop, work)


async def settled(turns: Turns) -> None:
    """All steps that waited are taken, and those that they led to: there is one thread."""
    for _ in range(3):
        over = asyncio.Event()
        turns.take(bytes, lambda _, over=over: over.set())  # type: ignore[misc]  # a lambda with a default
        await over.wait()


def fail() -> bytes:
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
    async def work(turns: Turns) -> None:
        handshake, met = begun(turns)
        here = client()
        handshake.take(here.shake())
        await settled(turns)
        here.feed(b"".join(met.sent))
        handshake.take(here.shake() + here.seal(b"EHLO x\r\n"))
        await settled(turns)
        assert met.ended == [None]
        assert handshake.tunnel.open(b"") == b"EHLO x\r\n"

    run(new_loop, work)


@each_loop
def test_what_comes_during_a_step_waits_for_it(new_loop: NewLoop) -> None:
    async def work(turns: Turns) -> None:
        handshake, met = begun(turns)
        here = client()
        for octet in here.shake():
            handshake.take(bytes([octet]))
        await settled(turns)
        here.feed(b"".join(met.sent))
        for octet in here.shake() + here.seal(b"EHLO x\r\n"):
            handshake.take(bytes([octet]))
        await settled(turns)
        assert met.ended == [None]
        assert handshake.tunnel.open(b"") == b"EHLO x\r\n"

    run(new_loop, work)


@each_loop
@pytest.mark.parametrize("said", [b"EHLO x\r\n", b"x" * (MAX_HANDSHAKE + 1)])
def test_a_handshake_that_fails_says_so_once(new_loop: NewLoop, said: bytes) -> None:
    async def work(turns: Turns) -> None:
        handshake, met = begun(turns)
        handshake.take(said)
        handshake.take(said)
        await settled(turns)
        assert len(met.ended) == 1
        assert isinstance(met.ended[0], TlsError)

    run(new_loop, work)


@each_loop
def test_a_client_that_is_gone_hears_nothing(new_loop: NewLoop) -> None:
    async def work(turns: Turns) -> None:
        handshake, met = begun(turns)
        handshake.take(client().shake())
        handshake.forget()
        await settled(turns)
        assert (met.sent, met.ended) == ([], [])

    run(new_loop, work)


@each_loop
def test_more_than_waits_for_any_greeting_ends_a_handshake_at_its_last_step(new_loop: NewLoop) -> None:
    async def work(turns: Turns) -> None:
        handshake, met = begun(turns)
        here = client()
        handshake.take(here.shake())
        await settled(turns)
        here.feed(b"".join(met.sent))
        handshake.take(here.shake() + here.seal(b"x" * (MAX_HANDSHAKE - 20_000)))
        handshake.take(here.seal(b"x" * (MAX_HANDSHAKE - 20_000)))
        await settled(turns)
        assert [str(fault) for fault in met.ended] == ["too many octets before the end of the handshake"]

    run(new_loop, work)
