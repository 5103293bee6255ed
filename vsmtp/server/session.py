"""One client's session: the conversation's questions answered by the rules and the queue.

Each question has a method here, found in `_ANSWERS`. It is answered when its stage has decided, as a rule at
once; until then `is_deciding` holds. What a verdict means later (trust, discard, quarantine) is
remembered in the scope in which it was given: the connection, the transaction, or one recipient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vsmtp.facts import subject
from vsmtp.facts.answers import FactBook
from vsmtp.queue.space import Space
from vsmtp.queue.spool import Spool
from vsmtp.rules.evaluate import Ended
from vsmtp.rules.verdicts import Accept, Defer, Discard, Quarantine, Refuse, Trust
from vsmtp.server.acceptance import NO_ROOM, NOT_STORED, Acceptance, Counter
from vsmtp.server.listener import Client
from vsmtp.server.mailing import Accepted, Mailing, Scope, Visitor, hops
from vsmtp.server.reception import Arrived, HeaderTooLong, NotWritten, Place, Reception
from vsmtp.server.recipients import Recipients
from vsmtp.server.stages import Case, Stages
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import (
    Chunk,
    Connected,
    Data,
    EndOfMessage,
    Hello,
    Mail,
    Question,
    Quit,
    Rcpt,
    Reset,
)
from vsmtp.telemetry.events import CommandRefused
from vsmtp.telemetry.log import Log
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.stages import Stage

STRAINED: Final = Reply(452, "4.3.2", "too much mail is waiting for the disk, try again later")
APART: Final = Reply(452, "4.5.3", "please send to this recipient in a transaction of its own")
HEADER_TOO_LONG: Final = Reply(552, "5.3.4", "the header of the message is too long")
TOO_MANY_HOPS: Final = Reply(554, "5.4.6", "too many hops: the mail is going in circles")


@dataclass(frozen=True, slots=True)
class Office:
    """What all sessions of a worker share.

    `spool` takes new mail; `zoned` gives the time in the zone of the rules; `delimiter` parts a local part
    from its tag.
    """

    stages: Stages
    recipients: Recipients
    counter: Counter
    spool: Spool
    space: Space
    place: Place
    log: Log
    zoned: Callable[[], datetime]
    delimiter: str
    max_hops: int


class Session:
    """What one client does; `go_on` is called when a question was answered later than asked."""

    __slots__ = (
        "_book", "_connected", "_conversation", "_go_on", "_mailing", "_office", "_scope", "_visitor",
        "client", "has_quit", "is_deciding", "messages", "name", "subject", "transactions",
    )  # fmt: skip

    def __init__(
        self, office: Office, conversation: Conversation, client: Client, name: str, go_on: Callable[[], None]
    ) -> None:
        self.client = client
        self.name = name
        self.messages = 0
        self.has_quit = False
        self.is_deciding = False
        self.subject = subject.Connection(
            client.ip, client.port, client.listener, client.listener_port, client.kind, client.trusted
        )
        self.transactions = 0
        self._visitor = Visitor(self.subject, client.address, name)
        self._office = office
        self._conversation = conversation
        self._go_on = go_on
        self._book = FactBook(self.subject, None, office.zoned, office.delimiter)
        self._scope = self._connected = Scope()
        self._mailing: Mailing | None = None

    @property
    def is_writing(self) -> bool:
        """Whether reading must pause for the disk."""
        mailing = self._mailing
        return mailing is not None and mailing.reception is not None and mailing.reception.is_busy

    @property
    def has_transaction(self) -> bool:
        """Whether there was a MAIL whose message is not over."""
        return self._mailing is not None

    def answer(self, question: Question) -> None:
        """Answer a question now or, by `go_on`, later."""
        _ANSWERS[type(question)](self, question)

    def end(self) -> None:
        """The client is gone."""
        self.drop()

    def drop(self, _: Question | None = None) -> None:
        """Forget the transaction that is under way."""
        mailing, self._mailing = self._mailing, None
        if mailing is not None and mailing.reception is not None:
            mailing.reception.discard()

    # The commands.

    def connected(self, _: Question) -> None:
        """Ask the rules of `connect`."""
        self._decide(Stage.CONNECT, self._scope, self._yes)

    def hello(self, question: Hello) -> None:
        """Ask the rules of `helo`."""
        self.subject.helo_name, self.subject.esmtp = question.name, question.esmtp
        # A second greeting takes the place of the first, and so does what the rules say of it.
        self._scope = self._connected.copy()
        self._decide(Stage.HELO, self._scope, self._yes)

    def mail(self, question: Mail) -> None:
        """Begin a transaction, if there is room for a message and the rules of `mail` allow it."""
        office = self._office
        if not office.space.has_room(question.size or 0):
            self._no(NO_ROOM)
            return
        if office.spool.is_strained:
            self._no(STRAINED)
            return
        about = subject.Transaction(question.sender, question.size, question.smtputf8)
        mailing = Mailing(about, question.eight_bit)
        self._book.transaction, self._book.recipient = about, None
        self._book.forget_message()

        def begin() -> None:
            self._mailing = mailing
            self.transactions += 1
            self._yes()

        self._decide(Stage.MAIL, mailing.scope, begin)

    def rcpt(self, question: Rcpt) -> None:
        """Add a recipient if the rules of `rcpt` allow it; one that was named already is there."""
        mailing = self._mailing
        assert mailing is not None
        address = question.recipient
        if address.key in mailing.keys:
            self._yes()
            return
        self._book.recipient = self._office.recipients.meet(address, len(mailing.recipients) + 1)
        scope = Scope()

        def add() -> None:
            if mailing.recipients and mailing.recipients[0].scope.trusted != scope.trusted:
                self._no(APART)
                return
            mailing.keys.add(address.key)
            mailing.subject.recipients.append(address)
            mailing.recipients.append(Accepted(self._office.recipients.keeper(address), scope))
            self._yes()

        if mailing.scope.trusted:
            add()
        else:
            self._decide(Stage.RCPT, scope, add)

    def data(self, _: Question) -> None:
        """Make ready for the message."""
        mailing = self._mailing
        assert mailing is not None
        name = f"{self.name}.{self.transactions}"
        mailing.reception = Reception(self._office.place, name, self._go_on)
        self._yes()

    def chunk(self, question: Chunk) -> None:
        """Take the next octets of the message."""
        mailing = self._mailing
        assert mailing is not None
        assert mailing.reception is not None
        mailing.reception.take(question.data)

    def quit(self, _: Question) -> None:
        """Note that the client leaves of its own will."""
        self.has_quit = True
        self.drop()

    # The message.

    def end_of_message(self, _: Question) -> None:
        """Judge and store the message once all of it is there."""
        mailing = self._mailing
        assert mailing is not None
        assert mailing.reception is not None
        self.is_deciding = True
        mailing.reception.finish(self._arrived)

    def _arrived(self, arrived: Arrived | HeaderTooLong | NotWritten) -> None:
        mailing = self._mailing
        if mailing is None:
            return  # the client left meanwhile; what was written is removed with its reception
        match arrived:
            case HeaderTooLong():
                self._no(HEADER_TOO_LONG)
            case NotWritten(_, full):
                self._office.space.forget()
                self._no(NO_ROOM if full else NOT_STORED)
            case Arrived():
                self._judge_message(mailing, arrived)

    def _judge_message(self, mailing: Mailing, arrived: Arrived) -> None:
        mailing.subject.head, mailing.subject.size = arrived.head, arrived.size
        self._book.forget_message()
        self._book.recipient = None
        if hops(arrived.head) > self._office.max_hops:
            self._no(TOO_MANY_HOPS)
            return
        self._book.apply(self._scope.edits + mailing.scope.edits)

        def store() -> None:
            if self._mailing is not mailing:
                return  # the client left before the rules had decided
            # The reception's file is the queue's now: a client that leaves does not take it along.
            self._mailing = None
            mailing.scope.fate = mailing.scope.fate or self._scope.fate
            Acceptance(self._office.counter, self._visitor, mailing, arrived, self._stored).begin()

        if mailing.is_trusted:
            store()
        else:
            self._decide(Stage.PREQUEUE, mailing.scope, store)

    def _stored(self, reply: Reply) -> None:
        if reply.is_positive:
            self.messages += 1
            self._yes(reply)
        else:
            self._no(reply)

    # Verdicts.

    def _decide(self, stage: Stage, scope: Scope, accept: Callable[[], None]) -> None:
        """Ask the rules of `stage`; on a yes remember in `scope` what it is to mean later, and `accept`."""
        self.is_deciding = True
        stages = self._office.stages
        if self._scope.trusted or not stages.has(stage):
            accept()
            return
        edit = scope.edits.append if stage is not Stage.PREQUEUE else lambda edit: self._book.apply([edit])

        def judge(ended: Ended) -> None:
            match ended.verdict:
                case None | Accept():
                    accept()
                case Trust():
                    scope.trusted = True
                    accept()
                case Discard() | Quarantine() as fate:
                    scope.fate = fate
                    accept()
                case Refuse(reply, close):
                    self._refuse(stage, ended, reply, close=close)
                case Defer(reply):
                    self._refuse(stage, ended, reply, close=False)

        stages.decide(stage, Case(self.name, self._book, edit), judge)

    def _refuse(self, stage: Stage, ended: Ended, reply: Reply, *, close: bool) -> None:
        recipient = self._book.recipient
        self._office.log.emit(
            CommandRefused(
                self.name, self.client.address, stage.label, ended.rule.name if ended.rule else "",
                str(self._book.transaction.sender), str(recipient.address) if recipient else "", str(reply),
            )
        )  # fmt: skip
        self._no(reply, close=close)

    def _yes(self, reply: Reply | None = None) -> None:
        self.is_deciding = False
        self._conversation.accept(reply)
        self._go_on()

    def _no(self, reply: Reply, *, close: bool = False) -> None:
        self.is_deciding = False
        if close:
            self._conversation.close(reply)
        else:
            self._conversation.refuse(reply)
        if self._conversation.state is State.GREETED:
            self.drop()
        self._go_on()


_ANSWERS: Final[dict[type[Question], Callable[[Session, Any], None]]] = {
    Connected: Session.connected,
    Hello: Session.hello,
    Mail: Session.mail,
    Rcpt: Session.rcpt,
    Data: Session.data,
    Chunk: Session.chunk,
    EndOfMessage: Session.end_of_message,
    Reset: Session.drop,
    Quit: Session.quit,
}
