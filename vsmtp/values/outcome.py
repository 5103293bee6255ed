"""What became of one recipient in one delivery attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.values.reply import Reply


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next keeper of the mail has taken responsibility for it.

    `where` names that keeper (`maildir:/home/a/Maildir`, `smtp:[192.0.2.1]:25`); `reply` is what it said.
    """

    where: str
    reply: Reply


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
