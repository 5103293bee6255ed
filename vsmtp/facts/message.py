"""What rules can know of a message: its header, read when first asked for, and at most once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from vsmtp.message.fields import Header, scan
from vsmtp.message.mailboxes import addresses
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, OverLimit, Unavailable
from vsmtp.vocabulary.answers import Answer

# The longest date of RFC 5322 with comments worth reading; the library's parser is not made for more.
_LONGEST_DATE: Final = 128


class MessageView:
    """Answers about one state of a header block; after an edit there is a new view."""

    __slots__ = ("_answers", "_head", "_header")

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._header: Header | Unavailable | None = None
        self._answers: dict[str, Answer] = {}

    def ask(self, name: str) -> Answer:
        """The answer to a `message.` fact that the header gives; Missing for one that is none."""
        answer = self._answers.get(name)
        if answer is None:
            answer = self._answers[name] = self._answer(name)
        return answer

    def _answer(self, name: str) -> Answer:
        if self._header is None:
            self._header = scan(self._head)
        if isinstance(self._header, Unavailable):
            return OverLimit(self._header.reason)
        plain = _ANSWERS.get(name)
        if plain is not None:
            return plain(self._header)
        family, _, field = name.rpartition(".")
        member = _FAMILIES.get(family)
        return member(self._header, field) if member else MISSING


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
    "message.defects": lambda header: header.defects,
}
_FAMILIES: Final[dict[str, Callable[[Header, str], Answer]]] = {
    "message.headers": lambda header, name: tuple(header.values(name)),
    "message.raw_headers": lambda header, name: tuple(header.unfolded(name)),
    "message.header_count": lambda header, name: header.count(name),
}
