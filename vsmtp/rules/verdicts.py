"""What a stage's rules decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.values.reply import Reply


@dataclass(frozen=True, slots=True)
class Accept:
    """Let it through: no other table of this stage is consulted. At `rcpt` this permits relaying."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Skip all tables up to and with `prequeue`, for the connection, transaction or recipient at hand."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse for good with a 5yz reply; `close` ends the connection too."""

    reply: Reply
    close: bool = False


@dataclass(frozen=True, slots=True)
class Defer:
    """Refuse for now with a 4yz reply; after queueing, retry after `retry_in` seconds if that is given."""

    reply: Reply
    retry_in: float | None = None


@dataclass(frozen=True, slots=True)
class Discard:
    """Answer 250 and drop."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Answer 250, keep it in the quarantine of that name, deliver nothing."""

    name: str


@dataclass(frozen=True, slots=True)
class Delegate:
    """Hand the message to that service; go on, with what it sends back, at the rule after this one."""

    service: str


Verdict: TypeAlias = Accept | Trust | Refuse | Defer | Discard | Quarantine | Delegate
