"""The transport into Maildirs: batches for the postman, and outcomes out of its answers."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import Final, NamedTuple

from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.mailbox import Mailbox, Mailboxes
from vsmtp.delivery.postman import Postman
from vsmtp.message.trace import delivered_to, return_path
from vsmtp.postman.packet import MAX_ITEMS, Item, Result
from vsmtp.values.envelope import BodyFile
from vsmtp.values.outcome import Deferred, Delivered, Outcome
from vsmtp.values.reply import Reply

IN_FLIGHT: Final = 2

_DELIVERED: Final = Reply(250, "2.0.0", "delivered")
_EXISTS: Final = Reply(250, "2.0.0", "delivered by an earlier attempt")
_UNKNOWN: Final = Reply(451, "4.3.0", "the postman ended before it answered")
_FULL: Final = {
    errno.ENOSPC: Reply(452, "4.3.1", "no space left"),
    errno.EDQUOT: Reply(452, "4.2.2", "over quota"),
}


class _Parcel(NamedTuple):
    at: int  # the consignment's place in the caller's batch
    consignment: Consignment
    mailbox: Mailbox
    body: int | None  # the descriptor of its body file

    @property
    def where(self) -> str:
        return f"maildir:{self.mailbox.path}"


class Maildirs:
    """A Transport that writes Maildirs. `host` is the server's name, part of every file's name.

    At most IN_FLIGHT batches are with the postman at a time. Of a batch whose postman died, every consignment
    is deferred, its outcome unknown: it is to come again with `again` set.
    """

    def __init__(self, mailboxes: Mailboxes, host: str) -> None:
        self._mailboxes = mailboxes
        self._host = host.replace("/", "\\057").replace(":", "\\072")
        self._postman = Postman()
        self._turns = asyncio.Semaphore(IN_FLIGHT)

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        """One outcome each, in order; `Delivered` means durable."""
        if len(batch) <= MAX_ITEMS:
            return await self._deliver(batch)
        parts = [batch[start : start + MAX_ITEMS] for start in range(0, len(batch), MAX_ITEMS)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._deliver(part)) for part in parts]
        return [outcome for task in tasks for outcome in task.result()]

    async def close(self) -> None:
        """The postman has ended, after all that was to be delivered before."""
        async with AsyncExitStack() as turns:
            for _ in range(IN_FLIGHT):
                await turns.enter_async_context(self._turns)
            await self._postman.close()

    async def _deliver(self, batch: Sequence[Consignment]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        parcels: list[_Parcel] = []
        async with self._turns:
            with ExitStack() as opened:
                for at, consignment in enumerate(batch):
                    place = await self._mailboxes.find(consignment.recipient, consignment.folder)
                    if not isinstance(place, Mailbox):
                        outcomes[at] = place
                        continue
                    try:
                        body = _open(consignment.content.file, opened)
                    except OSError as fault:
                        reason = Reply(451, "4.3.0", f"cannot read the message: {fault.strerror}")
                        outcomes[at] = Deferred(f"maildir:{place.path}", reason)
                    else:
                        parcels.append(_Parcel(at, consignment, place, body))
                results = await self._write(parcels) if parcels else []
        for parcel, result in zip(parcels, results, strict=True):
            outcomes[parcel.at] = outcome(parcel.where, result)
        return [outcomes[at] for at in range(len(batch))]

    async def _write(self, parcels: list[_Parcel]) -> Sequence[Result | Reply]:
        items: list[Item] = []
        octets: list[bytes] = []
        bodies: list[int] = []
        for parcel in parcels:
            consignment = parcel.consignment
            trace = return_path(consignment.sender) + delivered_to(consignment.recipient)
            octets += (trace, consignment.content.data)
            items.append(self._item(parcel, len(trace), len(bodies)))
            if parcel.body is not None:
                bodies.append(parcel.body)
        try:
            results = await self._postman.write(items, octets, bodies)
        except OSError as fault:
            reason = Reply(451, "4.3.0", f"the postman cannot be reached: {fault.strerror}")
            return [reason] * len(parcels)
        return [_UNKNOWN] * len(parcels) if results is None else results

    def _item(self, parcel: _Parcel, trace: int, bodies: int) -> Item:
        consignment, mailbox = parcel.consignment, parcel.mailbox
        content = consignment.content
        name = f"{int(consignment.arrived)}.Q{consignment.name}R{consignment.number}.{self._host}"
        length = trace + len(content.data)
        if content.file is None:
            return Item(mailbox.path, mailbox.root, name, consignment.again, length)
        file = content.file
        return Item(
            mailbox.path, mailbox.root, name, consignment.again, length, bodies, file.offset, file.size
        )


def outcome(where: str, result: Result | Reply) -> Outcome:
    """What the postman's result, or the reason for having none, means for a recipient."""
    match result:
        case Reply():
            return Deferred(where, result)
        case Result("delivered"):
            return Delivered(where, _DELIVERED)
        case Result("exists"):
            return Delivered(where, _EXISTS)
        case Result(_, number, step):
            known = _FULL.get(number, Reply(451, "4.3.0", os.strerror(number)))
            return Deferred(where, Reply(known.code, known.enhanced, f"cannot {step}: {known.text}"))


def _open(body: BodyFile | None, opened: ExitStack) -> int | None:
    if body is None:
        return None
    fd = os.open(body.path, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, fd)
    return fd
