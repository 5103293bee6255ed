"""The control socket of a shard: what the queue tools ask of the worker that owns it.

One request and one answer a connection, each a line of JSON. The socket lies in the shard's directory, which
only the service's user may enter: whoever can connect may also remove the files.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from vsmtp.queue.committer import Committer
from vsmtp.queue.records import Change, Committed, Result

MAX_REQUEST: Final = 1 << 20
# Each takes up to 20 octets of a line.
MAX_NUMBERS: Final = 10_000
# The database's integers.
BEYOND: Final = 1 << 63
PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Control:
    """Answers for one shard.

    `expect` wakes the delivery loop at a time, `leave` has it read a message, `status` tells of the worker.
    """

    spool: Committer
    expect: Callable[[float], None]
    leave: Callable[[int], None]
    status: Callable[[], dict[str, Any]]

    async def serve(self) -> None:
        """Listen for ever."""
        where = self.spool.path / "control"
        where.unlink(missing_ok=True)
        directory = os.open(self.spool.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # By way of the descriptor: a socket's path has at most 107 octets, a spool's may have more.
            server = await asyncio.start_unix_server(
                self._answer, f"/proc/self/fd/{directory}/control", limit=MAX_REQUEST
            )
            async with server:
                await server.serve_forever()
        finally:
            os.close(directory)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                line = await reader.readline()
                writer.write(orjson.dumps(await self._obey(line)) + b"\n")
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass  # the tool has gone, or was no tool
        finally:
            writer.close()

    async def _obey(self, line: bytes) -> dict[str, Any]:
        try:
            request = orjson.loads(line)
            order, numbers = request["do"], tuple(request.get("messages", ()))
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"error": "the request is not understood"}
        if not all(type(number) is int and 0 <= number < BEYOND for number in numbers):
            return {"error": "messages are named by their numbers"}
        if order == "status":
            return self.status()
        obey = _ORDERS.get(order)
        return {"error": f"there is no order `{order}`"} if obey is None else await obey(self, numbers)

    async def _remove(self, numbers: tuple[int, ...]) -> dict[str, Any]:
        return await self._change(Change(removed=numbers))

    async def _retry(self, numbers: tuple[int, ...]) -> dict[str, Any]:
        answer = await self._change(Change(expedited=numbers))
        self.expect(0.0)
        return answer

    async def _release(self, numbers: tuple[int, ...]) -> dict[str, Any]:
        answer = await self._change(Change(released=numbers))
        for number in numbers:
            self.leave(number)
        return answer

    async def _change(self, change: Change) -> dict[str, Any]:
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.spool.submit(change, done.set_result)
        result = await done
        if isinstance(result, Committed):
            return {"done": True, "emptied": [*result.emptied]}
        return {"error": f"the queue could not be changed: {result}"}


_ORDERS: Final[Mapping[str, Callable[[Control, tuple[int, ...]], Awaitable[dict[str, Any]]]]] = {
    "remove": Control._remove,  # noqa: SLF001 it is the class's own table
    "retry": Control._retry,  # noqa: SLF001 likewise
    "release": Control._release,  # noqa: SLF001 likewise
}


async def ask(shard: Path, request: dict[str, Any]) -> dict[str, Any]:
    """What the worker that owns `shard` answers; raises OSError when it does not.

    A request may name up to `MAX_NUMBERS` messages.
    """
    directory = os.open(shard, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        reader, writer = await asyncio.open_unix_connection(
            f"/proc/self/fd/{directory}/control", limit=MAX_REQUEST
        )
    finally:
        os.close(directory)
    try:
        writer.write(orjson.dumps(request) + b"\n")
        answer: dict[str, Any] = orjson.loads(await reader.readline() or b'{"error": "no answer"}')
    finally:
        writer.close()
    return answer
