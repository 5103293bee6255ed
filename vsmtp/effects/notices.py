"""A rule's notices: a small message of texts, built in one place, where no fact breaks out of its field."""

from __future__ import annotations

from binascii import b2a_qp
from dataclasses import dataclass

from vsmtp.effects.unfit import Unfit, as_address
from vsmtp.message.edits import write_field
from vsmtp.rules.effects import Notify
from vsmtp.rules.template import render_text
from vsmtp.values.address import Address
from vsmtp.vocabulary.answers import Facts


@dataclass(frozen=True, slots=True)
class Notice:
    """To whom, about what, and the text."""

    to: Address
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes: the server's name, the From address, and Date and Message-ID as they are written."""

    server: str
    author: Address
    date: str
    message_id: str


def as_notice(effect: Notify, facts: Facts) -> Notice | Unfit:
    """The notice that the effect asks for, its texts filled in through the facts of its `Fired`."""
    to = as_address(effect.to, facts)
    if isinstance(to, Unfit):
        return to
    return Notice(to, render_text(effect.subject, facts), render_text(effect.text, facts))


def compose(notice: Notice, head: Letterhead) -> bytes:
    """The message, to be queued with the null sender: nobody is to answer it (RFC 3834 5)."""
    utf8 = not (notice.to.is_ascii and head.author.is_ascii)
    fields = (
        ("From", f'"Mail server {head.server}" <{head.author}>'),
        ("To", f"<{notice.to}>"),
        ("Subject", notice.subject),
        ("Date", head.date),
        ("Message-ID", head.message_id),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "quoted-printable"),
    )
    header = b"".join(write_field(name, value, utf8=utf8) for name, value in fields)
    # Quoted-printable: what is written in ASCII can be read in the queue and in any log (RFC 2045 6.7).
    text = "\n".join(notice.text.splitlines()).encode(errors="replace") + b"\n"
    return header + b"\r\n" + b2a_qp(text).replace(b"\n", b"\r\n")
