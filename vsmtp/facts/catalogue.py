"""The facts that are at hand: a dict from each one's name to the function that reads it off its subject."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network
from typing import Final, Protocol

from vsmtp.facts.organization import is_ready, org_domain
from vsmtp.facts.subject import Connection, Recipient, TlsState, Transaction
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Answer, Unasked
from vsmtp.vocabulary.facts import WEEKDAYS
from vsmtp.vocabulary.types import NETWORK_BITS


class About(Protocol):
    """What is asked about, and what is needed besides."""

    connection: Connection
    transaction: Transaction
    recipient: Recipient | None

    @property
    def now(self) -> datetime:
        """The time of this stage."""

    def tag(self, address: Address) -> Answer:
        """What follows the delimiter in a local part."""

    def owned(self, addresses: tuple[Address, ...]) -> Answer:
        """Whether the login may send from all of these; Missing without a login."""

    @property
    def authors(self) -> tuple[Address, ...] | Missing | Unavailable:
        """The mailboxes in From."""


def _client_net(book: About) -> Answer:
    address = book.connection.client_ip
    if address is None:
        return MISSING
    return ip_network((address, NETWORK_BITS[address.version]), strict=False)


def _or_missing(value: str | int | None) -> Answer:
    return MISSING if value is None or value == "" else value


def _tag(book: About, address: Address) -> Answer:
    return book.tag(address)


def _clock_seconds(book: About) -> int:
    now = book.now
    return now.hour * 3600 + now.minute * 60 + now.second


def _helo(book: About, answer: bool) -> Answer:  # noqa: FBT001 it is an answer
    return answer if book.connection.helo_name else MISSING


def _of_recipient(read: Callable[[About, Address], Answer]) -> Callable[[About], Answer]:
    return lambda book: read(book, book.recipient.address) if book.recipient else MISSING


def _of_sender(read: Callable[[About, Address], Answer]) -> Callable[[About], Answer]:
    def answer(book: About) -> Answer:
        sender = book.transaction.sender
        return MISSING if sender.is_null else read(book, sender)

    return answer


def _from_owned(book: About) -> Answer:
    # Of a message by nobody known nothing need be read.
    if not book.connection.authenticated:
        return MISSING
    authors = book.authors
    if not isinstance(authors, tuple):
        return authors
    return book.owned(authors) if authors else False


def _rcpt_known(book: About) -> bool | Missing | Unavailable | Unasked:
    return book.recipient.known if book.recipient else UNASKED


def _original(book: About) -> Answer:
    recipient = book.recipient
    return MISSING if recipient is None else recipient.original or recipient.address


def _org_domain(_: About, address: Address) -> Answer:
    if not address.domain:
        return MISSING
    return org_domain(address.domain) if is_ready() else UNASKED


def _auth_domain(book: About) -> Answer:
    return _or_missing(book.connection.user.rpartition("@")[2] if "@" in book.connection.user else "")


def _of_tls(read: Callable[[TlsState], str]) -> Callable[[About], Answer]:
    def answer(book: About) -> Answer:
        tls = book.connection.tls
        return MISSING if tls is None else _or_missing(read(tls))

    return answer


def _success(book: About) -> Answer:
    success = book.connection.auth_success
    return MISSING if success is None else success


def _domains(book: About) -> Answer:
    domains = (address.domain for address in book.transaction.recipients)
    return tuple({domain.casefold(): domain for domain in domains if domain}.values())


def _age(book: About) -> Answer:
    arrived = book.transaction.arrived
    return MISSING if arrived is None else max(0.0, book.now.timestamp() - arrived)


# Facts that the header gives are answered by `MessageView`.
ANSWERS: Final[dict[str, Callable[[About], Answer]]] = {
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
    "time.now": lambda book: book.now,
    "helo.name": lambda book: _or_missing(book.connection.helo_name),
    "helo.literal": lambda book: _helo(book, book.connection.helo_name.startswith("[")),
    "helo.esmtp": lambda book: _helo(book, book.connection.esmtp),
    "tls.active": lambda book: book.connection.tls is not None,
    "tls.version": _of_tls(lambda tls: tls.version),
    "tls.cipher": _of_tls(lambda tls: tls.cipher),
    "tls.sni": _of_tls(lambda tls: tls.sni),
    "tls.client_cert": _of_tls(lambda tls: tls.client_cert),
    "auth.user": lambda book: _or_missing(book.connection.user),
    "auth.domain": _auth_domain,
    "auth.mechanism": lambda book: _or_missing(book.connection.mechanism),
    "auth.success": _success,
    "auth.attempt": lambda book: _or_missing(book.connection.attempt or None),
    "sender.address": _of_sender(lambda _, address: address),
    "sender.local": _of_sender(lambda _, address: address.local),
    "sender.tag": _of_sender(_tag),
    "sender.domain": _of_sender(lambda _, address: _or_missing(address.domain)),
    "sender.owned": _of_sender(lambda book, address: book.owned((address,))),
    "message.from_owned": _from_owned,
    "sender.null": lambda book: book.transaction.sender.is_null,
    "sender.size": lambda book: _or_missing(book.transaction.declared_size),
    "rcpt.address": _of_recipient(lambda _, address: address),
    "rcpt.local": _of_recipient(lambda _, address: address.local),
    "rcpt.tag": _of_recipient(_tag),
    "rcpt.domain": _of_recipient(lambda _, address: _or_missing(address.domain)),
    "rcpt.original": _original,
    "rcpt.org_domain": _of_recipient(_org_domain),
    "rcpt.known": _rcpt_known,
    "rcpt.index": lambda book: book.recipient.index if book.recipient else MISSING,
    "rcpts.address": lambda book: tuple(book.transaction.recipients),
    "rcpts.domain": _domains,
    "rcpts.count": lambda book: len(book.transaction.recipients),
    "message.size": lambda book: book.transaction.size,
    "message.utf8": lambda book: book.transaction.smtputf8,
    "message.released": lambda book: book.transaction.released,
    "queue.id": lambda book: _or_missing(book.transaction.queue_id),
    "queue.attempts": lambda book: book.transaction.attempts,
    "queue.age": _age,
}
