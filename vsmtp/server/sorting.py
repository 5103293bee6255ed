"""Where a recipient's copy goes: the `delivery` rules first, then the way that its address wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vsmtp.delivery.route import Local, Route, Smarthost, Unroutable
from vsmtp.facts import subject
from vsmtp.facts.answers import FactBook
from vsmtp.message.edits import Edit, edit
from vsmtp.message.fields import header_end
from vsmtp.message.stored import load
from vsmtp.rules.evaluate import Ended
from vsmtp.rules.verdicts import Accept, Defer, Discard, Quarantine, Refuse, Trust
from vsmtp.server.mailing import connection_of
from vsmtp.server.parcel import Destination, Dropped, Into, Lane, Parcel, Postponed
from vsmtp.server.recipients import Recipients
from vsmtp.server.stages import Case, Stages
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Failed
from vsmtp.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Sorting:
    """Decides for each parcel; `lanes` has one for each route that `route` can give."""

    stages: Stages
    route: Callable[[Address], Route]
    lanes: Mapping[Local | Smarthost, Lane]
    recipients: Recipients
    zoned: Callable[[], datetime]
    delimiter: str

    def settle(self, parcel: Parcel, place: Callable[[Parcel, Destination], None]) -> None:
        """Call `place` with where the parcel goes: at once, unless a rule has to wait for a fact."""
        edits = list(load(parcel.notes))
        if not self.stages.has(Stage.DELIVERY):
            place(parcel, self._way(parcel, edits))
            return

        def judge(ended: Ended) -> None:
            match ended.verdict:
                case None | Accept() | Trust() | Quarantine():
                    place(parcel, self._way(parcel, edits))
                case Refuse(reply):
                    place(parcel, Failed("", reply))
                case Defer(reply, retry_in):
                    place(parcel, Postponed(Deferred("", reply), retry_in))
                case Discard():
                    place(parcel, Dropped())

        book = self._book(parcel, edits)

        def change(one: Edit) -> None:
            edits.append(one)
            book.apply([one])

        self.stages.decide(Stage.DELIVERY, Case(parcel.held.mail.session, book, change), judge)

    def _book(self, parcel: Parcel, edits: Sequence[Edit]) -> FactBook:
        held, mail = parcel.held, parcel.held.mail
        data = mail.content.data
        end = header_end(data)
        about = subject.Transaction(
            mail.sender, None, mail.smtputf8, [to.address for to in mail.recipients],
            data if end < 0 else data[:end], mail.content.size, held.name, parcel.attempts, mail.arrived,
        )  # fmt: skip
        book = FactBook(connection_of(mail.context), about, self.zoned, self.delimiter)
        book.recipient = self.recipients.meet(parcel.address, parcel.number + 1)
        book.apply(edits)
        return book

    def _way(self, parcel: Parcel, edits: Sequence[Edit]) -> Destination:
        route = self.route(parcel.address)
        if isinstance(route, Unroutable):
            return Deferred("", route.reply)
        return Into(self.lanes[route], _copy(parcel, edits))


def _copy(parcel: Parcel, edits: Sequence[Edit]) -> Content:
    """This recipient's copy of the message; without edits it is the message itself."""
    mail = parcel.held.mail
    if not edits:
        return mail.content
    return Content(edit(mail.content.data, edits, utf8=mail.smtputf8), mail.content.file)
