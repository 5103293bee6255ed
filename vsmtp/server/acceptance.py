"""The promise: a message becomes the queue's, and only then is the client told so.

The Received field goes on top here, and recipients that rules keep apart (a quarantine) become messages of
their own; all of them enter the queue in one change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from vsmtp.message.stored import dump
from vsmtp.message.trace import Protocol, Trace, received
from vsmtp.queue.records import (
    ACTIVE,
    QUARANTINE,
    Addressee,
    Broken,
    Change,
    Committed,
    DiskFull,
    NewMessage,
    Result,
)
from vsmtp.queue.spool import Spool
from vsmtp.rules.verdicts import Discard, Quarantine
from vsmtp.server.mailing import Accepted, Fate, Mailing, Visitor, context_of
from vsmtp.server.reception import Arrived
from vsmtp.telemetry.events import MessageAccepted, MessageDiscarded, MessageNotStored
from vsmtp.telemetry.log import Log
from vsmtp.values.envelope import BodyFile, Content
from vsmtp.values.reply import Reply

NO_ROOM: Final = Reply(452, "4.3.1", "insufficient system storage, try again later")
NOT_STORED: Final = Reply(451, "4.3.0", "the message could not be stored, try again later")


@dataclass(frozen=True, slots=True)
class Counter:
    """Where messages are taken in.

    `clock` gives seconds since the epoch and `date` writes such a time for a Received field; `accepted` hears
    of each message that is safely queued and is to be delivered, `unwanted` of a body that the queue does not
    keep, `full` of a full disk, `broken` of an I/O error.
    """

    server_name: str
    spool: Spool
    log: Log
    clock: Callable[[], float]
    date: Callable[[float], str]
    accepted: Callable[[NewMessage], None]
    unwanted: Callable[[BodyFile], None]
    full: Callable[[], None]
    broken: Callable[[str], None]


class Acceptance(NamedTuple):
    """One message on its way over the counter; `done` gets the reply when it is safe, or cannot be."""

    counter: Counter
    visitor: Visitor
    mailing: Mailing
    arrived: Arrived
    done: Callable[[Reply], None]

    def begin(self) -> None:
        """Submit the message to the spool, once for each fate that its recipients have."""
        now = self.counter.clock()
        messages = []
        name = ""
        for fate, recipients in self.mailing.by_fate():
            number = self.counter.spool.number(now)
            name = name or self.counter.spool.name(number)
            if isinstance(fate, Discard):
                self.counter.log.emit(
                    MessageDiscarded(self.visitor.session, name, str(self.mailing.subject.sender))
                )
            else:
                messages.append(self._compose(number, now, recipients, fate))
        if messages:
            change = Change(accepted=tuple(messages))
            self.counter.spool.submit(change, partial(self._committed, name, messages))
        else:
            self._drop_body()
            self.done(_queued(name))

    def _drop_body(self) -> None:
        if self.arrived.file is not None:
            self.counter.unwanted(self.arrived.file)

    def _compose(self, number: int, now: float, recipients: Sequence[Accepted], fate: Fate) -> NewMessage:
        about = self.mailing.subject
        head = about.head or b""
        return NewMessage(
            number, now, about.sender, self.mailing.eight_bit, about.smtputf8, self.visitor.session,
            f"{QUARANTINE}{fate.name}" if isinstance(fate, Quarantine) else ACTIVE,
            tuple(Addressee(to.address, dump(to.scope.edits)) for to in recipients),
            Content(self._trace(number, now) + head + self.arrived.rest, self.arrived.file),
            context_of(self.visitor),
        )  # fmt: skip

    def _trace(self, number: int, now: float) -> bytes:
        counter, client = self.counter, self.visitor.subject
        protocol: Protocol = "SMTP"
        if client.esmtp:
            protocol = "UTF8SMTP" if self.mailing.subject.smtputf8 else "ESMTP"
        return received(
            Trace(
                client.helo_name, "", self.visitor.address, counter.server_name, protocol,
                counter.spool.name(number), self.mailing.only_recipient, counter.date(now),
            )
        )  # fmt: skip

    def _committed(self, name: str, messages: Sequence[NewMessage], result: Result) -> None:
        match result:
            case Committed():
                for message in messages:
                    self._tell(message)
                self.done(_queued(name))
                for message in messages:
                    if message.state == ACTIVE:
                        self.counter.accepted(message)
            case DiskFull():
                self._not_stored(name, "no space left on the disk of the spool")
                self._drop_body()
                self.counter.full()
                self.done(NO_ROOM)
            case Broken(reason):
                self._not_stored(name, reason)
                self.done(NOT_STORED)
                self.counter.broken(reason)

    def _tell(self, message: NewMessage) -> None:
        self.counter.log.emit(
            MessageAccepted(
                message.session, self.counter.spool.name(message.number), self.visitor.address,
                str(message.sender), tuple(str(to.address) for to in message.recipients),
                message.content.size, message.state,
            )
        )  # fmt: skip

    def _not_stored(self, name: str, reason: str) -> None:
        sender = str(self.mailing.subject.sender)
        self.counter.log.emit(MessageNotStored(self.visitor.session, name, sender, reason))


def _queued(name: str) -> Reply:
    return Reply(250, "2.0.0", f"queued as {name}")
