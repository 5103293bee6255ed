"""The promise: a message becomes the queue's, and only then is the client told so.

The Received field goes on top here, and recipients that rules keep apart (a quarantine, other domain chains)
become messages of their own; all of them enter the queue in one change, and so does the report to a sender
some of whose recipients were refused after all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from vsmtp.config.models.server import LMTP
from vsmtp.facts.subject import Variable
from vsmtp.message.trace import Manner, Trace, protocol_of, received
from vsmtp.queue.dsn import Told, deserves_bounce, is_told
from vsmtp.queue.records import (
    ACTIVE,
    QUARANTINE,
    Addressee,
    Broken,
    Change,
    Committed,
    DiskFull,
    NewMessage,
    Remark,
    Result,
)
from vsmtp.queue.spool import Spool
from vsmtp.rules.verdicts import Discard, Quarantine
from vsmtp.server.bounces import Failing, compose_bounce
from vsmtp.server.context import Context, Known, Visitor, write_context, write_visit
from vsmtp.server.decisions import write_remarks
from vsmtp.server.hearing import Heard
from vsmtp.server.judging import Group
from vsmtp.server.mailing import Accepted, Fate, Mailing
from vsmtp.server.notes import write_notes
from vsmtp.server.reception import Arrived
from vsmtp.telemetry.events import MessageAccepted, MessageDiscarded, MessageNotStored, RecipientFailed
from vsmtp.telemetry.log import Log
from vsmtp.values.envelope import BodyFile, Content
from vsmtp.values.outcome import Failed
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES

NO_ROOM: Final = REPLIES["no_room"]
NOT_STORED: Final = REPLIES["not_stored"]


@dataclass(frozen=True, slots=True)
class Counter:
    """Where messages are taken in.

    `clock` gives seconds since the epoch and `date` writes such a time for a Received field; `accepted` hears
    of each message that is safely queued and is to be delivered, `unwanted` of a body that the queue does not
    keep, `full` of a full disk, `broken` of an I/O error. With `hides_logins` no trace tells where somebody
    was who logged in.
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
    hides_logins: bool = False


class Letter(NamedTuple):
    """A message that was accepted: who brought it, its transaction, its octets, how it was judged.

    `known` are facts about the client that later rules may ask.
    """

    visitor: Visitor
    mailing: Mailing
    arrived: Arrived
    heard: Heard
    known: dict[str, Known]


class _Part(NamedTuple):
    """The recipients for whom one message is queued."""

    fate: Fate
    recipients: list[Accepted]
    group: Group


