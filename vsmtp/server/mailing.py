"""A mail transaction as the server keeps it, and the messages that come out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeAlias

import orjson

from vsmtp.facts import subject
from vsmtp.message.edits import Edit
from vsmtp.rules.verdicts import Discard, Quarantine
from vsmtp.server.reception import Reception
from vsmtp.values.address import Address

Fate: TypeAlias = Discard | Quarantine | None


@dataclass(slots=True)
class Scope:
    """What rules have said so far of a connection, a transaction or a recipient, for later."""

    trusted: bool = False
    fate: Fate = None
    edits: list[Edit] = field(default_factory=list)

    def copy(self) -> Scope:
        """The same, to be said more of without changing this."""
        return Scope(self.trusted, self.fate, [*self.edits])


@dataclass(slots=True)
class Accepted:
    """A recipient that was accepted, under the address it is delivered to."""

    address: Address
    scope: Scope


@dataclass(slots=True)
class Mailing:
    """One transaction. `keys` are the addresses named so far, so that equal recipients are one."""

    subject: subject.Transaction
    eight_bit: bool
    scope: Scope = field(default_factory=Scope)
    recipients: list[Accepted] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    reception: Reception | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether no rule looks at the message any more."""
        return self.scope.trusted or (bool(self.recipients) and self.recipients[0].scope.trusted)

    @property
    def only_recipient(self) -> Address | None:
        """The recipient if there is but one: naming one of several would betray a Bcc."""
        return self.recipients[0].address if len(self.recipients) == 1 else None

    def by_fate(self) -> Iterator[tuple[Fate, list[Accepted]]]:
        """The recipients in groups that are queued apart, those that are dropped among them."""
        groups: dict[Fate, list[Accepted]] = {}
        for recipient in self.recipients:
            groups.setdefault(recipient.scope.fate or self.scope.fate, []).append(recipient)
        yield from groups.items()


def hops(head: bytes) -> int:
    """How many servers have handled the message: its Received fields."""
    return (b"\n" + head).lower().count(b"\nreceived:")


@dataclass(slots=True)
class Visitor:
    """Who brings the mail: what rules know of the client, its address as text, the session's name."""

    subject: subject.Connection
    address: str
    session: str


def context_of(visitor: Visitor) -> str:
    """What later rules may ask of the session, as JSON."""
    connection = visitor.subject
    return orjson.dumps(
        {
            "ip": visitor.address,
            "port": connection.client_port,
            "listener": connection.listener_name,
            "listener_port": connection.listener_port,
            "kind": connection.listener_kind,
            "trusted": connection.trusted,
            "helo": connection.helo_name,
            "esmtp": connection.esmtp,
        }
    ).decode()


def connection_of(context: str) -> subject.Connection:
    """The connection that `context_of` wrote down; one without a client where nothing was."""
    kept = orjson.loads(context)
    return subject.Connection(
        ip_address(kept["ip"]) if kept.get("ip") else None, kept.get("port"), kept.get("listener", ""),
        kept.get("listener_port"), kept.get("kind", "pickup"), kept.get("trusted", True),
        helo_name=kept.get("helo", ""), esmtp=kept.get("esmtp", False),
    )  # fmt: skip
