"""The delivery loop: what is due goes to its transport, and what became of it is recorded.

Recipients are grouped by destination into lanes. A lane carries a few batches at a time; what gathers
meanwhile makes the next batch larger, so that a busy server syncs in large batches and an idle one delivers
at once.
Finished recipients, reschedules and the reports that failures cause are one change of the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from vsmtp.queue.records import ACTIVE, Broken, NewMessage, Result, StoredMessage, StoredRecipient
from vsmtp.queue.spool import Spool
from vsmtp.server.ledger import Books, Ledger
from vsmtp.server.parcel import Destination, Dropped, Held, Into, Lane, Mail, Parcel, Postponed
from vsmtp.server.postqueue import Judged, Postqueue, Row
from vsmtp.values.outcome import Deferred, Delivered, Failed, Outcome

# What deliveries may hold in memory; mail beyond it is read from the spool when there is room.
MAX_OCTETS: Final = 64 * 2**20
MAX_PARCELS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Desk:
    """What the delivery loop is given.

    `settle` decides where a parcel goes and may take its time; `spawn` runs a coroutine for the worker;
    `waits` hears when recipients of a spool are due again, `broken` of an I/O error, `room` that
    something has left the memory. `postqueue` judges messages before any recipient is settled.
    """

    books: Books
    settle: Callable[[Parcel, Callable[[Parcel, Destination], None]], None]
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    waits: Callable[[Spool, float], None]
    broken: Callable[[str], None]
    room: Callable[[], None]
    postqueue: Postqueue | None = None


class Dispatch:
    """Takes mail that is safely queued and sees it to its end."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._octets = 0
        self._parcels = 0
        self._running = 0
        self._stopping = False
        self._at_rest = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether more mail may be held in memory."""
        return self._octets < MAX_OCTETS and self._parcels < MAX_PARCELS and not self._stopping

    async def stop(self) -> None:
        """Begin no delivery any more, and wait for those under way to come to their end."""
        self._stopping = True
        if self._running:
            await self._at_rest.wait()

    def take_new(self, spool: Spool, mail: NewMessage) -> None:
        """Deliver a message that was just committed."""
        rows = [Row(n, to.address, 0, to.notes, to.parameters) for n, to in enumerate(mail.recipients)]
        self._take(spool, mail, rows, again=False)

    def take(self, spool: Spool, message: StoredMessage, recipients: Iterable[StoredRecipient]) -> None:
        """Deliver a message that was read from the spool to some of its recipients."""
        if message.state == ACTIVE:
            rows = [Row(to.number, to.address, to.attempts, to.notes, to.parameters) for to in recipients]
            self._take(spool, message, rows, again=True)

    def _take(self, spool: Spool, mail: Mail, rows: list[Row], *, again: bool) -> None:
        if not rows:
            return  # removed meanwhile
        held = Held(spool, mail, spool.name(mail.number), len(rows))
        self._octets += len(mail.content.data)
        self._parcels += len(rows)
        postqueue = self._desk.postqueue
        if postqueue is not None and postqueue.concerns(held, rows):
            count = len(rows)
            postqueue.begin(held, rows, lambda judged: self._judged(held, count, judged))
            return
        for row in rows:
            self._desk.settle(_parcel(held, row, again=again), self._place)

    def _judged(self, held: Held, count: int, judged: Judged) -> None:
        """Go on with what `postqueue` has left of `count` recipients, once that is on record."""
        if judged.change is None:
            self._go_on(held, count, judged)
        else:
            held.spool.submit(judged.change, partial(self._revised, held, count, judged))

    def _revised(self, held: Held, count: int, judged: Judged, result: Result) -> None:
        if isinstance(result, Broken):
            self._desk.broken(result.reason)
            return
        held.mail, held.context = judged.mail, judged.context
        self._go_on(held, count, judged)

    def _go_on(self, held: Held, count: int, judged: Judged) -> None:
        held.left += len(judged.rows) - count
        self._parcels += len(judged.rows) - count
        if not judged.rows:
            self._octets -= len(held.mail.content.data)
            self._desk.room()
        for row, destination in judged.rows:
            parcel = _parcel(held, row, again=True)
            if destination is None:
                self._desk.settle(parcel, self._place)
            else:
                self._place(parcel, destination)

    def _place(self, parcel: Parcel, destination: Destination) -> None:
        match destination:
            case Into(lane, content):
                lane.waiting.append((parcel, content))
                if lane.running < lane.width and not self._stopping:
                    lane.running += 1
                    self._running += 1
                    self._desk.spawn(self._carry(lane))
            case Dropped():
                self._record([parcel], [None], "")
            case Postponed(outcome, retry_in):
                self._record([parcel], [outcome], "", retry_in)
            case Delivered() | Deferred() | Failed():
                self._record([parcel], [destination], "")

    async def _carry(self, lane: Lane) -> None:
        """Carry batch after batch; the first is made at the end of the tick that began this."""
        try:
            while lane.waiting and not self._stopping:
                batch = lane.take()
                outcomes = await lane.transport.deliver(
                    [parcel.consign(content) for parcel, content in batch]
                )
                self._record([parcel for parcel, _ in batch], outcomes, lane.name)
        finally:
            lane.running -= 1
            self._running -= 1
            if not self._running and self._stopping:
                self._at_rest.set()

    def _record(
        self,
        parcels: Sequence[Parcel],
        outcomes: Sequence[Outcome | None],
        route: str,
        retry_in: float | None = None,
    ) -> None:
        """Write down what became of the parcels; all of them leave the memory."""
        ledgers: dict[int, Ledger] = {}
        for parcel, outcome in zip(parcels, outcomes, strict=True):
            spool = parcel.held.spool
            ledger = ledgers.get(id(spool))
            if ledger is None:
                ledger = ledgers[id(spool)] = Ledger(self._desk.books, spool, route)
            ledger.enter(parcel, outcome, retry_in)
            self._let_go(parcel.held)
        for ledger in ledgers.values():
            change, reports, first = ledger.close()
            ledger.spool.submit(change, partial(self._recorded, ledger.spool, reports, first))
        self._desk.room()

    def _recorded(self, spool: Spool, reports: Sequence[NewMessage], first: float, result: Result) -> None:
        if isinstance(result, Broken):
            self._desk.broken(result.reason)
            return
        for report in reports:
            self.take_new(spool, report)
        if first != float("inf"):
            self._desk.waits(spool, first)

    def _let_go(self, held: Held) -> None:
        held.left -= 1
        self._parcels -= 1
        if not held.left:
            self._octets -= len(held.mail.content.data)


def _parcel(held: Held, row: Row, *, again: bool) -> Parcel:
    number, address, attempts, notes, parameters = row
    return Parcel(held, number, address, attempts, notes, again, parameters)
