"""One client's visit: who it is, what rules have said of it, and the mail that it is bringing.

What a verdict means later (trust, discard, quarantine) is remembered in the scope in which it was given: the
connection's here, the transaction's and each recipient's in the mailing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vsmtp.facts import subject
from vsmtp.server.context import Visitor
from vsmtp.server.listener import Client
from vsmtp.server.mailing import Mailing, Scope
from vsmtp.server.office import Office

_NONE: Final[Mapping[str, subject.Variable]] = {}


class Visit:
    """What is known of the client and its mail.

    `name` is the session's; `subject` is what rules know of the client and `book` answers them; `scope` is
    what they have said of it; `binding` is what a login can be bound to. `mailing` is the transaction under
    way, `transactions` how many there were, and `messages` how many became the queue's.
    """

    __slots__ = (
        "_connected", "_office", "_variables", "binding", "book", "client", "mailing", "messages", "name",
        "scope", "subject", "transactions", "visitor",
    )  # fmt: skip

    def __init__(self, office: Office, client: Client, name: str) -> None:
        self.client = client
        self.name = name
        self.messages = self.transactions = 0
        self.mailing: Mailing | None = None
        self.binding = b""
        self.subject = subject.Connection(
            client.ip, client.port, client.listener, client.listener_port, client.kind, client.trusted
        )
        self.visitor = Visitor(self.subject, client.address, name)
        self.book = office.book(self.subject, None)
        self.scope = self._connected = Scope()
        # What rules of `connect` set, which STARTTLS leaves as it is.
        self._variables = _NONE
        self._office = office

    @property
    def is_known(self) -> bool:
        """Whether the client is no stranger: its network is trusted, or it has logged in."""
        return self.subject.trusted or self.subject.authenticated

    @property
    def is_writing(self) -> bool:
        """Whether reading must pause for the disk."""
        mailing = self.mailing
        return mailing is not None and mailing.reception is not None and mailing.reception.is_busy

    def become(self, client: Client) -> None:
        """Forget all that was known of the client: a proxy has said who it is."""
        self.client = client
        self.scope = self._connected = Scope()
        self._forget(self.subject.tls, {})

    def secure(self, tls: subject.TlsState, binding: bytes) -> None:
        """Forget all that the client has said: from now on it speaks under TLS (RFC 3207 4.2)."""
        self.binding = binding
        self.scope = self._connected.copy()
        self._forget(tls, {**self._variables})

    def admit(self) -> None:
        """Keep what the rules of `connect` have set: they let the client in."""
        if self.subject.variables:
            self._variables = dict(self.subject.variables)

    def greet(self, name: str, *, esmtp: bool) -> None:
        """Take the client's greeting in the place of an earlier one, and of what rules have said of that."""
        self.subject.helo_name, self.subject.esmtp = name, esmtp
        if self.transactions:
            # What rules set from now on is the connection's again, not the last mail's.
            self.book = self._office.book(self.subject, None)
        self.scope = self._connected.copy()

    def note_login(self, said: Scope) -> None:
        """Remember what rules have said of a login: it outlasts another greeting."""
        for scope in (self.scope, self._connected):
            scope.add(said)

    def begin(self, mailing: Mailing) -> None:
        """Let `mailing` be the transaction under way, and the next one counted."""
        self.mailing = mailing
        self.transactions += 1

    def drop(self) -> None:
        """Forget the transaction under way, and what was written of its message."""
        mailing, self.mailing = self.mailing, None
        if mailing is not None and mailing.reception is not None:
            mailing.reception.discard()

    def _forget(self, tls: subject.TlsState | None, variables: dict[str, subject.Variable]) -> None:
        self.drop()
        client = self.client
        self.subject = subject.Connection(
            client.ip, client.port, client.listener, client.listener_port, client.kind, client.trusted,
            attempt=self.subject.attempt, tls=tls, variables=variables,
        )  # fmt: skip
        self.visitor = Visitor(self.subject, client.address, self.name)
        self.book = self._office.book(self.subject, None)
