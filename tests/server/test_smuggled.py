r"""No end of a message but CRLF.CRLF: what is known of SMTP smuggling, from a client to the next server.

The next server here is as careless as can be: it reads lines that end in LF and takes a lone dot for the end.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.peers.postfix import free_port
from tests.peers.server import Server
from tests.server.daemon import TRUSTING, Client, serving, strange, until
from tests.server.peer import Peer, peer

ENDS = (
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\r\r\n.\r",
    b"\r\n.\0\r\n", b"\r\n\0.\r\n", b"\0\n.\n", b"\n\r.\r\n", b"\r\n\r.\r\n", b"\r\r\n.\r\r\n",
)  # fmt: skip
WITHIN = b"MAIL FROM:<evil@src.test>\r\nRCPT TO:<victim@relay.test>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n"
BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)|\0")
TREE = """
[smtp]
bare_newline = "{mode}"
errors = {{ delay = "0s", hard = 1000 }}
[listeners.lmtp]
address = ["127.0.0.1:{lmtp}"]
kind = "lmtp"
"""


@dataclass(frozen=True)
class Place:
    server: Server
    lmtp: int
    next: Peer
    normalizes: bool


@pytest.fixture(scope="module", params=["reject", "normalize"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    lmtp = free_port()
    extra = TREE.format(mode=request.param, lmtp=lmtp)
    with peer() as next_server:
        delivery = f'smarthost = "127.0.0.1:{next_server.port}"'
        folder = tmp_path_factory.mktemp(request.param)
        with serving(folder, server=TRUSTING, delivery=delivery, extra=extra) as server:
            yield Place(server, lmtp, next_server, request.param == "normalize")
            assert strange(server) == []


def begin(place: Place, way: str) -> Client:
    """A client that has named a sender and a recipient at the next server."""
    client = Client(place.lmtp if way == "LMTP" else place.server.port)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.reply()
    client.say("LHLO x" if way == "LMTP" else "EHLO x")
    client.say("MAIL FROM:<a@src.test>")
    assert client.say("RCPT TO:<b@relay.test>").startswith("250")
    return client


def replies(place: Place, way: str, text: bytes, cut: int) -> list[str]:
    """What is said to a message that is sent in two packets, and to a NOOP behind it."""
    with begin(place, way) as client:
        if way == "BDAT":
            stream = b"BDAT %d LAST\r\n" % len(text) + text
            cut += len(stream) - len(text)
        else:
            assert client.say("DATA").startswith("354")
            stream = text + b".\r\n"
        client.send(stream[:cut])
        time.sleep(0.002)
        client.send(stream[cut:] + b"NOOP\r\n")
        return [client.reply()[:3] for _ in range(2)]


@pytest.mark.parametrize("way", ["DATA", "LMTP", "BDAT"])
@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_nothing_else_ends_a_message_and_nothing_bare_is_sent_on(place: Place, way: str, end: bytes) -> None:
    beginning = b"Subject: s\r\n\r\nhello"
    text = beginning + end + WITHIN
    before = len(place.next.messages)
    taken = 0
    for cut in range(len(beginning) - 1, len(beginning) + len(end) + 2):
        first, last = replies(place, way, text, cut)
        assert last == "250", (end, cut)
        assert first == ("250" if place.normalizes and b"\0" not in end else "550"), (end, cut)
        taken += first == "250"
    until(lambda: len(place.next.messages) - before >= taken)
    assert len(place.next.messages) - before == taken
    assert not [message for message in place.next.messages if BARE.search(message)]
    assert not [command for command in place.next.commands if "evil" in command or "victim" in command]


def test_a_dot_in_a_chunk_is_text_and_stays_text(place: Place) -> None:
    text = b"Subject: s\r\n\r\nhello\r\n.\r\n" + WITHIN + b".\r\n.\r\n"
    before = len(place.next.messages)
    assert replies(place, "BDAT", text, len(text) // 2) == ["250", "250"]
    message = until(lambda: place.next.messages[before:])[0]
    assert message.endswith(text.replace(b"\r\n.", b"\r\n.."))
    assert not [command for command in place.next.commands if "evil" in command]
