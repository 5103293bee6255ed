"""The transport to a smart host: one transaction for the recipients that share a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from vsmtp.delivery import envelope
from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.conversion import converted, look, pieces
from vsmtp.delivery.pool import Lease, Limits, Pool
from vsmtp.delivery.session import Broken, Peer, Session, connect
from vsmtp.message.mime.downgrade import SEVEN_BIT, Cut
from vsmtp.values.outcome import Deferred, Delivered, Failed, Outcome
from vsmtp.values.reply import Reply

# RFC 5321 4.5.3.1.8: what every server takes.
MAX_RECIPIENTS: Final = 100

_START_INPUT: Final = 354
_NO_UTF8: Final = Reply(553, "5.6.7", "the next server does not take internationalised mail (SMTPUTF8)")
_TOO_LARGE: Final = Reply(552, "5.3.4", "the message is larger than the next server takes")
_NO_TLS: Final = Reply(
    550, "5.7.30", "REQUIRETLS: the next server is not known to keep the message under TLS"
)


class Relay:
    """A Transport to one server. Mail with REQUIRETLS has connections of its own, to a proven name."""

    def __init__(self, peer: Peer, limits: Limits | None = None) -> None:
        self._peer = peer
        limits = limits or Limits()
        self._pool = Pool(partial(connect, peer), limits)
        self._proven = Pool(partial(connect, replace(peer, tls="verified")), limits)

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        """One outcome each, in order. What the peer took before a connection broke stays delivered."""
        outcomes: dict[int, Outcome] = {}
        groups: dict[tuple[int, int], list[int]] = {}
        for at, consignment in enumerate(batch):
            groups.setdefault((consignment.queue_id, id(consignment.content)), []).append(at)
        async with asyncio.TaskGroup() as tasks:
            for places in groups.values():
                for start in range(0, len(places), MAX_RECIPIENTS):
                    group = {at: batch[at] for at in places[start : start + MAX_RECIPIENTS]}
                    tasks.create_task(self._deliver(group, outcomes))
        return [outcomes[at] for at in range(len(batch))]

    async def close(self) -> None:
        """Connections are closed in order, after all that was to be sent before."""
        await self._pool.close()
        await self._proven.close()

    async def _deliver(self, group: dict[int, Consignment], outcomes: dict[int, Outcome]) -> None:
        transaction = Transaction(self._peer.where, group)
        needs_tls = transaction.one.wishes.requiretls
        pool = self._proven if needs_tls else self._pool
        try:
            async with pool.lease() as lease:
                await _transact(pool, lease, transaction)
        except Broken as fault:
            lacks_tls = needs_tls and fault.reply.enhanced in {"4.7.4", "4.7.5"}
            transaction.settle_rest(_NO_TLS if lacks_tls else _no_success(fault.reply))
        outcomes.update(transaction.outcomes)


async def _transact(pool: Pool, lease: Lease, transaction: Transaction) -> None:
    try:
        begun = await transaction.begin(lease.session)
    except Broken:
        if not lease.uses:
            raise
        # An idle connection may have been closed by the peer at any time: that says nothing of today.
        await pool.renew(lease)
        begun = await transaction.begin(lease.session)
    if begun:
        await transaction.go_on(lease.session)


class Transaction:
    """One message on its way to some of its recipients; `outcomes` are by place in the caller's batch.

    `one` is any of the recipients, for what they have in common.
    """

    def __init__(self, where: str, group: dict[int, Consignment]) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.one = next(iter(group.values()))
        self._where = where
        self._group = group
        self._cuts: tuple[Cut, ...] = ()
        self._reports = False

    def settle_rest(self, reply: Reply) -> None:
        """Those without an outcome have this one: delivered by 2yz, failed by 5yz, else deferred."""
        for at in self._group:
            if at not in self.outcomes:
                self.outcomes[at] = self._outcome(reply)

    async def begin(self, session: Session) -> bool:
        """Whether the peer accepts the sender, or everybody's outcome; raises Broken."""
        self.outcomes.clear()
        self._reports = session.offers("dsn") is not None
        refusal = self._misfit(session) or await self._unfit(session)
        if refusal is None:
            self._leave_out(session)
            if len(self.outcomes) == len(self._group):
                return False
            reply = await session.ask(self._mail(session))
            if _accepts(reply):
                return True
            refusal = reply
        self.settle_rest(_no_success(refusal))
        return False

    async def go_on(self, session: Session) -> None:
        """Everybody has an outcome afterwards; raises Broken."""
        for at, consignment in self._group.items():
            if at in self.outcomes:
                continue
            reply = await session.ask(envelope.rcpt(consignment, session.offers))
            if not _accepts(reply):
                self.outcomes[at] = self._outcome(_no_success(reply))
        if len(self.outcomes) == len(self._group):
            await session.ask("RSET")
            return
        reply = await session.ask("DATA")
        if reply.code == _START_INPUT:
            self.settle_rest(await session.send(self._octets()))
        else:
            self.settle_rest(_no_success(reply))
            if _accepts(reply):  # a peer that takes DATA for something else is out of step
                raise Broken(reply)

    def _misfit(self, session: Session) -> Reply | None:
        """Why the peer cannot have this message at all, by what it offers."""
        one = self.one
        # RFC 8689 4.2.1
        if one.wishes.requiretls and not (session.is_proven and session.offers("requiretls") is not None):
            return _NO_TLS
        if not one.sender.is_ascii and session.offers("smtputf8") is None:
            return _NO_UTF8
        limit = session.offers("size") or ""
        if limit.isdecimal() and 0 < int(limit) < one.content.size:
            return _TOO_LARGE
        return None

    async def _unfit(self, session: Session) -> Reply | None:
        """Why the peer cannot have these octets; where they have to be 7-bit they will be."""
        one = self.one
        lacks_utf8 = one.smtputf8 and session.offers("smtputf8") is None
        lacks_eight_bit = session.offers("8bitmime") is None and envelope.may_be_eight_bit(one)
        form = SEVEN_BIT
        if lacks_utf8 or lacks_eight_bit:
            try:
                form = await asyncio.to_thread(look, one.content)
            except OSError as fault:
                return Reply(451, "4.3.0", f"the message cannot be read: {fault.strerror}")
        if lacks_utf8 and form.utf8_header:
            return _NO_UTF8
        if lacks_eight_bit and form.obstacle:
            reason = f"the next server takes 7-bit mail only, and this cannot be converted: {form.obstacle}"
            return Reply(554, "5.6.3", reason)
        self._cuts = form.cuts if lacks_eight_bit else ()
        return None

    def _leave_out(self, session: Session) -> None:
        """Those who cannot be named to the peer have failed; the message goes to the others."""
        if session.offers("smtputf8") is None:
            for at, to in self._group.items():
                if not to.recipient.is_ascii:
                    self.outcomes[at] = Failed(self._where, _NO_UTF8)

    def _mail(self, session: Session) -> str:
        one = self.one
        utf8 = session.offers("smtputf8") is not None and (
            one.smtputf8
            or not (one.sender.is_ascii and all(to.recipient.is_ascii for to in self._group.values()))
        )
        size = None if self._cuts else one.content.size
        return envelope.mail(one, session.offers, size=size, utf8=utf8)

    def _octets(self) -> AsyncGenerator[bytes, None]:
        content = self.one.content
        return converted(content, self._cuts) if self._cuts else pieces(content)

    def _outcome(self, reply: Reply) -> Outcome:
        if reply.is_permanent:
            return Failed(self._where, reply)
        if _accepts(reply):
            return Delivered(self._where, reply, "passed-on" if self._reports else "relayed")
        return Deferred(self._where, _no_success(reply))


def _accepts(reply: Reply) -> bool:
    return 200 <= reply.code <= 299  # noqa: PLR2004 RFC 5321 4.2.1


def _no_success(reply: Reply) -> Reply:
    """The reply, which settles recipients, but never as delivered: no content was sent yet."""
    if reply.is_positive:
        return Reply(451, "4.5.0", f"the reply is out of place: {reply}")
    return reply
