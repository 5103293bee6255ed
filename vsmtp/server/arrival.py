"""A message on its way in: from DATA through the rules about messages to the counter where it is stored."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from vsmtp.config.models.server import SUBMISSION
from vsmtp.facts import subject
from vsmtp.rules.evaluate import Ended
from vsmtp.server.acceptance import NO_ROOM, NOT_STORED, Acceptance, Letter
from vsmtp.server.admission import Admission
from vsmtp.server.foresight import find_out
from vsmtp.server.hearing import Answers, Heard, Hearing
from vsmtp.server.inquiry import Inquiry
from vsmtp.server.judging import Bench
from vsmtp.server.mailing import Mailing, Scope, hops
from vsmtp.server.office import Office
from vsmtp.server.reception import Arrived, HeaderTooLong, NotWritten, Reception
from vsmtp.server.responder import Responder
from vsmtp.server.stages import Case
from vsmtp.server.submission import completed
from vsmtp.server.visit import Visit
from vsmtp.smtp.questions import Chunk, Question
from vsmtp.values.envelope import Content
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES
from vsmtp.vocabulary.stages import Stage

HEADER_TOO_LONG: Final = REPLIES["header_too_long"]
TOO_MANY_HOPS: Final = REPLIES["too_many_hops"]
# To look a member up in its enumeration takes as long as a call, and every message would do it.
_DATA, _PREQUEUE = Stage.DATA, Stage.PREQUEUE


class Arrival:
    """Takes the messages of one session."""

    __slots__ = ("_admission", "_inquiry", "_office", "_responder", "_visit")

    def __init__(
        self, office: Office, visit: Visit, responder: Responder, inquiry: Inquiry, admission: Admission
    ) -> None:
        self._office = office
        self._visit = visit
        self._responder = responder
        self._inquiry = inquiry
        self._admission = admission

    def data(self, _: Question) -> None:
        """Make ready for the message, if the rules of `data` want it."""
        visit, mailing = self._visit, self._visit.mailing
        assert mailing is not None

        def receive(_: Heard | None = None) -> None:
            if visit.mailing is mailing:
                name = f"{visit.name}.{visit.transactions}"
                mailing.reception = Reception(self._office.place, name, self._responder.go_on)
                self._responder.yes()

        if self._inquiry.concerns(_DATA, mailing):
            self._hear(_DATA, mailing, receive)
        else:
            receive()

    def chunk(self, question: Chunk) -> None:
        """Take the next octets of the message."""
        mailing = self._visit.mailing
        assert mailing is not None
        assert mailing.reception is not None
        mailing.reception.take(question.data)

    def end(self, _: Question) -> None:
        """Judge and store the message once all of it is there."""
        mailing = self._visit.mailing
        assert mailing is not None
        assert mailing.reception is not None
        self._responder.is_deciding = True
        mailing.reception.finish(self._arrived)

    def _arrived(self, arrived: Arrived | HeaderTooLong | NotWritten) -> None:
        mailing = self._visit.mailing
        if mailing is None:
            return  # the client left meanwhile; what was written is removed with its reception
        match arrived:
            case HeaderTooLong():
                self._responder.no(HEADER_TOO_LONG)
            case NotWritten(_, full):
                self._office.space.forget()
                self._responder.no(NO_ROOM if full else NOT_STORED)
            case Arrived() if hops(arrived.head) > self._office.manners.max_hops:
                self._responder.no(TOO_MANY_HOPS)
            case Arrived():
                self._judge(mailing, arrived)

    def _judge(self, mailing: Mailing, arrived: Arrived) -> None:
        self._show(mailing, arrived)
        store = partial(self._store, mailing, arrived)
        if self._inquiry.concerns(_PREQUEUE, mailing):
            self._hear(_PREQUEUE, mailing, store, partial(_whole_message, mailing.subject, arrived))
        else:
            store(Heard.unjudged(mailing))

    def _show(self, mailing: Mailing, arrived: Arrived) -> None:
        """Let rules see the message, with what was said of its header before there was one."""
        about, book = mailing.subject, self._visit.book
        about.head, about.size = arrived.head, arrived.size
        about.body = Content(arrived.rest, arrived.file)
        book.forget_message()
        book.recipient = None
        edits = self._visit.scope.edits + mailing.scope.edits
        if self._visit.client.kind in SUBMISSION:
            edits = completed(arrived.head, self._office.counter, self._office.manners.domain) + edits
        if edits:
            book.apply(edits)

    def _hear(
        self,
        stage: Stage,
        mailing: Mailing,
        then: Callable[[Heard], None],
        content: Callable[[], Content] | None = None,
    ) -> None:
        """Ask the rules of `data` or `prequeue`; `then` hears unless the whole message is refused."""
        responder, inquiry = self._responder, self._inquiry
        responder.is_deciding = True

        def make(scope: Scope) -> Case:
            return inquiry.case(scope, content)

        def refuse(reply: Reply) -> None:
            if stage is _PREQUEUE and responder.is_lmtp:
                responder.answer_each(mailing.replies(reply))
            else:
                responder.no(reply)

        def refused(ended: Ended, reply: Reply) -> None:
            inquiry.turn_down(stage, ended, reply, refuse)

        bench = Bench(self._office.stages, stage, self._visit.book, make)
        hearing = Hearing(bench, mailing, self._admission.adopt, splits=responder.splits)
        hearing.begin(Answers(then, refused, responder.fail))

    def _store(self, mailing: Mailing, arrived: Arrived, heard: Heard) -> None:
        visit = self._visit
        if visit.mailing is not mailing:
            return  # the client left before the rules had decided
        # The reception's file is the queue's now: a client that leaves does not take it along.
        visit.mailing = None
        mailing.scope.inherit(visit.scope)
        stored = self._stored_for_each(mailing) if self._responder.is_lmtp else self._stored
        letter = Letter(visit.visitor, mailing, arrived, heard, {})
        if self._office.foreseen:
            self._responder.is_deciding = True
            self._office.stages.start(self._foresee(letter, stored), self._responder.fail)
        else:
            Acceptance(self._office.counter, letter, stored).begin()

    async def _foresee(self, letter: Letter, stored: Callable[[Reply], None]) -> None:
        """Store the message, with what only the network knows and rules will ask later."""
        office = self._office
        known = await find_out(office.foreseen, self._visit.book, office.stages.fetch)
        Acceptance(office.counter, letter._replace(known=known), stored).begin()

    def _stored(self, reply: Reply) -> None:
        if reply.is_positive:
            self._visit.messages += 1
            self._responder.yes(reply)
        else:
            self._responder.no(reply)

    def _stored_for_each(self, mailing: Mailing) -> Callable[[Reply], None]:
        """What answers each recipient; those that were refused are told so, and nobody else is."""
        refused, mailing.refused = mailing.refused, []

        def stored(reply: Reply) -> None:
            if reply.is_positive:
                self._visit.messages += 1
                mailing.refused = refused
                self._responder.answer_each(mailing.replies(reply))
            else:
                self._responder.no(reply)

        return stored


def _whole_message(about: subject.Transaction, arrived: Arrived) -> Content:
    """The message as it stands, its header edited so far."""
    return Content((about.head or b"") + arrived.rest, arrived.file)
