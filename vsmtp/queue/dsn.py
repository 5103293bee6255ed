"""The report to a sender whose mail could not be delivered (RFC 3464, RFC 6522; RFC 6533 for UTF-8).

Written on bytes. All of it is 7-bit with lines of at most 998 octets, but for one case: where the sender's
own address is not ASCII the `To` field holds it as it is, and the report travels with SMTPUTF8.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vsmtp.message.trace import rfc5322_date
from vsmtp.values.address import Address
from vsmtp.values.outcome import Failed
from vsmtp.values.reply import Reply

MAX_HEADER: Final = 16 * 1024
MAX_LINE: Final = 998  # RFC 5322 2.1.1

_TEXT_WIDTH: Final = 76
_QP_WIDTH: Final = 72
_PLAIN: Final = re.compile(rb"[\t\x20-\x7e]{0,998}(?:\r\n[\t\x20-\x7e]{0,998})*")
_QP_UNSAFE: Final = re.compile(rb"[^\t\x20-\x3c\x3e-\x7e]|[\t ]\Z")
_QP_PIECE: Final = re.compile(rb"(?:=[0-9A-F]{2}|[^=]){1,%d}" % _QP_WIDTH)
_CONTROL: Final = re.compile(r"[^\x20-\x7e]")
_NOT_XTEXT: Final = re.compile(r"[^\x21-\x7e]|[\\+=]")


@dataclass(frozen=True, slots=True)
class Report:
    """A message that failed for some of its recipients.

    `token` is unique among all reports (ASCII letters and digits); `header` begins the original content and
    may go on into the body; times are in seconds since the epoch.
    """

    server: str
    token: str
    now: float
    sender: Address
    arrived: float
    failures: Sequence[tuple[Address, Failed]]
    header: bytes


def deserves_bounce(sender: Address) -> bool:
    """Whether a failure is reported: never to the null sender, or reports would circle (RFC 5321 4.5.5)."""
    return not sender.is_null


def bounce(report: Report) -> bytes:
    """The report as a message with CRLF line ends; it goes from the null sender to `report.sender`."""
    parts = [_notification(report), _status(report), _original(report.header)]
    boundary = _boundary(report.token, parts)
    top = [
        f"Date: {_date(report.now)}",
        f"From: Mail Delivery System <MAILER-DAEMON@{report.server}>",
        f"To: <{report.sender}>",
        "Subject: Undelivered mail returned to sender",
        f"Message-ID: <{report.token}@{report.server}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
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
    return head.encode("ascii") + b"\r\n".join(map(_quoted_printable, text.split(b"\r\n")))


def _quoted_printable(line: bytes) -> bytes:
    # RFC 2045 6.7; a soft line break never falls into an escape.
    escaped = _QP_UNSAFE.sub(lambda match: b"=%02X" % match[0][0], line)
    return b"=\r\n".join(_QP_PIECE.findall(escaped))


def _notification(report: Report) -> bytes:
    lines = [
        f"This is the mail server at {report.server}.",
        "",
        f"Your message of {_date(report.arrived)} could not be delivered to",
        "the recipients below, and will not be tried again. The beginning of your",
        "message follows as the last part of this report.",
        "",
    ]
    for recipient, failure in report.failures:
        teller = _remote(failure.where)
        said = f"{teller} said:" if teller else "This server says:"
        lines += [f"<{recipient}>", *_wrap(f"{said} {_clean(failure.reply)}", "    "), ""]
    text = "\r\n".join(lines)
    charset = "us-ascii" if text.isascii() else "utf-8"
    return _part(f"text/plain; charset={charset}", text.encode())


def _status(report: Report) -> bytes:
    about = f"Reporting-MTA: dns; {report.server}\r\nArrival-Date: {_date(report.arrived)}\r\n"
    recipients = [_recipient_fields(recipient, failure) for recipient, failure in report.failures]
    return _part("message/delivery-status", "\r\n".join([about, *recipients]).encode("ascii"))


def _recipient_fields(recipient: Address, failure: Failed) -> str:
    remote = _remote(failure.where)
    kind = "smtp" if remote else "x-vsmtp"
    fields = [
        f"Final-Recipient: {_typed(recipient)}",
        "Action: failed",
        f"Status: {failure.reply.enhanced or '5.0.0'}",
        *([f"Remote-MTA: dns; {remote}"] if remote else []),
        "\r\n".join(_wrap(f"Diagnostic-Code: {kind}; {_clean(failure.reply)}", "", " ")),
    ]
    return "".join(f"{field}\r\n" for field in fields)


def _original(content: bytes) -> bytes:
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


def _typed(recipient: Address) -> str:
    if recipient.is_ascii:
        return f"rfc822; {recipient}"
    # RFC 6533 3: utf-8-addr-xtext, for a report that may travel where SMTPUTF8 does not.
    return "utf-8; " + _NOT_XTEXT.sub(lambda match: rf"\x{{{ord(match[0]):02X}}}", str(recipient))


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
