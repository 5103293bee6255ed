"""Everything that the server says of itself. The class is the event, its fields are the keys of the line.

`session` and `queue` stand on every line that belongs to one; they are empty where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vsmtp.vocabulary.actions import Level


@dataclass(frozen=True, slots=True)
class Started:
    """The server listens."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "started"
    version: str
    name: str
    addresses: tuple[str, ...]
    spool: str
    recovered: int


@dataclass(frozen=True, slots=True)
class Stopping:
    """The server takes no more connections."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "stopping"
    reason: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The server ends."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "stopped"


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A client is connected."""

    level: ClassVar[Level] = "debug"
    event: ClassVar[str] = "session opened"
    session: str
    client: str
    listener: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A client is gone. `reason` says who ended it: quit, disconnected, timeout, errors, shutdown."""

    level: ClassVar[Level] = "debug"
    event: ClassVar[str] = "session closed"
    session: str
    client: str
    reason: str
    messages: int


@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """A connection over a limit was turned away before a session began."""

    level: ClassVar[Level] = "warning"
    event: ClassVar[str] = "connection refused"
    client: str
    listener: str
    reason: str


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """TLS with a client did not come about, or broke."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "TLS failed"
    session: str
    client: str
    reason: str


@dataclass(frozen=True, slots=True)
class CertificatesRead:
    """Certificates had changed and are in use now."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "certificates read"


@dataclass(frozen=True, slots=True)
class CertificatesNotRead:
    """Certificates have changed and cannot be used; those before them stay in use."""

    level: ClassVar[Level] = "error"
    event: ClassVar[str] = "certificates not read"
    reason: str


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """A rule refused at a stage. `rule` is empty where the server itself did."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "refused"
    session: str
    client: str
    stage: str
    rule: str
    sender: str
    recipient: str
    reply: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A client has shown who it is."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "logged in"
    session: str
    client: str
    user: str
    mechanism: str


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """A client has not. `user` is who it said it was, as far as it said so."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "login failed"
    session: str
    client: str
    user: str
    mechanism: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoginUnavailable:
    """Whoever judges passwords cannot be asked; the client was told to come again."""

    level: ClassVar[Level] = "error"
    event: ClassVar[str] = "login unavailable"
    session: str
    user: str
    mechanism: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessageAccepted:
    """A message is on stable storage and its 250 on the way."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "accepted"
    session: str
    queue: str
    client: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    state: str


@dataclass(frozen=True, slots=True)
class MessageDiscarded:
    """A rule had the message accepted and dropped."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "discarded"
    session: str
    queue: str
    sender: str


@dataclass(frozen=True, slots=True)
class MessageNotStored:
    """The spool could not take a message; the client was told to come again."""

    level: ClassVar[Level] = "error"
    event: ClassVar[str] = "not stored"
    session: str
    queue: str
    sender: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleNoted:
    """A rule's own `log` effect, or what a rule in dry run would have done."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "rule"
    session: str
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class RuleSkipped:
    """A rule was passed over for want of facts that could not be had."""

    level: ClassVar[Level] = "warning"
    event: ClassVar[str] = "rule skipped"
    session: str
    rule: str
    unavailable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EffectFailed:
    """What a matching rule wanted could not be done."""

    level: ClassVar[Level] = "warning"
    event: ClassVar[str] = "effect failed"
    session: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class TableBroken:
    """A table cannot be read, or something in it cannot be understood."""

    level: ClassVar[Level] = "warning"
    event: ClassVar[str] = "table broken"
    table: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessageHeld:
    """A rule that ran after the message was queued put it, or some of its recipients, into a quarantine."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "held"
    session: str
    queue: str
    sender: str
    recipients: tuple[str, ...]
    state: str
    rule: str


@dataclass(frozen=True, slots=True)
class RecipientDelivered:
    """The next keeper has taken responsibility. `delay` is seconds since the message arrived."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "delivered"
    session: str
    queue: str
    sender: str
    recipient: str
    where: str
    reply: str
    delay: float


@dataclass(frozen=True, slots=True)
class RecipientDeferred:
    """A recipient stays in the queue; `due` is seconds from now."""

    level: ClassVar[Level] = "warning"
    event: ClassVar[str] = "deferred"
    session: str
    queue: str
    sender: str
    recipient: str
    where: str
    reply: str
    attempts: int
    due: float


@dataclass(frozen=True, slots=True)
class RecipientDropped:
    """A recipient left the queue undelivered and unreported, because a rule wanted that."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "dropped"
    session: str
    queue: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class RecipientFailed:
    """A recipient left the queue undelivered; `bounce` is the queue id of the report, or empty."""

    level: ClassVar[Level] = "warning"
    event: ClassVar[str] = "failed"
    session: str
    queue: str
    sender: str
    recipient: str
    where: str
    reply: str
    bounce: str


@dataclass(frozen=True, slots=True)
class ShardAdopted:
    """The queue of a worker that had ended was taken over."""

    level: ClassVar[Level] = "info"
    event: ClassVar[str] = "queue adopted"
    shard: str
    messages: int


@dataclass(frozen=True, slots=True)
class ShardNotOpened:
    """The queue of a worker that had ended cannot be taken over for now; it is tried again."""

    level: ClassVar[Level] = "warning"
    event: ClassVar[str] = "queue not opened"
    shard: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShardSetAside:
    """A shard could not be trusted; its messages were copied into a new one."""

    level: ClassVar[Level] = "error"
    event: ClassVar[str] = "queue set aside"
    shard: str
    reason: str
    rescued: int


@dataclass(frozen=True, slots=True)
class WaitingForSpace:
    """The disk of the spool is so full that it cannot be opened; nobody is served until there is space."""

    level: ClassVar[Level] = "error"
    event: ClassVar[str] = "waiting for space"
    spool: str
    reason: str


@dataclass(frozen=True, slots=True)
class SpoolFailed:
    """An I/O error: nothing more is acknowledged, and the worker ends."""

    level: ClassVar[Level] = "error"
    event: ClassVar[str] = "spool failed"
    reason: str


@dataclass(frozen=True, slots=True)
class Bug:
    """We are wrong: the session was closed with 421; `trace` tells where."""

    level: ClassVar[Level] = "error"
    event: ClassVar[str] = "internal error"
    session: str
    trace: str
