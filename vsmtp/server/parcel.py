"""The words of the delivery loop: a message in memory, its recipients under way, and the ways they go."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from vsmtp.delivery.consignment import Consignment, Transport
from vsmtp.queue.records import NewMessage, RecipientKey, StoredMessage
from vsmtp.queue.spool import Spool
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Outcome

Mail: TypeAlias = NewMessage | StoredMessage


@dataclass(slots=True)
class Held:
    """A message in memory, and how many of its recipients are still under way."""

    spool: Spool
    mail: Mail
    name: str
    left: int


@dataclass(slots=True)
class Parcel:
    """One recipient of a message, on its way.

    `notes` are what rules have said of this recipient, as stored. `again`: an earlier attempt may have
    succeeded unknown.
    """

    held: Held
    number: int
    address: Address
    attempts: int
    notes: str
    again: bool

    @property
    def key(self) -> RecipientKey:
        """Which recipient it is in its spool."""
        return (self.held.mail.number, self.number)

    def consign(self, content: Content) -> Consignment:
        """What a transport is given: this recipient's copy is `content`."""
        held = self.held
        mail = held.mail
        return Consignment(
            mail.number, self.number, held.name, mail.sender, self.address, mail.arrived, content,
            mail.eight_bit, mail.smtputf8, self.again,
        )  # fmt: skip


@dataclass(slots=True)
class Lane:
    """The way to one destination: at most `width` batches of `batch` recipients at a time.

    Unless it `mixes`, a batch holds recipients of one message: then none waits for another one's end.
    """

    name: str
    transport: Transport
    batch: int
    width: int
    mixes: bool = True
    waiting: deque[tuple[Parcel, Content]] = field(default_factory=deque)
    running: int = 0

    def take(self) -> list[tuple[Parcel, Content]]:
        """The next batch; `waiting` is not empty."""
        batch = [self.waiting.popleft()]
        held = batch[0][0].held
        while self.waiting and len(batch) < self.batch and (self.mixes or self.waiting[0][0].held is held):
            batch.append(self.waiting.popleft())
        return batch


@dataclass(frozen=True, slots=True)
class Into:
    """Carry it on this lane."""

    lane: Lane
    content: Content


@dataclass(frozen=True, slots=True)
class Dropped:
    """A rule wants it neither delivered nor returned."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """A rule wants it tried again after so many seconds, or by the schedule."""

    outcome: Outcome
    retry_in: float | None = None


Destination: TypeAlias = Into | Dropped | Postponed | Outcome
