"""The back ends behind sockets, against fakes that say what the real ones may say."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vsmtp.auth.backends import Backend, Judged
from vsmtp.auth.dovecot import DovecotBackend
from vsmtp.auth.exchange import Denied, Granted
from vsmtp.auth.saslauthd import SaslauthdBackend
from vsmtp.values.answer import Unavailable
from vsmtp.values.secret import Secret

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HELLO = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tabc\nDONE\n"


@asynccontextmanager
async def listening(path: str, script: Script) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


def ask(make: Callable[[str], Backend], script: Script, folder: Path, user: str = "ann") -> Judged:
    async def asked() -> Judged:
        path = str(folder / "socket")
        async with listening(path, script):
            judged = await make(path).check(user, Secret("pen\tcil"))
            await asyncio.sleep(0)
            return judged

    return asyncio.run(asked())


def dovecot(path: str) -> DovecotBackend:
    return DovecotBackend(path, 0.3, 4711)


def saslauthd(path: str) -> SaslauthdBackend:
    return SaslauthdBackend(path, 0.3, "example.org")


def says(hello: bytes, answer: bytes, heard: list[bytes]) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(hello)
        heard.extend([await reader.readline() for _ in range(3)])
        writer.write(answer)

    return script


@pytest.mark.parametrize(
    ("answer", "judged"),
    [
        (b"OK\t1\tuser=ann@example.org\n", Granted("ann@example.org")),
        (b"OK\t1\tuser=a\x011b\n", Granted("a\1b")),
        (b"OK\t1\n", Granted("ann")),
        (b"OK\t2\tuser=eve\nFAIL\t1\tuser=ann\n", Denied()),
        (b"FAIL\t1\tuser=ann\tcode=user_disabled\n", Denied()),
        (b"FAIL\t1\tuser=ann\ttemp\n", Unavailable("Dovecot has a temporary failure")),
        (b"FAIL\t1\tuser=ann\tcode=temp_fail\n", Unavailable("Dovecot has a temporary failure")),
        (b"CONT\t1\t\n", Unavailable("Dovecot says CONT")),
    ],
)
def test_dovecot_is_taken_at_its_word(answer: bytes, judged: Judged, tmp_path: Path) -> None:
    heard: list[bytes] = []
    assert ask(dovecot, says(HELLO, answer, heard), tmp_path) == judged
    assert heard[:2] == [b"VERSION\t1\t1\n", b"CPID\t4711\n"]
    said = base64.b64encode(b"\0ann\0pen\tcil")
    assert heard[2] == b"AUTH\t1\tPLAIN\tservice=smtp\tsecured\tnologin\tresp=" + said + b"\n"


async def hangs(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Says nothing."""


async def goes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def blurts(octets: bytes) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)

    return script


TROUBLES = [
    hangs, goes, blurts(b"VERSION\t2\t0\nDONE\n"), blurts(b"x" * 20_000), blurts(b"SPID\t1\n" * 100),
    blurts(HELLO + b"OK"),
]  # fmt: skip


@pytest.mark.parametrize("script", TROUBLES)
def test_a_dovecot_in_trouble_denies_nobody(script: Script, tmp_path: Path) -> None:
    assert isinstance(ask(dovecot, script, tmp_path), Unavailable)


@pytest.mark.parametrize("make", [dovecot, saslauthd])
def test_a_socket_that_is_not_there_denies_nobody(make: Callable[[str], Backend], tmp_path: Path) -> None:
    judged = asyncio.run(make(str(tmp_path / "none")).check("ann", Secret("x")))
    assert isinstance(judged, Unavailable)


def replies(answer: bytes, heard: list[bytes]) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            length = int.from_bytes(await reader.readexactly(2), "big")
            heard.append(await reader.readexactly(length))
        writer.write(len(answer).to_bytes(2, "big") + answer)

    return script


@pytest.mark.parametrize(
    ("answer", "judged"),
    [
        (b"OK", Granted("ann")), (b"OK Success.", Granted("ann")), (b"NO authentication failed", Denied()),
        (b"", Unavailable("saslauthd says neither yes nor no")),
        (b"EH", Unavailable("saslauthd says neither yes nor no")),
    ],
)  # fmt: skip
def test_saslauthd_is_taken_at_its_word(answer: bytes, judged: Judged, tmp_path: Path) -> None:
    heard: list[bytes] = []
    assert ask(saslauthd, replies(answer, heard), tmp_path) == judged
    assert heard == [b"ann", b"pen\tcil", b"smtp", b""]


@pytest.mark.parametrize(
    ("user", "name"), [("Ann@EXAMPLE.org", b"Ann"), ("root@other.example", b"root@other.example")]
)
def test_only_users_of_the_default_domain_are_users_of_the_machine(
    user: str, name: bytes, tmp_path: Path
) -> None:
    heard: list[bytes] = []
    assert ask(saslauthd, replies(b"OK", heard), tmp_path, user) == Granted(user)
    assert heard[0] == name


@pytest.mark.parametrize("script", [hangs, goes, blurts(b"\0"), blurts(b"\xff\xffOK")])
def test_a_saslauthd_in_trouble_denies_nobody(script: Script, tmp_path: Path) -> None:
    assert isinstance(ask(saslauthd, script, tmp_path), Unavailable)
