"""The trace fields a mail server writes on top of a message (RFC 5321 4.4, RFC 3848)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from itertools import product, starmap
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from vsmtp.values.address import Address

Protocol: TypeAlias = Literal[
    "SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA", "LMTP", "LMTPS", "LMTPA", "LMTPSA",
    "UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA", "UTF8LMTP", "UTF8LMTPS", "UTF8LMTPA", "UTF8LMTPSA",
]  # fmt: skip

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# What a client calls itself, and what its DNS calls it, is the client's to choose: nothing of it may look
# like another part of the field, a comment or a line end.
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9._:\-\[\]]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_NAME: Final = 255


class Trace(NamedTuple):
    """What is known of one reception.

    `ip` is the client's address as text, `rdns` its validated name or empty, `by` this server's name,
    `queue_id` ours, `recipient` the only recipient or None: with several, naming one would betray a Bcc.
    `date` is as `rfc5322_date` writes it; `tls` names the version and the cipher suite, empty without TLS.
    `hides_client`: nothing is to be told of the client, for it is somebody's at home.
    """

    helo: str
    rdns: str
    ip: str
    by: str
    protocol: Protocol
    queue_id: str
    recipient: Address | None
    date: str
    tls: str = ""
    hides_client: bool = False


class Manner(NamedTuple):
    """How a client spoke with us."""

    is_lmtp: bool = False
    is_extended: bool = False
    is_utf8: bool = False
    is_secure: bool = False
    is_known: bool = False


def protocol_of(manner: Manner) -> Protocol:
    """The word for how a mail came (RFC 3848, RFC 6531 4.3); who said HELO had nothing but that."""
    return _PROTOCOLS[manner]


def _protocol(manner: Manner) -> Protocol:
    if not (manner.is_extended or manner.is_lmtp):
        return "SMTP"
    plain = "LMTP" if manner.is_lmtp else "SMTP" if manner.is_utf8 else "ESMTP"
    before = "UTF8" if manner.is_utf8 else ""
    return cast("Protocol", f"{before}{plain}{'S' * manner.is_secure}{'A' * manner.is_known}")


_PROTOCOLS: Final = {
    manner: _protocol(manner) for manner in starmap(Manner, product((False, True), repeat=5))
}


def received(trace: Trace) -> bytes:
    """Write the Received field, folded, with its CRLF."""
    recipient = "" if trace.recipient is None else f"\r\n\tfor <{_clean(str(trace.recipient))}>"
    tls = f" ({_name(trace.tls).replace('?', ' ')})" if trace.tls else ""
    return (
        f"Received: from {_client(trace)}\r\n\tby {trace.by} with {trace.protocol}{tls}"
        f" id {trace.queue_id}{recipient};\r\n\t{trace.date}\r\n"
    ).encode()


def _client(trace: Trace) -> str:
    if trace.hides_client:
        return "unknown (authenticated)"
    helo = _name(trace.helo) or "unknown"
    rdns = (trace.rdns and _name(trace.rdns)) or "unknown"
    ip = f"IPv6:{trace.ip}" if ":" in trace.ip else trace.ip
    return f"{helo} ({rdns} [{ip}])"


def rfc5322_date(epoch: float, offset_minutes: int) -> str:
    """Write `Thu, 13 Feb 2025 23:31:30 +0100`: seconds since 1970 as a clock east of UTC shows them.

    The same for a whole second: worth keeping by whoever writes many (RFC 5322 3.3).
    """
    moment = datetime.fromtimestamp(int(epoch), timezone(timedelta(minutes=offset_minutes)))
    hours, minutes = divmod(abs(offset_minutes), 60)
    sign = "-" if offset_minutes < 0 else "+"
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d}"
        f" {moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} {sign}{hours:02d}{minutes:02d}"
    )


def return_path(sender: Address) -> bytes:
    """Write the Return-Path field of final delivery, `<>` for the null sender."""
    return f"Return-Path: <{_clean(str(sender))}>\r\n".encode()


def delivered_to(recipient: Address) -> bytes:
    """Write the Delivered-To field, by which a mail loop through this mailbox is seen."""
    return f"Delivered-To: {_clean(str(recipient))}\r\n".encode()


def _name(text: str) -> str:
    return _NOT_A_NAME.sub("?", text[:_MAX_NAME])


def _clean(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub("?", text)
