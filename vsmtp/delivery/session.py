"""One connection to another mail server, on aiosmtplib: its exceptions end here.

aiosmtplib connects, greets, upgrades to TLS and authenticates. The envelope and the content are sent step by
step, as each recipient has a reply of its own, and the content goes out unchanged and in bounded pieces.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponse, SMTPResponseException
from aiosmtplib.protocol import SMTPProtocol

from vsmtp.delivery.stuffing import Stuffing
from vsmtp.values.reply import Reply
from vsmtp.values.secret import Secret

Tls: TypeAlias = Literal["none", "may", "required", "verified"]

MAX_TEXT: Final = 1000  # octets kept of what a peer says

_CLOSING: Final = 421
_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3}\.\d{1,3})(?:\s+|$)")
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a peer (RFC 5321 4.5.3.2)."""

    connect: float = 30.0
    command: float = 300.0
    block: float = 180.0
    data: float = 600.0
    parting: float = 5.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that takes our mail, and what it wants to know. `helo` is our own name.

    `implicit`: TLS from the first octet on (RFC 8314), instead of by STARTTLS.
    """

    host: str
    port: int
    helo: str
    tls: Tls = "may"
    user: str | None = None
    password: Secret | None = None
    timeouts: Timeouts = Timeouts()
    implicit: bool = False

    @property
    def where(self) -> str:
        """The peer as outcomes name it."""
        return f"smtp:{self.host}:{self.port}"


class Broken(Exception):  # noqa: N818 what happened to the connection
    """The connection cannot be used or is in an unknown state; `reply` says to the queue what went wrong."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Session:
    """An open connection, greeted. Every method raises Broken, after which it is good for nothing.

    `is_proven`: it is under TLS, and the peer has proven its name.
    """

    def __init__(self, client: SMTP, timeouts: Timeouts, *, is_proven: bool = False) -> None:
        self.is_proven = is_proven
        self._client = client
        self._timeouts = timeouts

    @property
    def is_open(self) -> bool:
        """Whether the peer has not closed yet, as far as is known."""
        return self._client.is_connected

    def offers(self, extension: str) -> str | None:
        """The parameters of an extension (`size`) the peer offers, or None."""
        return self._client.esmtp_extensions.get(extension)

    async def ask(self, command: str) -> Reply:
        """The reply to a command, which is of ASCII unless SMTPUTF8 is in use."""
        try:
            return read_reply(
                await self._client.execute_command(command.encode(), timeout=self._timeouts.command)
            )
        except (SMTPException, OSError, ValueError) as fault:
            raise _broken(fault) from fault

    async def send(self, pieces: AsyncGenerator[bytes, None]) -> Reply:
        """The reply to the content, given in pieces, after a 354. An OSError of theirs becomes Broken too."""
        stuffing = Stuffing()
        ready = b""
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if ready:
                        await self._write(ready)
                    ready = stuffing.feed(piece)
            protocol = self._protocol()
            protocol.write(ready + stuffing.end())  # a small message is one write
            # No turn of the loop since the final dot: aiosmtplib drops replies that nobody waits for.
            return read_reply(await protocol.read_response(timeout=self._timeouts.data))
        except (SMTPException, OSError) as fault:
            raise _broken(fault) from fault

    async def _write(self, octets: bytes) -> None:
        protocol = self._protocol()
        protocol.write(octets)
        async with asyncio.timeout(self._timeouts.block):
            await protocol._drain_helper()  # noqa: SLF001 its flow control is offered to nobody else

    def _protocol(self) -> SMTPProtocol:
        protocol = self._client.protocol
        if protocol is None:
            raise ConnectionResetError("the connection was lost")
        return protocol

    async def quit(self) -> None:
        """Part in order where the peer still listens; the connection is closed in any case."""
        with suppress(SMTPException, OSError):
            await self._client.execute_command(b"QUIT", timeout=self._timeouts.parting)
        self.close()

    def leave(self) -> None:
        """Say QUIT and hang up, without waiting for the reply."""
        with suppress(SMTPException, OSError):
            self._protocol().write(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._client.close()


async def connect(peer: Peer) -> Session:
    """A session with the peer: greeted, under TLS and authenticated as it is to be. Raises Broken."""
    try:
        return await _connect(peer, peer.tls)
    except ssl.SSLError as fault:
        if peer.tls != "may" or peer.implicit:
            raise Broken(Reply(451, "4.7.5", f"TLS failed: {_text(str(fault))}")) from fault
    # RFC 7435: opportunistic TLS is no worse than none.
    return await _connect(peer, "none")


async def _connect(peer: Peer, tls: Tls) -> Session:
    context = await asyncio.to_thread(_tls_context, tls) if peer.implicit else None
    client = SMTP(
        hostname=peer.host.strip("[]").removeprefix("IPv6:"),
        port=peer.port,
        local_hostname=peer.helo,
        start_tls=False,
        use_tls=peer.implicit,
        tls_context=context,
        timeout=peer.timeouts.connect,
    )
    try:
        await client.connect()
        await _greet(client, peer)
        secret = await _start_tls(client, peer, tls)
        await _log_in(client, peer, secret=secret or peer.tls == "none")
    except (ssl.SSLError, Broken, asyncio.CancelledError):
        client.close()
        raise
    except (SMTPException, OSError, ValueError) as fault:
        client.close()
        raise _broken(fault) from fault
    return Session(client, peer.timeouts, is_proven=secret and tls == "verified")


async def _start_tls(client: SMTP, peer: Peer, tls: Tls) -> bool:
    """Whether nobody listens now."""
    if peer.implicit:
        return True
    if tls == "none" or (tls == "may" and "starttls" not in client.esmtp_extensions):
        return False
    if "starttls" not in client.esmtp_extensions:
        raise Broken(Reply(451, "4.7.4", "TLS is wanted and the peer does not offer STARTTLS"))
    context = await asyncio.to_thread(_tls_context, tls)
    try:
        await client.starttls(tls_context=context, timeout=peer.timeouts.command)
    except SMTPResponseException:  # 454: not now
        if tls != "may":
            raise
        return False
    await _greet(client, peer)
    return True


async def _log_in(client: SMTP, peer: Peer, *, secret: bool) -> None:
    if peer.user is None:
        return
    if not secret:  # whoever takes TLS away must not get the password for it
        raise Broken(Reply(451, "4.7.4", "the peer offers no TLS, and without it no password is sent"))
    password = peer.password.text if peer.password else ""
    await client.login(peer.user, password, timeout=peer.timeouts.command)


async def _greet(client: SMTP, peer: Peer) -> None:
    try:
        await client.ehlo(timeout=peer.timeouts.command)
    except SMTPHeloError:
        await client.helo(timeout=peer.timeouts.command)


def _tls_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if tls != "verified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def read_reply(response: SMTPResponse) -> Reply:
    """A peer's reply as a value: bounded, printable, its enhanced code taken off the text.

    Raises Broken where it is none, since nobody knows what the next line would answer.
    """
    code, text = response
    if not 200 <= code <= 599:  # noqa: PLR2004 RFC 5321 4.2.1
        raise Broken(Reply(451, "4.5.0", f"the reply makes no sense: {code} {_text(text)}"))
    enhanced = ""
    lines = []
    for line in text[:MAX_TEXT].split("\n"):
        match = _ENHANCED.match(line)
        if match is not None and match[1] == str(code)[0]:
            enhanced = f"{match[1]}.{match[2]}"
            lines.append(line[match.end() :])
        else:
            lines.append(line)
    reply = Reply(code, enhanced, "\n".join(_UNPRINTABLE.sub("?", line) for line in lines))
    if code == _CLOSING:
        raise Broken(reply)
    return reply


def _broken(fault: Exception) -> Broken:
    match fault:
        case SMTPResponseException(code=code, message=message):
            return Broken(Reply(451, "4.4.0", f"the peer said: {code} {_text(message)}"))
        case TimeoutError():
            return Broken(Reply(451, "4.4.2", "the peer did not answer in time"))
        case _:
            return Broken(Reply(451, "4.4.2", _text(str(fault)) or "the connection was lost"))


def _text(text: str) -> str:
    return _UNPRINTABLE.sub("?", text[:MAX_TEXT])
