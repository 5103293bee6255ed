"""What a message is made of, and its octets on the way out: as they are, or 7-bit; read in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Final

from vsmtp.disk.octets import OpenBody
from vsmtp.message.fields import header_end
from vsmtp.message.mime.downgrade import Cut, Form, examine, seven_bit
from vsmtp.message.mime.structure import Octets
from vsmtp.values.envelope import Content

# A large message is in memory by this much at a time, twice while it is being stuffed.
PIECE: Final = 256 * 1024


def look(content: Content) -> Form:
    """What the message asks of who carries it. Blocks: for a thread. Raises OSError."""
    data = content.data
    end = header_end(data)
    with ExitStack() as opened:
        return examine(_octets(content, opened), data if end < 0 else data[:end])


async def pieces(content: Content) -> AsyncGenerator[bytes, None]:
    """The octets of a message; those of its file in pieces of at most PIECE, read beside the loop.

    Raises OSError, also where the file is shorter than announced: half a message must not be sent.
    """
    yield content.data
    if content.file is None:
        return
    file = await asyncio.to_thread(content.file.path.open, "rb")
    with file:
        await asyncio.to_thread(file.seek, content.file.offset)
        left = content.file.size - content.file.offset
        while left:
            piece = await _read(file, min(left, PIECE))
            left -= len(piece)
            yield piece


async def converted(content: Content, cuts: Sequence[Cut]) -> AsyncGenerator[bytes, None]:
    """The octets of the message with these cuts made. Raises OSError."""
    with ExitStack() as opened:
        octets = await asyncio.to_thread(_octets, content, opened)
        written = seven_bit(octets, cuts)
        while piece := await asyncio.to_thread(_gather, written):
            yield piece


def _octets(content: Content, opened: ExitStack) -> Octets:
    if content.file is None:
        return content.data
    return opened.enter_context(OpenBody(content.data, content.file))


def _gather(written: Iterator[bytes]) -> bytes:
    """The next octets, about PIECE of them; none at the end."""
    gathered: list[bytes] = []
    size = 0
    for piece in written:
        gathered.append(piece)
        size += len(piece)
        if size >= PIECE:
            break
    return b"".join(gathered)


async def _read(file: IO[bytes], size: int) -> bytes:
    piece = await asyncio.to_thread(file.read, size)
    if not piece:
        raise OSError("the body is shorter than announced")
    return piece
