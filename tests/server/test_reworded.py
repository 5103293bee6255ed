"""Replies that only the server knows when to say, in the administrator's words."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.daemon import ANYBODY, Client, serving
from tests.server.parts import Guest, House, visit

CIRCLES = b"Received: from a by b\r\n" * 51 + b"Subject: s\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "usual", "message"),
    [
        ("too_many_hops", "554 5.4.6", CIRCLES),
        ("header_too_long", "552 5.3.4", b"A: %s\r\n" % (b"x" * 900) * 1500 + b"\r\n"),
        ("bad_octets", "550 5.6.11", b"a\nb\r\n"),
    ],
)
def test_a_message_is_refused_in_other_words(name: str, usual: str, message: bytes, tmp_path: Path) -> None:
    async def scenario(_: House, guest: Guest) -> str:
        return await guest.mail("u@local.test", message=message)

    text = f'[smtp.replies]\n{name} = "{usual} so we say"\n'
    assert visit(tmp_path, text, scenario) == f"{usual} so we say"


def test_what_the_clock_and_the_counters_say_is_reworded_too(tmp_path: Path) -> None:
    extra = """
[smtp.replies]
timeout = "421 4.4.2 too slow"
too_many_mails = "450 4.7.1 one is enough"
[smtp.timeouts]
greeting = "1s"
"""
    with serving(tmp_path, server=ANYBODY + '\nmax_message_rate = "1/h"', extra=extra) as server:
        with Client(server.port) as client:
            assert client.rest().endswith("421 4.4.2 too slow")
        with Client(server.port).greet() as client:
            client.mail("u@local.test")
            assert client.say("MAIL FROM:<a@src.test>") == "450 4.7.1 one is enough"


def test_whoever_is_one_too_many_hears_it_in_other_words(tmp_path: Path) -> None:
    extra = '[smtp.replies]\ntoo_many_from_network = "421 4.7.0 enough of you"\n'
    one_each = ANYBODY + "\nmax_connections_per_ip = 1"
    here = "127.0.0.7"  # the one who waited for the server to start may not be forgotten yet
    with serving(tmp_path, server=one_each, extra=extra) as server, ExitStack() as stack:
        stack.enter_context(Client(server.port, source=here)).greet()
        second = stack.enter_context(Client(server.port, source=here))
        assert second.rest() == "421 4.7.0 enough of you"
