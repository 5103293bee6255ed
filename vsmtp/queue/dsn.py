"""The report to a sender of what became of mail (RFC 3461, RFC 3464, RFC 6522; RFC 6533 for UTF-8).

Written on bytes. All of it is 7-bit with lines of at most 998 octets, but for two cases: where the sender's
own address is not ASCII the `To` field holds it as it is, and the report travels with SMTPUTF8; and a message
that is returned whole stands in it as it came, 8-bit if it was so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from vsmtp.message.fields import header_end
from vsmtp.message.mime.transfer import quoted_printable
from vsmtp.message.trace import rfc5322_date
from vsmtp.smtp.parameters import Notify, OriginalRecipient, RcptParameters
from vsmtp.smtp.xtext import utf8_xtext
from vsmtp.values.address import Address
from vsmtp.values.outcome import Delivered, Failed, Outcome
from vsmtp.values.reply import Reply

MAX_HEADER: Final = 16 * 1024
MAX_LINE: Final = 998  # RFC 5322 2.1.1

_TEXT_WIDTH: Final = 76
_PLAIN: Final = re.compile(rb"[\t\x20-\x7e]{0,998}(?:\r\n[\t\x20-\x7e]{0,998})*")
_CONTROL: Final = re.compile(r"[^\x20-\x7e]")


class Told(NamedTuple):
    """What is told of one recipient: `original` is its ORCPT."""

    recipient: Address
    outcome: Failed | Delivered
    original: OriginalRecipient | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message for some of its recipients: all of them failed, or none.

    `token` is unique among all reports (ASCII letters and digits); `content` is the original message, of
    which all is returned if `is_full`, else the header; `envelope_id` is ENVID. Times are in seconds since
    the epoch.
    """

    server: str
    token: str
    now: float
    sender: Address
    arrived: float
    recipients: Sequence[Told]
    content: bytes
    envelope_id: str | None = None
    is_full: bool = False

    @property
    def is_failure(self) -> bool:
        """Whether the message failed for these recipients."""
        return isinstance(self.recipients[0].outcome, Failed)


def deserves_bounce(sender: Address) -> bool:
    """Whether a failure is reported: never to the null sender, or reports would circle (RFC 5321 4.5.5)."""
    return not sender.is_null


def is_told(outcome: Outcome | None, wishes: RcptParameters) -> bool:
    """Whether a sender with these wishes is to hear of that outcome now (RFC 3461 4.1, 5.2).

    Of a failure unless it said otherwise; of a success if it said so, and if nobody else will tell.
    """
    match outcome:
        case Failed():
            return not wishes.notify or Notify.FAILURE in wishes.notify
        case Delivered(success=success):
            return Notify.SUCCESS in wishes.notify and success != "passed-on"
        case _:
            return False


def bounce(report: Report) -> bytes:
    """The report as a message with CRLF line ends; it goes from the null sender to `report.sender`."""
    original = _whole(report.content) if report.is_full else _header(report.content)
    parts = [_notification(report), _status(report), original]
    boundary = _boundary(report.token, parts)
    subject = "Undelivered mail returned to sender" if report.is_failure else "Mail delivery report"
    top = [
        f"Date: {_date(report.now)}",
        f"From: Mail Delivery System <MAILER-DAEMON@{report.server}>",
        f"To: <{report.sender}>",
        f"Subject: {subject}",
        f"Message-ID: <{report.token}@{report.server}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        *([] if original.isascii() else ["Content-Transfer-Encoding: 8bit"]),
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
        "",
        "This is a delivery status notification in MIME format.",
        "",
    ]
    mark = f"--{boundary}\r\n".encode("ascii")
    end = f"--{boundary}--\r\n".encode("ascii")
    return "\r\n".join(top).encode() + b"".join(b"\r\n" + mark + part for part in parts) + b"\r\n" + end


def _boundary(token: str, parts: Sequence[bytes]) -> str:
    number = 0
    while any(f"--=_{token}.{number}".encode("ascii") in part for part in parts):
        number += 1
    return f"=_{token}.{number}"


def _part(kind: str, text: bytes) -> bytes:
    if _PLAIN.fullmatch(text):
        return f"Content-Type: {kind}\r\n\r\n".encode("ascii") + text
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode("ascii") + quoted_printable(text)


def _notification(report: Report) -> bytes:
    lines = [f"This is the mail server at {report.server}.", "", *_opening(report), ""]
    for recipient, outcome, _ in report.recipients:
        lines += [f"<{recipient}>", *_wrap(_said(outcome), "    "), ""]
    text = "\r\n".join(lines)
    charset = "us-ascii" if text.isascii() else "utf-8"
    return _part(f"text/plain; charset={charset}", text.encode())


