"""The transport to a smart host: one transaction for the recipients that share a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import IO, Final

from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.pool import Lease, Limits, Pool
from vsmtp.delivery.session import Broken, Peer, Session, connect
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Delivered, Failed, Outcome
from vsmtp.values.reply import Reply

# RFC 5321 4.5.3.1.8: what every server takes.
MAX_RECIPIENTS: Final = 100
# A large message is in memory by this much at a time, twice while it is being stuffed.
PIECE: Final = 256 * 1024

_START_INPUT: Final = 354
_NO_UTF8: Final = Reply(553, "5.6.7", "the next server does not take internationalised mail (SMTPUTF8)")
_TOO_LARGE: Final = Reply(552, "5.3.4", "the message is larger than the next server takes")


class Relay:
    """A Transport to one server."""

    def __init__(self, peer: Peer, limits: Limits | None = None) -> None:
        self._peer = peer
        self._pool = Pool(partial(connect, peer), limits or Limits())

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        """One outcome each, in order. What the peer took before a connection broke stays delivered."""
        outcomes: dict[int, Outcome] = {}
        groups: dict[tuple[int, bool, int], list[int]] = {}
        for at, consignment in enumerate(batch):
            envelope = (consignment.queue_id, _needs_utf8(consignment), id(consignment.content))
            groups.setdefault(envelope, []).append(at)
        async with asyncio.TaskGroup() as tasks:
            for places in groups.values():
                for start in range(0, len(places), MAX_RECIPIENTS):
                    group = {at: batch[at] for at in places[start : start + MAX_RECIPIENTS]}
                    tasks.create_task(self._deliver(group, outcomes))
        return [outcomes[at] for at in range(len(batch))]

    async def close(self) -> None:
        """Connections are closed in order, after all that was to be sent before."""
        await self._pool.close()

    async def _deliver(self, group: dict[int, Consignment], outcomes: dict[int, Outcome]) -> None:
        transaction = Transaction(self._peer.where, group)
        try:
            async with self._pool.lease() as lease:
                await self._transact(lease, transaction)
        except Broken as fault:
            transaction.settle_rest(_no_success(fault.reply))
        outcomes.update(transaction.outcomes)

    async def _transact(self, lease: Lease, transaction: Transaction) -> None:
        try:
            begun = await transaction.begin(lease.session)
        except Broken:
            if not lease.uses:
                raise
            # An idle connection may have been closed by the peer at any time: that says nothing of today.
            await self._pool.renew(lease)
            begun = await transaction.begin(lease.session)
        if begun:
            await transaction.go_on(lease.session)


class Transaction:
    """One message on its way to some of its recipients; `outcomes` are by place in the caller's batch."""

    def __init__(self, where: str, group: dict[int, Consignment]) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._where = where
        self._group = group
        self._one = next(iter(group.values()))

    def settle_rest(self, reply: Reply) -> None:
        """Those without an outcome have this one: delivered by 2yz, failed by 5yz, else deferred."""
        for at in self._group:
            if at not in self.outcomes:
                self.outcomes[at] = self._outcome(reply)

    async def begin(self, session: Session) -> bool:
        """Whether the peer accepts the sender, or everybody's outcome; raises Broken."""
        refusal = self._misfit(session)
        if refusal is None:
            reply = await session.ask(f"MAIL FROM:<{self._one.sender}>{self._parameters(session)}")
            if _accepts(reply):
                return True
            refusal = reply
        self.settle_rest(_no_success(refusal))
        return False

    async def go_on(self, session: Session) -> None:
        """Everybody has an outcome afterwards; raises Broken."""
        for at, consignment in self._group.items():
            reply = await session.ask(f"RCPT TO:<{consignment.recipient}>")
            if not _accepts(reply):
                self.outcomes[at] = self._outcome(_no_success(reply))
        if len(self.outcomes) == len(self._group):
            await session.ask("RSET")
            return
        reply = await session.ask("DATA")
        if reply.code == _START_INPUT:
            self.settle_rest(await session.send(pieces(self._one.content)))
        else:
            self.settle_rest(_no_success(reply))
            if _accepts(reply):  # a peer that takes DATA for something else is out of step
                raise Broken(reply)

    def _misfit(self, session: Session) -> Reply | None:
        if _needs_utf8(self._one) and session.offers("smtputf8") is None:
            return _NO_UTF8
        limit = session.offers("size") or ""
        if limit.isdecimal() and 0 < int(limit) < self._one.content.size:
            return _TOO_LARGE
        return None

    def _parameters(self, session: Session) -> str:
        said = []
        if session.offers("size") is not None:
            said.append(f" SIZE={self._one.content.size}")
        # Without the extension the octets go as they are: nearly every server takes them, and the other way
        # is to return mail that would have arrived.
        if self._one.eight_bit and session.offers("8bitmime") is not None:
            said.append(" BODY=8BITMIME")
        if _needs_utf8(self._one):
            said.append(" SMTPUTF8")
        return "".join(said)

    def _outcome(self, reply: Reply) -> Outcome:
        if reply.is_permanent:
            return Failed(self._where, reply)
        if _accepts(reply):
            return Delivered(self._where, reply)
        return Deferred(self._where, _no_success(reply))


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


async def _read(file: IO[bytes], size: int) -> bytes:
    piece = await asyncio.to_thread(file.read, size)
    if not piece:
        raise OSError("the body is shorter than announced")
    return piece


def _needs_utf8(consignment: Consignment) -> bool:
    return consignment.smtputf8 or not (consignment.sender.is_ascii and consignment.recipient.is_ascii)


def _accepts(reply: Reply) -> bool:
    return 200 <= reply.code <= 299  # noqa: PLR2004 RFC 5321 4.2.1


def _no_success(reply: Reply) -> Reply:
    """The reply, which settles recipients, but never as delivered: no content was sent yet."""
    if reply.is_positive:
        return Reply(451, "4.5.0", f"the reply is out of place: {reply}")
    return reply
