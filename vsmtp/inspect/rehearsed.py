"""What came of a rehearsal: plain values for whoever explains or judges it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vsmtp.inspect.account import StageSeen
from vsmtp.values.address import Address
from vsmtp.values.reply import Reply

Outcome: TypeAlias = Literal["accepted", "rejected", "deferred", "quarantined", "discarded", "closed"]
OUTCOMES: Final = ("accepted", "rejected", "deferred", "quarantined", "discarded", "closed")
End: TypeAlias = Literal["accepted", "rejected", "deferred", "quarantined", "discarded"]

# What an exchange says of the message itself.
MESSAGE: Final = "(the message)"
_REPLY: Final = re.compile(rb"(?:[0-9]{3}-.*\r\n)*[0-9]{3} .*\r\n")
_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3}) (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command as the client said it, and the server's reply; the greeting answers an empty command."""

    command: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Copy:
    """What becomes of one recipient's mail once it is queued.

    `accepted` is on its way by `transport`, which is empty where there is no way yet; `quarantined` is in
    `quarantine`; `reply` says why it was rejected or deferred or has no way, else it is empty. `message` is
    the copy's octets, the server's own fields included.
    """

    recipient: Address
    end: End
    transport: str = ""
    quarantine: str = ""
    reply: str = ""
    message: bytes = b""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The whole of it.

    `reply` is the one that decided: the last, or of recipients that were all refused the last one's. `stages`
    are in the order in which they were decided. `copies` are the recipients that were accepted.
    """

    outcome: Outcome
    reply: Reply
    dialogue: tuple[Exchange, ...]
    stages: tuple[StageSeen, ...]
    copies: tuple[Copy, ...]


def read_replies(wire: bytes) -> list[Reply]:
    """The replies that these octets are, one or, over LMTP, one for each recipient."""
    return [read_reply(match[0]) for match in _REPLY.finditer(wire)]


def read_reply(wire: bytes) -> Reply:
    """The reply that these octets are."""
    lines = wire.decode("ascii").removesuffix("\r\n").split("\r\n")
    code = int(lines[-1][:3])
    found = [_ENHANCED.fullmatch(line[4:]) for line in lines]
    enhanced = found[0][1] if found[0] else ""
    texts = (match[2] if match else line[4:] for match, line in zip(found, lines, strict=True))
    return Reply(code, enhanced, "\n".join(texts))


def refusal(reply: Reply) -> Outcome:
    """What a negative reply makes of the mail."""
    return "rejected" if reply.is_permanent else "deferred"


def outcome_of(copies: Sequence[Copy]) -> Outcome:
    """What becomes of a message that got its 250: what becomes of all its copies, or else `accepted`."""
    ends = {copy.end for copy in copies}
    return ends.pop() if len(ends) == 1 else "accepted" if ends else "discarded"
