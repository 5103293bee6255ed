"""The words of the delivery loop: a message in memory, its recipients under way, and the ways they go."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from vsmtp.delivery.consignment import Consignment, Folder, Transport
from vsmtp.queue.records import NewMessage, RecipientKey, StoredMessage
from vsmtp.queue.spool import Spool
from vsmtp.rules.language import RuleInfo
from vsmtp.server.context import REMARKED, Context, read_context
from vsmtp.smtp.parameters import NO_RCPT_PARAMETERS, RcptParameters
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Outcome

Mail: TypeAlias = NewMessage | StoredMessage


@dataclass(slots=True)
class Held:
    """A message in memory, and how many of its recipients are still under way.

    `context` is the mail's own, once somebody had to read it.
    """

    spool: Spool
    mail: Mail
    name: str
    left: int
    context: Context | None = None

    @property
    def remarked(self) -> bool:
        """Whether there is a decision record, so that the outcomes belong into it."""
        # A quote within a JSON string would be escaped: nothing else looks like this.
        return REMARKED in self.mail.context if self.context is None else self.context.remarked

    @property
    def was_judged(self) -> bool:
        """Whether rules after the queue may have left something in the context."""
        return self.context is not None or isinstance(self.mail, StoredMessage)

    def read_context(self) -> Context:
        """What is kept with the message."""
        if self.context is None:
            self.context = read_context(self.mail.context)
        return self.context


@dataclass(slots=True)
class Parcel:
    """One recipient of a message, on its way.

    `notes` are what rules have said of this recipient, as stored, `parameters` what the sender wants to hear
    of it. `again`: an earlier attempt may have succeeded unknown. `folder` is the Maildir that a rule chose,
    `matched` are the rules of `delivery` that matched.
    """

    held: Held
    number: int
    address: Address
    attempts: int
    notes: str
    again: bool
    parameters: RcptParameters = NO_RCPT_PARAMETERS
    folder: Folder | None = None
    matched: tuple[RuleInfo, ...] = ()

    @property
    def key(self) -> RecipientKey:
        """Which recipient it is in its spool."""
        return (self.held.mail.number, self.number)

    def consign(self, content: Content) -> Consignment:
        """What a transport is given: this recipient's copy is `content`."""
        held = self.held
        mail = held.mail
        return Consignment(
            mail.number, self.number, held.name, mail.sender, self.address, mail.arrived,
            content, mail.eight_bit, mail.smtputf8, self.again, self.folder,
            mail.parameters, self.parameters,
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


class Into(NamedTuple):
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
