"""What the queue holds and what may be asked of it: plain values, shared by the spool and its users.

What is made anew for each message is a tuple with names: it is frozen too, and made in a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from vsmtp.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS, MailParameters, RcptParameters
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content

ACTIVE: Final = "active"
HOLD: Final = "hold"
QUARANTINE: Final = "quarantine/"


class Addressee(NamedTuple):
    """One recipient on its way into the queue.

    `notes` are what rules have said of this recipient alone, as JSON, or empty; `parameters` what the sender
    wants to hear of it (RFC 3461).
    """

    address: Address
    notes: str = ""
    parameters: RcptParameters = NO_RCPT_PARAMETERS


class NewMessage(NamedTuple):
    """A message on its way into the queue.

    `state` is `active`, `hold` or `quarantine/<name>`; `arrived` is seconds since the epoch; `context` is
    what later rules may ask of the session, as JSON; `parameters` what the client said with MAIL, of which
    the queue keeps all but `submitter`. Recipients are numbered from 0 in order.
    """

    number: int
    arrived: float
    sender: Address
    eight_bit: bool
    smtputf8: bool
    session: str
    state: str
    recipients: tuple[Addressee, ...]
    content: Content
    context: str = "{}"
    parameters: MailParameters = NO_MAIL_PARAMETERS


@dataclass(frozen=True, slots=True)
class Reschedule:
    """A recipient that is to be tried again at `due`, seconds since the epoch.

    `route` names the destination that failed, `reply` what it said.
    """

    message: int
    recipient: int
    attempts: int
    due: float
    route: str
    reply: str


RecipientKey: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Revision:
    """What rules have made of a queued message: its state, sender and context from now on.

    `recipients` are numbers with what is to be known of them now; a number that the message does not have yet
    is a recipient added.
    """

    message: int
    state: str
    sender: Address
    context: str
    recipients: tuple[tuple[int, Addressee], ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of a message's decision record, as JSON; it outlives the message."""

    message: int
    text: str


class Change(NamedTuple):
    """What becomes true together or not at all.

    `accepted` messages enter; `finished` recipients leave, and with its last recipient a message does;
    `rescheduled` ones wait; waiting ones of `expedited` messages are due at once; `removed` messages leave
    whole; `revised` ones are others from now on; `released` ones leave hold or quarantine and become active.
    `remarks` are kept, the oldest making way.
    """

    accepted: tuple[NewMessage, ...] = ()
    finished: tuple[RecipientKey, ...] = ()
    rescheduled: tuple[Reschedule, ...] = ()
    removed: tuple[int, ...] = ()
    expedited: tuple[int, ...] = ()
    revised: tuple[Revision, ...] = ()
    released: tuple[int, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """The change is on stable storage. `emptied` are the messages that left with it."""

    emptied: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class DiskFull:
    """Nothing of the change happened; it may be tried again when there is space."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An I/O error: whether the change happened is unknown, and the spool must not be used any more."""

    reason: str


Result: TypeAlias = Committed | DiskFull | Broken
Done: TypeAlias = Callable[[Result], None]


@dataclass(frozen=True, slots=True)
class StoredRecipient:
    """A recipient as the queue holds it; `due` is None while it is not waiting for a time."""

    number: int
    address: Address
    attempts: int
    due: float | None
    route: str
    reply: str
    notes: str
    parameters: RcptParameters = NO_RCPT_PARAMETERS


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the queue holds it, with the recipients that were asked for."""

    number: int
    arrived: float
    sender: Address
    eight_bit: bool
    smtputf8: bool
    session: str
    state: str
    size: int
    content: Content
    context: str
    recipients: tuple[StoredRecipient, ...]
    parameters: MailParameters = NO_MAIL_PARAMETERS
