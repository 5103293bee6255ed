"""The report to a sender as a message for the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vsmtp.queue.dsn import Report, bounce
from vsmtp.queue.records import ACTIVE, Addressee, NewMessage
from vsmtp.queue.spool import Spool
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Failed


class Failing(NamedTuple):
    """The mail that failed: sender, time of arrival (seconds since the epoch), session, octets."""

    sender: Address
    arrived: float
    session: str
    octets: bytes


def compose_bounce(
    server: str,
    spool: Spool,
    failing: Failing,
    failures: Sequence[tuple[Address, Failed]],
    now: float | None = None,
) -> NewMessage:
    """The report from the null sender; `now` in seconds since the epoch, by default when the mail arrived."""
    now = failing.arrived if now is None else now
    number = spool.number(now)
    report = Report(
        server, spool.name(number), now, failing.sender, failing.arrived, failures, failing.octets
    )
    return NewMessage(
        number, now, NULL_SENDER, eight_bit=False, smtputf8=not failing.sender.is_ascii,
        session=failing.session, state=ACTIVE, recipients=(Addressee(failing.sender),),
        content=Content(bounce(report)),
    )  # fmt: skip