class Acceptance(NamedTuple):
    """One message on its way over the counter; `done` gets the reply when it is safe, or cannot be."""

    counter: Counter
    letter: Letter
    done: Callable[[Reply], None]

    def begin(self) -> None:
        """Submit the message to the spool, once for each group and fate that its recipients have."""
        now = self.counter.clock()
        messages: list[NewMessage] = []
        remarks: list[Remark] = []
        name = ""
        for part in self._parts():
            number = self.counter.spool.number(now)
            name = name or self.counter.spool.name(number)
            said = self._said(part)
            if isinstance(part.fate, Discard):
                self._discard(self.counter.spool.name(number))
            else:
                messages.append(self._compose(number, now, part, remarked=bool(said)))
            if said:
                remarks += write_remarks(number, now, said)
        if self.letter.mailing.refused:
            messages += self._bounces(name, now)
        if messages:
            change = Change(accepted=tuple(messages), remarks=tuple(remarks))
            self.counter.spool.submit(change, partial(self._committed, name, messages))
        else:
            self._end_of_discarded(name, remarks)

    def _parts(self) -> list[_Part]:
        fate = self.letter.mailing.scope.fate
        parts: list[_Part] = []
        for group in self.letter.heard.groups:
            fates: dict[Fate, list[Accepted]] = {}
            for to in group.recipients:
                fates.setdefault(to.scope.fate or fate, []).append(to)
            parts += [_Part(*part, group) for part in fates.items()]
        return parts

    def _discard(self, name: str) -> None:
        sender = str(self.letter.mailing.subject.sender)
        self.counter.log.emit(MessageDiscarded(self.letter.visitor.session, name, sender))

    def _end_of_discarded(self, name: str, remarks: Sequence[Remark]) -> None:
        self._drop_body()
        if remarks:
            # Why nothing came of the mail is worth knowing, but nobody has to wait for it.
            self.counter.spool.submit(Change(remarks=tuple(remarks)), _let_be)
        self.done(_queued(name or self.counter.spool.name(self.counter.spool.number(self.counter.clock()))))

    def _drop_body(self) -> None:
        if self.letter.arrived.file is not None:
            self.counter.unwanted(self.letter.arrived.file)

    def _said(self, part: _Part) -> tuple[dict[str, Any], ...]:
        """What rules have decided of this message."""
        said = self.letter.mailing.scope.record
        for to in part.recipients:
            if to.scope.record:
                said += to.scope.record
        return said

    def _compose(self, number: int, now: float, part: _Part, *, remarked: bool) -> NewMessage:
        letter = self.letter
        about, scope = letter.mailing.subject, letter.mailing.scope
        head = (part.group.head if part.group.head is not None else about.head) or b""
        client = letter.visitor.subject
        variables: Mapping[str, Variable] = part.group.variables
        if client.variables:
            variables = {**client.variables, **variables}
        if variables or letter.known or remarked:
            context = write_context(Context(client, variables, letter.known, remarked=remarked))
        else:
            context = write_visit(letter.visitor)
        return NewMessage(
            number, now, about.sender, letter.mailing.eight_bit, about.smtputf8, letter.visitor.session,
            f"{QUARANTINE}{part.fate.name}" if isinstance(part.fate, Quarantine) else ACTIVE,
            tuple(
                Addressee(to.address, write_notes(to.notes(scope.way)), to.parameters)
                for to in part.recipients
            ),
            Content(self._trace(number, now) + head + letter.arrived.rest, letter.arrived.file),
            context, letter.mailing.parameters,
        )  # fmt: skip

    def _trace(self, number: int, now: float) -> bytes:
        counter, visitor, mailing = self.counter, self.letter.visitor, self.letter.mailing
        client = visitor.subject
        tls = client.tls
        manner = Manner(
            client.listener_kind in LMTP, client.esmtp, mailing.subject.smtputf8, tls is not None,
            client.authenticated,
        )  # fmt: skip
        return received(
            Trace(
                client.helo_name, "", visitor.address, counter.server_name, protocol_of(manner),
                counter.spool.name(number), mailing.only_recipient, counter.date(now),
                f"TLSv{tls.version} {tls.cipher}" if tls is not None else "",
                counter.hides_logins and client.authenticated,
            )
        )  # fmt: skip

    def _bounces(self, name: str, now: float) -> list[NewMessage]:
        """The report to a sender who was told 250 although rules refused some of the recipients."""
        mailing, visitor = self.letter.mailing, self.letter.visitor
        sender = mailing.subject.sender
        failures = [(to, Failed("", reply)) for to, reply in mailing.refused]
        told = [
            Told(to.address, failed, to.parameters.original)
            for to, failed in failures
            if is_told(failed, to.parameters)
        ]
        report = self._report(told, now) if told and deserves_bounce(sender) else None
        bounce = self.counter.spool.name(report.number) if report else ""
        for to, failed in failures:
            self.counter.log.emit(
                RecipientFailed(
                    visitor.session, name, str(sender), str(to.address), failed.where, str(failed.reply),
                    bounce if is_told(failed, to.parameters) else "",
                )
            )  # fmt: skip
        return [report] if report else []

    def _report(self, told: Sequence[Told], now: float) -> NewMessage:
        mailing, arrived = self.letter.mailing, self.letter.arrived
        content = Content((mailing.subject.head or b"") + arrived.rest, arrived.file)
        failing = Failing(
            mailing.subject.sender, now, self.letter.visitor.session, content, mailing.parameters
        )
        return compose_bounce(self.counter.server_name, self.counter.spool, failing, told)

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
                message.session, self.counter.spool.name(message.number), self.letter.visitor.address,
                str(message.sender), tuple(str(to.address) for to in message.recipients),
                message.content.size, message.state,
            )
        )  # fmt: skip

    def _not_stored(self, name: str, reason: str) -> None:
        sender = str(self.letter.mailing.subject.sender)
        self.counter.log.emit(MessageNotStored(self.letter.visitor.session, name, sender, reason))


def _let_be(_: Result) -> None:
    """Whether a remark was kept changes nothing."""


def _queued(name: str) -> Reply:
    return Reply(250, "2.0.0", f"queued as {name}")
