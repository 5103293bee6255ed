"""Who answers a rule's question: a dict from each fact's name to the function that knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Final

from vsmtp.facts.message import MessageView
from vsmtp.facts.mime import SurveyJob
from vsmtp.facts.subject import Connection, Recipient, Transaction
from vsmtp.message.edits import Edit, edit
from vsmtp.message.mime.survey import Survey
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Answer, Unasked
from vsmtp.vocabulary.facts import WEEKDAYS
from vsmtp.vocabulary.types import NETWORK_BITS

_NOBODY: Final = Transaction()


class FactBook:
    """Answers about a connection, the transaction on it and the recipient at hand.

    `clock` gives the time in the time zone of the rules; it is read once a stage. `delimiter` parts a local
    part from its tag; empty: there are no tags. Assign `transaction` and `recipient` as the mail goes on;
    call `begin_stage` before each evaluation. What the header says is read once, and anew after `apply`.
    """

    __slots__ = (
        "_clock", "_delimiter", "_message", "_now", "connection", "recipient", "transaction",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        transaction: Transaction | None,
        clock: Callable[[], datetime],
        delimiter: str = "+",
    ) -> None:
        self.connection = connection
        self.transaction = transaction or _NOBODY
        self.recipient: Recipient | None = None
        self._clock = clock
        self._delimiter = delimiter
        self._now: datetime | None = None
        self._message: MessageView | None = None

    def begin_stage(self) -> None:
        """Forget the time: the next evaluation has its own."""
        self._now = None

    def ask(self, name: str) -> Answer:
        """See `vocabulary.answers.Facts`; Missing for a name that is no fact."""
        answer = ANSWERS.get(name)
        if answer is not None:
            return answer(self)
        return self._from_header(name)

    def survey_job(self) -> SurveyJob | None:
        """What answers an `Asks` for a fact about the parts of the message: to be run in a thread."""
        return self._message.job if self._message is not None else None

    def store_survey(self, found: Survey | Unavailable) -> None:
        """Keep what the survey job found."""
        if self._message is not None:
            self._message.store(found)

    def store(self, name: str, answer: bool | Missing | Unavailable) -> None:  # noqa: FBT001 it is an answer
        """Keep what was fetched after `Asks`; KeyError for a fact that needs no fetching."""
        STORES[name](self, answer)

    def apply(self, edits: Sequence[Edit]) -> None:
        """Edit the header block of the transaction; facts read from it are asked anew."""
        if edits and self.transaction.head is not None:
            head = edit(self.transaction.head, edits, utf8=self.transaction.smtputf8)
            self.transaction.head = head
            self._message = self._message and self._message.edited(head)

    def forget_message(self) -> None:
        """Call this when another head was put into the transaction."""
        self._message = None

    def _from_header(self, name: str) -> Answer:
        if self._message is None:
            if self.transaction.head is None:
                return MISSING
            self._message = MessageView(self.transaction.head, self.transaction.body)
        return self._message.ask(name)

    @property
    def now(self) -> datetime:
        """The time of this stage."""
        if self._now is None:
            self._now = self._clock()
        return self._now

    def tag(self, address: Address) -> Answer:
        """What follows the delimiter in a local part."""
        if not self._delimiter:
            return MISSING
        _, found, tag = address.local.partition(self._delimiter)
        return tag if found and tag else MISSING


def _client_net(book: FactBook) -> Answer:
    address = book.connection.client_ip
    if address is None:
        return MISSING
    return ip_network((address, NETWORK_BITS[address.version]), strict=False)


def _or_missing(value: str | int | None) -> Answer:
    return MISSING if value is None or value == "" else value


def _clock_seconds(book: FactBook) -> int:
    now = book.now
    return now.hour * 3600 + now.minute * 60 + now.second


def _helo(book: FactBook, answer: bool) -> Answer:  # noqa: FBT001 it is an answer
    return answer if book.connection.helo_name else MISSING


def _of_recipient(read: Callable[[FactBook, Address], Answer]) -> Callable[[FactBook], Answer]:
    return lambda book: read(book, book.recipient.address) if book.recipient else MISSING


def _of_sender(read: Callable[[FactBook, Address], Answer]) -> Callable[[FactBook], Answer]:
    def answer(book: FactBook) -> Answer:
        sender = book.transaction.sender
        return MISSING if sender.is_null else read(book, sender)

    return answer


def _rcpt_known(book: FactBook) -> bool | Missing | Unavailable | Unasked:
    return book.recipient.known if book.recipient else UNASKED


def _domains(book: FactBook) -> Answer:
    domains = (address.domain for address in book.transaction.recipients)
    return tuple({domain.casefold(): domain for domain in domains if domain}.values())


def _age(book: FactBook) -> Answer:
    arrived = book.transaction.arrived
    return MISSING if arrived is None else max(0.0, book.now.timestamp() - arrived)


def _store_known(book: FactBook, answer: bool | Missing | Unavailable) -> None:  # noqa: FBT001
    if book.recipient is not None:
        book.recipient.known = answer


# Facts that the header gives are answered by `MessageView`.
ANSWERS: Final[dict[str, Callable[[FactBook], Answer]]] = {
    "client.ip": lambda book: book.connection.client_ip or MISSING,
    "client.net": _client_net,
    "client.port": lambda book: _or_missing(book.connection.client_port),
    "client.trusted": lambda book: book.connection.trusted,
    "client.stranger": lambda book: not (book.connection.trusted or book.connection.authenticated),
    "listener.name": lambda book: _or_missing(book.connection.listener_name),
    "listener.port": lambda book: _or_missing(book.connection.listener_port),
    "listener.kind": lambda book: _or_missing(book.connection.listener_kind),
    "time.hour": lambda book: book.now.hour,
    "time.weekday": lambda book: WEEKDAYS[book.now.weekday()],
    "time.date": lambda book: book.now.date(),
    "time.clock": _clock_seconds,
    "time.iso": lambda book: book.now.isoformat(timespec="seconds"),
    "helo.name": lambda book: _or_missing(book.connection.helo_name),
    "helo.literal": lambda book: _helo(book, book.connection.helo_name.startswith("[")),
    "helo.esmtp": lambda book: _helo(book, book.connection.esmtp),
    "sender.address": _of_sender(lambda _, address: address),
    "sender.local": _of_sender(lambda _, address: address.local),
    "sender.tag": _of_sender(FactBook.tag),
    "sender.domain": _of_sender(lambda _, address: _or_missing(address.domain)),
    "sender.null": lambda book: book.transaction.sender.is_null,
    "sender.size": lambda book: _or_missing(book.transaction.declared_size),
    "rcpt.address": _of_recipient(lambda _, address: address),
    "rcpt.local": _of_recipient(lambda _, address: address.local),
    "rcpt.tag": _of_recipient(FactBook.tag),
    "rcpt.domain": _of_recipient(lambda _, address: _or_missing(address.domain)),
    "rcpt.known": _rcpt_known,
    "rcpt.index": lambda book: book.recipient.index if book.recipient else MISSING,
    "rcpts.address": lambda book: tuple(book.transaction.recipients),
    "rcpts.domain": _domains,
    "rcpts.count": lambda book: len(book.transaction.recipients),
    "message.size": lambda book: book.transaction.size,
    "message.utf8": lambda book: book.transaction.smtputf8,
    "queue.id": lambda book: _or_missing(book.transaction.queue_id),
    "queue.attempts": lambda book: book.transaction.attempts,
    "queue.age": _age,
}
# Facts that cost I/O: the driver fetches them and puts them here.
STORES: Final[dict[str, Callable[[FactBook, bool | Missing | Unavailable], None]]] = {
    "rcpt.known": _store_known,
}
