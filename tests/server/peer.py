"""A scripted SMTP server: answers each command as it is told to, and keeps what it took."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.peers.postfix import free_port

OK: Final = "250 2.0.0 Ok"
# Says nothing at all.
SILENCE: Final = ""


@dataclass
class Peer:
    """`answer` gets a command line, or `CONNECT`, or `.` for the end of a message, and gives the reply."""

    answer: Callable[[str], str]
    port: int = 0
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as lines:
            self._reply(connection, "CONNECT")
            for line in lines:
                command = line.decode().rstrip("\r\n")
                if self._reply(connection, command).startswith("354"):
                    message = b""
                    while (text := next(lines)) != b".\r\n":
                        message += text
                    self.messages.append(message)
                    self._reply(connection, ".")

    def _reply(self, connection: socket.socket, command: str) -> str:
        self.commands.append(command)
        reply = self.answer(command)
        if reply:
            connection.sendall(reply.encode() + b"\r\n")
        return reply


def agreeable(command: str) -> str:
    verb = command.upper()[:4]
    return {"CONN": "220 peer.test ESMTP", "DATA": "354 go on", "QUIT": "221 2.0.0 bye"}.get(verb, OK)


@contextmanager
def peer(answer: Callable[[str], str] = agreeable, port: int = 0) -> Iterator[Peer]:
    """A peer that listens; afterwards it is gone, its connections too."""
    port = port or free_port()
    here = Peer(answer, port)
    door = socket.create_server(("127.0.0.1", port))
    open_ones: list[socket.socket] = []
    serving: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = door.accept()
                open_ones.append(connection)
                serving.append(threading.Thread(target=here.serve, args=(connection,), daemon=True))
                serving[-1].start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        # Each closes its own: what is still open when the tests end is a failure of theirs.
        for one in (thread, *serving):
            one.join(5)
