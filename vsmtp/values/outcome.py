"""What became of one recipient in one delivery attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from vsmtp.values.reply import Reply

# What a success is to a sender who wants to hear of it (RFC 3464 2.3.3): in the mailbox, or with one that
# does not report. Where the next server took that duty over it is for that one to tell (RFC 3461 5.2.1).
Success: TypeAlias = Literal["delivered", "relayed", "passed-on"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next keeper of the mail has taken responsibility for it.

    `where` names that keeper (`maildir:/home/a/Maildir`, `smtp:[192.0.2.1]:25`); `reply` is what it said;
    `success` who is to tell the sender, and of what.
    """

    where: str
    reply: Reply
    success: Success = "delivered"


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: the recipient stays in the queue. `where` may be empty when nobody was reached."""

    where: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: the sender is to hear why."""

    where: str
    reply: Reply


Outcome: TypeAlias = Delivered | Deferred | Failed
