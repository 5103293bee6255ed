"""The report to a sender as a message for the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from vsmtp.queue.dsn import Report, Told, bounce
from vsmtp.queue.records import ACTIVE, Addressee, NewMessage
from vsmtp.queue.spool import Spool
from vsmtp.smtp.parameters import (
    NO_MAIL_PARAMETERS,
    MailParameters,
    Notify,
    RcptParameters,
    Return,
)
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Failed

# RFC 3461 6.1: of what becomes of a report nobody is told, by no server on its way.
_UNTOLD: Final = RcptParameters(frozenset({Notify.NEVER}))
_TLS: Final = MailParameters(requiretls=True)


class Failing(NamedTuple):
    """The mail that is reported on: sender, time of arrival (seconds since the epoch), session, octets."""

    sender: Address
    arrived: float
    session: str
    content: Content
    wishes: MailParameters = NO_MAIL_PARAMETERS

    @property
    def comes_back(self) -> bool:
        """Whether all of it is returned when it fails, as the sender wants it.

        RFC 8689 5: not what had to travel under TLS, for the way back may be another. And not what does not
        fit into memory.
        """
        wishes = self.wishes
        return wishes.ret is Return.FULL and not wishes.requiretls and self.content.file is None


def compose_bounce(
    server: str, spool: Spool, failing: Failing, told: Sequence[Told], now: float | None = None
) -> NewMessage:
    """The report from the null sender; `now` in seconds since the epoch, by default when the mail arrived.

    `told` are recipients for all of whom the mail has failed, or for none.
    """
    now = failing.arrived if now is None else now
    number = spool.number(now)
    report = Report(
        server, spool.name(number), now, failing.sender, failing.arrived, told, failing.content.data,
        failing.wishes.envelope_id, is_full=failing.comes_back and isinstance(told[0].outcome, Failed),
    )  # fmt: skip
    octets = bounce(report)
    return NewMessage(
        number, now, NULL_SENDER, eight_bit=not octets.isascii(), smtputf8=not failing.sender.is_ascii,
        session=failing.session, state=ACTIVE, recipients=(Addressee(failing.sender, "", _UNTOLD),),
        content=Content(octets), parameters=_TLS if failing.wishes.requiretls else NO_MAIL_PARAMETERS,
    )  # fmt: skip
