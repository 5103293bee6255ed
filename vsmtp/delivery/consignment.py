"""What the delivery loop hands to a transport."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from vsmtp.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS, MailParameters, RcptParameters
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Outcome


class Folder(NamedTuple):
    """A Maildir that a rule chose: an absolute path, or one from the home of the recipient's system user."""

    path: str
    in_home: bool


class Consignment(NamedTuple):
    """One recipient's copy of a message, ready to go.

    `number` counts the recipients of the message; `name` is the queue id as printed, unique among all shards:
    files are named after it. `arrived` is in seconds since the epoch. `again`: an earlier attempt may have
    happened whose outcome is unknown; true for every attempt but a recipient's very first is right and cheap.
    `folder` is the Maildir that it goes to where a rule has chosen one. `wishes` is what the sender said with
    MAIL, `wished` what it said with this recipient (RFC 3461, RFC 8689).
    """

    queue_id: int
    number: int
    name: str
    sender: Address
    recipient: Address
    arrived: float
    content: Content
    eight_bit: bool = False
    smtputf8: bool = False
    again: bool = False
    folder: Folder | None = None
    wishes: MailParameters = NO_MAIL_PARAMETERS
    wished: RcptParameters = NO_RCPT_PARAMETERS


class Transport(Protocol):
    """A way to the next keeper of mail."""

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        """One outcome for each consignment, in the same order; raises nothing for the world's faults."""
        ...

    async def close(self) -> None:
        """Connections and processes are given back; deliveries under way come to an end first."""
        ...
