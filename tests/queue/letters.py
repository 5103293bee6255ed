"""Messages to queue, and what it takes to hand them over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from vsmtp.queue.bodies import BodyWriter
from vsmtp.queue.committer import Committer
from vsmtp.queue.records import ACTIVE, Addressee, Change, NewMessage, Result
from vsmtp.queue.shard import Shard
from vsmtp.queue.spool import Spool
from vsmtp.smtp.parameters import MailParameters, Notify, OriginalRecipient, RcptParameters, Return
from vsmtp.values.address import Address
from vsmtp.values.envelope import BodyFile, Content

T = TypeVar("T")

ARRIVED = 1_700_000_000.25
SHARD = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def letter(
    number: int,
    recipients: int = 1,
    data: bytes | None = None,
    file: BodyFile | None = None,
    state: str = ACTIVE,
) -> NewMessage:
    """A message whose octets tell its number."""
    to = tuple(Addressee(Address(f"user{n}", "local.test")) for n in range(recipients))
    content = Content(b"Subject: %d\r\n\r\n" % number if data is None else data, file)
    return NewMessage(
        number, ARRIVED, Address("a", "src.test"), eight_bit=True, smtputf8=False, session="session",
        state=state, recipients=to, content=content, context='{"helo":"client"}',
    )  # fmt: skip


def wished(number: int) -> NewMessage:
    """A message that says all that the sender of one may want of it, to three recipients."""
    parameters = (
        RcptParameters(
            frozenset({Notify.SUCCESS, Notify.DELAY}), OriginalRecipient("rfc822", "b;c+d@x.test")
        ),
        RcptParameters(frozenset({Notify.NEVER})),
        RcptParameters(original=OriginalRecipient("utf-8", "\u00fc@x.test")),
    )
    plain = letter(number, len(parameters))
    to = tuple(to._replace(parameters=some) for to, some in zip(plain.recipients, parameters, strict=True))
    return plain._replace(recipients=to, parameters=MailParameters(Return.HDRS, "QQ 3/1+x", requiretls=True))


def accepting(*letters: NewMessage) -> Change:
    return Change(accepted=letters)


def large_body(shard: Path, name: str, size: int = 200_000) -> BodyFile:
    """A body as sessions write it: `size` octets, the first ten of them not part of it."""
    writer = BodyWriter(shard / "bodies" / name)
    writer.write([(name.encode() * (size // len(name) + 1))[:size]])
    return writer.finish(10)


async def commit(spool: Spool, change: Change) -> Result:
    """What becomes of `change`."""
    answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    spool.submit(change, answer.set_result)
    async with asyncio.timeout(10):
        return await answer


def with_committer(path: Path, scenario: Callable[[Committer], Awaitable[T]]) -> T:
    """Open the shard at `path`, run `scenario` with it, close it."""

    async def run() -> T:
        spool = Committer(asyncio.get_running_loop(), path)
        await spool.open()
        try:
            return await scenario(spool)
        finally:
            await spool.close()

    return asyncio.run(run())


def opened(path: Path) -> Shard:
    return Shard.open(path)[0]


def numbers(shard: Shard) -> list[int]:
    """Every message of the shard, whatever its state."""
    return [number for (number,) in shard._database.execute("SELECT id FROM message ORDER BY id")]


def left_by(path: Path, wanted: Sequence[int] | None = None) -> list[int]:
    """The messages that whoever opens the shard next finds."""
    shard = opened(path)
    try:
        return [message.number for message in shard.read(wanted or numbers(shard))]
    finally:
        shard.close()
