"""The back end that asks Dovecot, as a client of its authentication protocol (version 1) on a Unix socket.

Each question has a connection of its own: logins are rare, and so nothing is left over from another's. The
server speaks first (`VERSION`, `MECH`, ..., `DONE`); then `AUTH` is answered by `OK`, `FAIL` or `CONT`. Lines
are words with tabs between; nothing of the client's stands in one but in base64.
"""

from __future__ import annotations

import base64
from asyncio import (
    LimitOverrunError,
    StreamReader,
    StreamWriter,
    open_unix_connection,
    timeout,
)
from typing import Final

from vsmtp.auth.backends import DENIED, Judged
from vsmtp.auth.exchange import Granted
from vsmtp.values.answer import Unavailable
from vsmtp.values.secret import Secret

_MAX_LINE: Final = 8192
_MAX_LINES: Final = 64
_ID: Final = "1"
# The process that asks; Dovecot wants it unique among its clients, of which each connection is one.
_GREETING: Final = "VERSION\t1\t1\nCPID\t{pid}\n"
_TEMPORARY: Final = frozenset({"temp", "code=temp_fail"})


class DovecotBackend:
    """Passwords judged by the Dovecot behind `path`, within `limit` seconds; `pid` is our process."""

    def __init__(self, path: str, limit: float, pid: int) -> None:
        self._path = path
        self._limit = limit
        self._pid = pid

    async def check(self, user: str, password: Secret) -> Judged:
        """What Dovecot says."""
        try:
            async with timeout(self._limit):
                reader, writer = await open_unix_connection(self._path, limit=_MAX_LINE)
                try:
                    return await self._ask(reader, writer, user, password)
                finally:
                    writer.close()
        except TimeoutError:
            return Unavailable(f"Dovecot did not answer within {self._limit:g} s")
        except (OSError, EOFError, LimitOverrunError, ValueError) as error:
            return Unavailable(f"Dovecot cannot be asked: {error}")

    async def _ask(self, reader: StreamReader, writer: StreamWriter, user: str, password: Secret) -> Judged:
        writer.write(_GREETING.format(pid=self._pid).encode())
        await _greeted(reader)
        said = base64.b64encode(f"\0{user}\0{password.text}".encode()).decode()
        # `secured`: listeners let passwords through where the administrator allows it; that is not Dovecot's.
        # `nologin`: no session of Dovecot's follows. `resp` is the last word.
        writer.write(f"AUTH\t{_ID}\tPLAIN\tservice=smtp\tsecured\tnologin\tresp={said}\n".encode())
        while True:
            word, *rest = await _words(reader)
            if rest[:1] == [_ID]:
                return _judged(word, rest[1:], user)


async def _greeted(reader: StreamReader) -> None:
    for _ in range(_MAX_LINES):
        word, *rest = await _words(reader)
        if word == "VERSION" and rest[:1] != ["1"]:
            raise ValueError(f"it speaks version {rest[:1]}")
        if word == "DONE":
            return
    raise ValueError("it does not come to the point")


async def _words(reader: StreamReader) -> list[str]:
    line = await reader.readuntil(b"\n")
    return line[:-1].decode("utf-8", "replace").split("\t")


def _judged(word: str, details: list[str], user: str) -> Judged:
    if word == "OK":
        named = [detail.removeprefix("user=") for detail in details if detail.startswith("user=")]
        return Granted(_plain(named[0]) if named and named[0] else user)
    if word == "FAIL" and not _TEMPORARY & set(details):
        return DENIED
    return Unavailable(f"Dovecot says {word}" if word != "FAIL" else "Dovecot has a temporary failure")


def _plain(text: str) -> str:
    # Dovecot's escapes: \001 before `0`, `1`, `t`, `r`, `n`.
    known = {"0": "\0", "1": "\1", "t": "\t", "r": "\r", "n": "\n"}
    first, *rest = text.split("\1")
    return first + "".join(known.get(part[:1], part[:1]) + part[1:] for part in rest)
