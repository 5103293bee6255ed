"""Who becomes a recipient of the mail under way: those whom the client names, and those whom rules add."""

from __future__ import annotations

from typing import Final

from vsmtp.server.inquiry import Inquiry
from vsmtp.server.judging import come_apart, whole
from vsmtp.server.mailing import Accepted, Mailing, Scope, change_recipients, handed_on
from vsmtp.server.office import Office
from vsmtp.server.responder import Responder
from vsmtp.server.visit import Visit
from vsmtp.smtp.questions import Rcpt
from vsmtp.values.address import Address
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES
from vsmtp.vocabulary.stages import Stage

APART: Final = REPLIES["send_apart"]
# To look a member up in its enumeration takes as long as a call, and every recipient would do it.
_RCPT: Final = Stage.RCPT


class Admission:
    """Takes the recipients of one session's mail."""

    __slots__ = ("_inquiry", "_office", "_responder", "_visit")

    def __init__(self, office: Office, visit: Visit, responder: Responder, inquiry: Inquiry) -> None:
        self._office = office
        self._visit = visit
        self._responder = responder
        self._inquiry = inquiry

    def rcpt(self, question: Rcpt) -> None:
        """Add a recipient if the rules of `rcpt` allow it; one that was named already is there."""
        mailing = self._visit.mailing
        assert mailing is not None
        counts_as = mailing.keys.get(question.recipient.key)
        if counts_as is not None:
            self._take(mailing, counts_as)
        else:
            self._consider(mailing, question)

    def _consider(self, mailing: Mailing, question: Rcpt) -> None:
        office, visit, address = self._office, self._visit, question.recipient
        visit.book.recipient = office.recipients.meet(address, len(mailing.recipients) + 1)
        chains = office.chains(visit.subject, mailing.subject.sender, address)
        to = Accepted(
            office.recipients.keeper(address), Scope(), chains, address, parameters=question.parameters
        )
        case = self._inquiry.case(to.scope)

        def add() -> None:
            if mailing.recipients and self._must_come_apart(mailing, to):
                refuse(APART)
                return
            self._take(mailing, self._settle(mailing, to, address))

        def refuse(reply: Reply) -> None:
            # What rules did to the envelope for a recipient vanishes with it.
            case.take_back()
            self._responder.no(reply)

        if mailing.scope.trusted or not self._inquiry.concerns(_RCPT):
            add()
        else:
            if chains:
                case.part = whole(office.stages.graph.acting(_RCPT, chains))
            self._inquiry.ask(_RCPT, case, add, refuse)

    def _take(self, mailing: Mailing, key: str) -> None:
        if self._responder.is_lmtp:
            mailing.named += (key,)  # each will want its reply
        self._responder.yes()

    def _settle(self, mailing: Mailing, to: Accepted, named: Address) -> str:
        """Take an accepted recipient as rules want it; the key of the recipient as which it counts."""
        recipient = self._visit.book.recipient
        assert recipient is not None
        address = recipient.address
        if address is not named:
            to.address = self._office.recipients.keeper(address)
        to.variables = recipient.variables
        twin = mailing.twin(to)
        if twin is None:
            mailing.add(to, address)
        counts_as = named.key if twin is None or twin.original is None else twin.original.key
        mailing.keys.update(dict.fromkeys((named.key, address.key, to.address.key), counts_as))
        self._change(mailing, to)
        return counts_as

    def _change(self, mailing: Mailing, to: Accepted) -> None:
        """Change the envelope as rules said because of this recipient."""
        if to.scope.changes:

            def adopt(address: Address) -> Accepted:
                added = self.adopt(address)
                added.parameters = handed_on(to.parameters)
                return added

            mailing.recipients = change_recipients(mailing.recipients, to.scope.changes, adopt)

    def adopt(self, address: Address) -> Accepted:
        """A recipient that a rule added; nobody asks the rules of `rcpt` about it."""
        visit = self._visit
        chains = self._office.chains(visit.subject, visit.book.transaction.sender, address)
        return Accepted(self._office.recipients.keeper(address), Scope(), chains)

    def _must_come_apart(self, mailing: Mailing, to: Accepted) -> bool:
        """Whether a stranger's recipient may be judged differently from the first one (RFC 5321 3.3)."""
        if not self._office.manners.separate or self._responder.splits:
            return False
        if self._visit.scope.trusted or mailing.scope.trusted:
            return False
        return come_apart(self._office.stages, mailing.recipients[0], to)
