from __future__ import annotations

from email import message_from_bytes
from email.policy import default

from hypothesis import given
from hypothesis import strategies as st

from vsmtp.effects.notices import Letterhead, Notice, compose
from vsmtp.values.address import Address

HEAD = Letterhead(
    "mx.example", Address("postmaster", "x.example"), "Sun, 22 Nov 2026 12:00:00 +0000", "<1@mx.example>"
)
NAMES = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding",
]  # fmt: skip


def test_a_notice_is_a_message() -> None:
    octets = compose(Notice(Address("a", "b.example"), "Grüße", "Zeile € eins"), HEAD)
    message = message_from_bytes(octets, policy=default)
    assert message["From"] == '"Mail server mx.example" <postmaster@x.example>'
    assert message["To"] == "a@b.example"
    assert message["Subject"] == "Grüße"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content() == "Zeile € eins\r\n"


def test_a_notice_in_ascii_is_written_as_it_is() -> None:
    octets = compose(Notice(Address("a", "b.example"), "s", "One line,\nand another."), HEAD)
    assert octets.endswith(b"\r\n\r\nOne line,\r\nand another.\r\n")


@given(st.text(), st.text())
def test_no_text_breaks_out_of_its_place(subject: str, text: str) -> None:
    octets = compose(Notice(Address("a", "b.example"), subject, text), HEAD)
    header, _, body = octets.partition(b"\r\n\r\n")
    names = [line.split(b":")[0].decode() for line in header.split(b"\r\n") if line[:1] not in b" \t"]
    assert names == NAMES
    assert octets.isascii()
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert b"\n" not in body.replace(b"\r\n", b"")