def _opening(report: Report) -> list[str]:
    part = "All" if report.is_full else "The beginning"
    if report.is_failure:
        return [
            f"Your message of {_date(report.arrived)} could not be delivered to",
            f"the recipients below, and will not be tried again. {part} of your",
            "message follows as the last part of this report.",
        ]
    return [
        f"You wanted to hear what becomes of your message of {_date(report.arrived)}.",
        "It was delivered to the recipients below, or handed to a server that may not",
        "report of it. Its header follows as the last part of this report.",
    ]


def _said(outcome: Failed | Delivered) -> str:
    teller = _remote(outcome.where)
    if isinstance(outcome, Failed):
        said = f"{teller} said:" if teller else "This server says:"
        return f"{said} {_clean(outcome.reply)}"
    return "Delivered." if outcome.success == "delivered" else f"Handed to {teller}, which may not report."


def _status(report: Report) -> bytes:
    about = f"Reporting-MTA: dns; {report.server}\r\nArrival-Date: {_date(report.arrived)}\r\n"
    if report.envelope_id is not None:
        about = f"Original-Envelope-Id: {_CONTROL.sub('?', report.envelope_id)}\r\n{about}"
    recipients = [_recipient_fields(told) for told in report.recipients]
    return _part("message/delivery-status", "\r\n".join([about, *recipients]).encode("ascii"))


def _recipient_fields(told: Told) -> str:
    outcome = told.outcome
    remote = _remote(outcome.where)
    fields = [f"Original-Recipient: {_original(told.original)}"] if told.original else []
    fields += [
        f"Final-Recipient: {_typed(str(told.recipient))}",
        f"Action: {outcome.success if isinstance(outcome, Delivered) else 'failed'}",
        f"Status: {_code(outcome)}",
    ]
    if remote:
        fields.append(f"Remote-MTA: dns; {remote}")
    if isinstance(outcome, Failed):
        kind = "smtp" if remote else "x-vsmtp"
        fields.append("\r\n".join(_wrap(f"Diagnostic-Code: {kind}; {_clean(outcome.reply)}", "", " ")))
    return "".join(f"{field}\r\n" for field in fields)


def _code(outcome: Failed | Delivered) -> str:
    # RFC 3464 2.3.4: its class goes with the action, whatever a server's reply said.
    kind = "5" if isinstance(outcome, Failed) else "2"
    enhanced = outcome.reply.enhanced
    return enhanced if enhanced.startswith(f"{kind}.") else f"{kind}.0.0"


def _original(original: OriginalRecipient) -> str:
    if original.kind.lower() == "rfc822":
        return _typed(original.address)
    plain = original.kind.lower() != "utf-8" and original.address.isascii()
    return f"{original.kind}; {original.address if plain else utf8_xtext(original.address)}"


def _whole(content: bytes) -> bytes:
    header = content[: header_end(content)]
    if _is_utf8(header):
        # RFC 6532 3.7: a message with such a header has a type of its own, which may be encoded.
        head = b"Content-Type: message/global\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        return head + quoted_printable(content)
    encoding = b"" if content.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    return b"Content-Type: message/rfc822\r\n" + encoding + b"\r\n" + content


def _header(content: bytes) -> bytes:
    header, ended, _ = (b"\r\n" + content[: MAX_HEADER + 2]).partition(b"\r\n\r\n")
    header = header[2:]
    if not ended:  # all header, or cut: whole lines only
        header = header[: header.rfind(b"\r\n") + 2] if len(content) > MAX_HEADER else header
    return _part("message/global-headers" if _is_utf8(header) else "text/rfc822-headers", header)


def _is_utf8(header: bytes) -> bool:
    try:
        return not header.decode().isascii()
    except UnicodeDecodeError:
        return False


def _typed(address: str) -> str:
    # RFC 6533 3: for a report that may travel where SMTPUTF8 does not.
    return f"rfc822; {address}" if address.isascii() else f"utf-8; {utf8_xtext(address)}"


def _remote(where: str) -> str:
    kind, _, peer = where.partition(":")
    return _CONTROL.sub("?", peer.rpartition(":")[0] or peer) if kind == "smtp" else ""


def _clean(reply: Reply) -> str:
    return _CONTROL.sub("?", str(reply))


def _wrap(text: str, first: str, rest: str | None = None) -> list[str]:
    """Lines of at most _TEXT_WIDTH where words allow it, and of at most MAX_LINE in any case."""
    lines, line = [], first
    for word in re.findall(r"\S{1,900}", text):
        if line.strip() and len(line) + len(word) >= _TEXT_WIDTH:
            lines.append(line)
            line = first if rest is None else rest
        line += word if not line.strip() else f" {word}"
    return [*lines, line]


def _date(at: float) -> str:
    return rfc5322_date(at, offset_minutes=0)
