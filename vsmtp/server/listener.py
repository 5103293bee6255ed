"""A listening socket: accepts clients one by one and turns away those over a limit.

The socket is read by `add_reader`, so that it can stop without cutting a connection that
the kernel has accepted, and limits are looked at before a transport exists.
"""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, NamedTuple

from vsmtp.config.models.server import IMPLICIT_TLS
from vsmtp.net.limits import NOBODY, Connections, IpAddress, Networks, plain
from vsmtp.values.reply import Reply

BACKLOG: Final = 1024
REMEMBERED: Final = 1024
# Without a free descriptor `accept` fails at once, again and again: listen again after a moment.
REST: Final = 0.5


class Client(NamedTuple):
    """Who has connected, and where; `address` is the IP address as text."""

    ip: IpAddress
    address: str
    port: int
    listener: str
    listener_port: int
    kind: str
    trusted: bool

    def moved(self, ip: IpAddress, port: int, *, trusted: bool) -> Client:
        """Another client at the same listener."""
        return self._replace(ip=ip, address=str(ip), port=port, trusted=trusted)


@dataclass(frozen=True, slots=True)
class Porter:
    """Who may come in, and what is done with them; one for all listeners of a worker.

    `welcome` gets each admitted client with its socket, `refused` those turned away with the reason, and what
    those hear is `words` of the reason.
    """

    connections: Connections
    trusted: Networks
    welcome: Callable[[socket.socket, Client], None]
    refused: Callable[[Client, str], None]
    words: Callable[[str], Reply]
    _known: dict[str, tuple[IpAddress, str, bool]] = field(default_factory=dict)

    def know(self, peer: str) -> tuple[IpAddress, str, bool]:
        """The address that a socket gives, its text, whether it is trusted; remembered for a while."""
        found = self._known.get(peer)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            ip = plain(ip_address(peer.partition("%")[0]))
            found = self._known[peer] = (ip, str(ip), ip in self.trusted)
        return found


@dataclass(frozen=True, slots=True)
class Bell:
    """A listener's name in the configuration, what is spoken there, and whose limits are those of others."""

    name: str
    kind: str
    proxies: Networks = NOBODY


class Listener:
    """One address at which clients are met as `porter` says."""

    def __init__(self, loop: AbstractEventLoop, bell: Bell, door: socket.socket, porter: Porter) -> None:
        self.name = bell.name
        self._kind = bell.kind
        self._proxies = bell.proxies
        self._loop = loop
        self._door = door
        self._port = door.getsockname()[1]
        self._porter = porter
        self._open = False

    def start(self) -> None:
        """Accept clients from now on."""
        self._open = True
        self._loop.add_reader(self._door.fileno(), self._accept)

    def stop(self) -> None:
        """Accept no more; clients not yet accepted are the next worker's."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._door.fileno())
            self._door.close()

    def _accept(self) -> None:
        """Meet one client: who else waits is met when those who are served already had their turn."""
        try:
            peer, address = self._door.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            self._loop.remove_reader(self._door.fileno())
            self._loop.call_later(REST, self._again)
            return
        self._meet(peer, address)

    def _again(self) -> None:
        if self._open:
            self._loop.add_reader(self._door.fileno(), self._accept)

    def _meet(self, peer: socket.socket, address: tuple[str, int]) -> None:
        ip, text, trusted = self._porter.know(address[0])
        client = Client(ip, text, address[1], self.name, self._port, self._kind, trusted)
        # Behind a proxy come many: what holds for one client is asked once it is known who that is.
        exempt = trusted or (bool(self._proxies) and ip in self._proxies)
        reason = self._porter.connections.admit(ip, trusted=exempt)
        if not reason:
            self._porter.welcome(peer, client)
            return
        self._porter.refused(client, reason)
        with suppress(OSError):
            if self._kind not in IMPLICIT_TLS:  # there it would be taken for TLS
                peer.send(self._porter.words(reason).wire(), socket.MSG_DONTWAIT)
        peer.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError: the address is in use, not ours, or needs a privilege."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: asyncio sets TCP_NODELAY only where it is.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        door.setblocking(False)
        door.bind((host, port))
        door.listen(BACKLOG)
    except OSError:
        door.close()
        raise
    return door
