"""What rules can know of a message: its header and its parts, each read when first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from vsmtp.facts.mime import MIME_ANSWERS, SurveyJob
from vsmtp.message.fields import Header, scan
from vsmtp.message.mailboxes import addresses
from vsmtp.message.mime.entity import ContentFields
from vsmtp.message.mime.survey import Survey
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, OverLimit, Unavailable
from vsmtp.values.envelope import Content
from vsmtp.vocabulary.answers import UNASKED, Answer, Unasked

# The longest date of RFC 5322 with comments worth reading; the library's parser is not made for more.
_LONGEST_DATE: Final = 128


class MessageView:
    """Answers about one state of a message: its header block `head`, and `body`, all that follows.

    Where `body` is None only the header can be asked about. After an edit there is a new view.
    """

    __slots__ = ("_answers", "_body", "_head", "_header", "_job", "_known", "_survey")

    def __init__(self, head: bytes, body: Content | None = None) -> None:
        self._head = head
        self._body = body
        self._header: Header | Unavailable | None = None
        self._answers: dict[str, Answer] = {}
        self._job: SurveyJob | None = None
        self._survey: Survey | Unavailable | None = None
        # What was found in the message before an edit, and the Content- fields that it had then.
        self._known: tuple[ContentFields, Survey] | None = None

    def ask(self, name: str) -> Answer:
        """The answer to a `message.` fact; Missing for one that is none.

        Unasked for one about the parts of a large message: run the `job` and `store` what it returns.
        """
        answer = self._answers.get(name)
        if answer is None:
            answer = self._answer(name)
            if not isinstance(answer, Unasked):
                self._answers[name] = answer
        return answer

    @property
    def authors(self) -> tuple[Address, ...] | Missing | Unavailable:
        """The mailboxes of all From fields; Missing where there is no such field."""
        if self._header is None:
            self._header = scan(self._head)
        if isinstance(self._header, Unavailable):
            return OverLimit(self._header.reason)
        return _mailboxes(self._header, "from") if self._header.count("from") else MISSING

    @property
    def job(self) -> SurveyJob:
        """What answers all facts about the parts; a message without a body has an empty one."""
        if self._job is None:
            self._job = SurveyJob.about(self._head, self._body or Content(b""))
        return self._job

    def store(self, found: Survey | Unavailable) -> None:
        """Keep what the job found."""
        self._survey = found

    def edited(self, head: bytes) -> MessageView:
        """The view after an edit; the parts are looked at anew only if what tells of them has changed."""
        view = MessageView(head, self._body)
        view._known = self._known
        if isinstance(self._survey, Survey) and not self.job.head.is_malformed:
            view._known = (self.job.head.values, self._survey)
        return view

    def _answer(self, name: str) -> Answer:
        if self._header is None:
            self._header = scan(self._head)
        if isinstance(self._header, Unavailable):
            return OverLimit(self._header.reason)
        if name == "message.defects":
            return self._defects(self._header)
        about_parts = MIME_ANSWERS.get(name)
        if about_parts is not None and self._body is not None:
            found = self._surveyed()
            return about_parts(found) if isinstance(found, Survey) else found
        plain = _ANSWERS.get(name)
        if plain is not None:
            return plain(self._header)
        family, _, field = name.rpartition(".")
        member = _FAMILIES.get(family)
        return member(self._header, field) if member else MISSING

    def _defects(self, header: Header) -> Answer:
        if self._body is None:
            return header.defects
        found = self._surveyed()
        return tuple(dict.fromkeys((*header.defects, *found.defects))) if isinstance(found, Survey) else found

    def _surveyed(self) -> Survey | Unavailable | Unasked:
        if self._survey is None and self._known is not None:
            values, survey = self._known
            head = self.job.head
            self._survey = survey if head.values == values and not head.is_malformed else None
        if self._survey is None:
            if not self.job.is_small:
                return UNASKED
            self._survey = self.job.run()
        return self._survey


def _first(header: Header, name: str) -> str | Missing:
    values = header.values(name)
    return values[0] if values else MISSING


def _date(header: Header) -> Answer:
    value = _first(header, "date")
    if isinstance(value, Missing) or len(value) > _LONGEST_DATE:
        return MISSING
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):  # what the library lets out for odd dates
        return MISSING
    return _with_zone(moment)


def _with_zone(moment: datetime) -> datetime:
    # RFC 5322 3.3: `-0000` says that the zone is not known, the time being UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mailboxes(header: Header, name: str) -> tuple[Address, ...] | Unavailable:
    found = addresses(header, name)
    return OverLimit(found.reason) if isinstance(found, Unavailable) else found


def _from(header: Header) -> Address | Missing | Unavailable:
    found = _mailboxes(header, "from")
    if isinstance(found, Unavailable):
        return found
    return found[0] if found else MISSING


def _from_domain(header: Header) -> Answer:
    sender = _from(header)
    return (sender.domain or MISSING) if isinstance(sender, Address) else sender


_ANSWERS: Final[dict[str, Callable[[Header], Answer]]] = {
    "message.id": lambda header: _first(header, "message-id"),
    "message.date": _date,
    "message.subject": lambda header: _first(header, "subject"),
    "message.from": _from,
    "message.from_domain": _from_domain,
    "message.to": lambda header: _mailboxes(header, "to"),
    "message.cc": lambda header: _mailboxes(header, "cc"),
    "message.received_count": lambda header: header.count("received"),
}
_FAMILIES: Final[dict[str, Callable[[Header, str], Answer]]] = {
    "message.headers": lambda header, name: tuple(header.values(name)),
    "message.raw_headers": lambda header, name: tuple(header.unfolded(name)),
    "message.header_count": lambda header, name: header.count(name),
}
