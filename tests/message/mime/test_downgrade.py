"""What a 7-bit server is given reads as what was sent; what would not is told instead."""

from __future__ import annotations

import email
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.disk.octets import OpenBody
from vsmtp.message.fields import header_end
from vsmtp.message.mime import downgrade
from vsmtp.message.mime.downgrade import SEVEN_BIT, Form, examine, seven_bit
from vsmtp.message.mime.transfer import quoted_printable, undo
from vsmtp.values.envelope import BodyFile

TEXT = b"Subject: a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
MIXED = (
    b"From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n"
    b"Content-Type: multipart/%s; boundary=cut\r\n\r\npreamble\r\n--cut\r\n%s\r\n--cut--\r\nepilogue\r\n"
)
UTF8 = b"Content-Type: text/plain; charset=utf-8\r\n"
PART = UTF8 + "Content-Transfer-Encoding: 8BIT\r\n\r\nGrüße = \r\n.\r\n".encode()
PLAIN = b"Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>plain</p>\r\n"
BASE64 = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
INNER = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n" + UTF8 + "\r\nGrüße\r\n".encode()


def form(message: bytes) -> Form:
    return examine(message, message[: header_end(message)])


def converted(message: bytes) -> bytes:
    found = form(message)
    assert not found.obstacle
    return b"".join(seven_bit(message, found.cuts))


def leaves(message: bytes) -> list[tuple[str, bytes]]:
    parsed = email.message_from_bytes(message, _class=EmailMessage, policy=policy.SMTP)
    assert not any(part.defects for part in parsed.walk())
    return [
        (part.get_content_type(), part.get_payload(decode=True) or b"")  # type: ignore[misc] # a leaf's are bytes
        for part in parsed.walk()
        if not part.is_multipart()
    ]


def test_a_message_of_ascii_stays_as_it_is() -> None:
    message = MIXED % (b"mixed", PLAIN)
    assert form(message) is SEVEN_BIT
    assert converted(message) == message


def test_a_text_goes_in_quoted_printable_and_says_so() -> None:
    message = TEXT + "Grüße, \r\n.dot\r\n".encode()
    assert converted(message) == (
        b"Subject: a\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe,=20\r\n.dot\r\n"
    )


def test_text_that_never_told_its_charset_is_not_given_one() -> None:
    written = converted(b"Subject: a\r\n\r\n\xfc\r\n")
    assert b"Content-Type: text/plain; charset=unknown-8bit\r\n" in written
    assert leaves(written) == [("text/plain", b"\xfc\r\n")]


@pytest.mark.parametrize("parts", [[PART], [PART, PLAIN, BASE64], [BASE64, INNER, PART], [b"\r\n\xe4\r\n"]])
def test_every_leaf_reads_as_before(parts: list[bytes]) -> None:
    message = MIXED % (b"mixed", b"\r\n--cut\r\n".join(parts))
    written = converted(message)
    assert written.isascii()
    assert leaves(written) == leaves(message)
    assert b"8bit" not in written.lower()
    assert max(map(len, written.split(b"\r\n"))) <= 76


def test_what_was_7_bit_before_keeps_its_octets() -> None:
    written = converted(MIXED % (b"mixed", PART + b"\r\n--cut\r\n" + BASE64))
    assert BASE64 in written
    assert written.endswith(b"\r\n--cut--\r\nepilogue\r\n")
    assert b"\r\n\r\npreamble\r\n--cut\r\n" in written


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (MIXED % (b"signed", PART), "signed"),
        (MIXED % (b"encrypted", PART), "encrypted"),
        (MIXED % (b"mixed", BASE64 + b"\xe4\r\n"), "may not be encoded again"),
        (MIXED % (b"mixed", b"Content-Type: message/partial\r\n\r\n\xe4\r\n"), "may not be encoded again"),
        ((MIXED % (b"mixed", PART)).replace(b"preamble", b"\xe4"), "between its parts"),
        ((MIXED % (b"mixed", PART)).replace(b"epilogue", b"\xe4"), "between its parts"),
        ((MIXED % (b"mixed", PART)).replace(b"--cut--", b""), "malformed"),
        (TEXT.replace(b"plain", b"\xe4") + b"x\r\n", "header"),
        (b"Content-Transfer-Encoding: uuencode\r\n" + TEXT + b"\xe4\r\n", "malformed"),
    ],
)
def test_what_cannot_be_converted_is_told(message: bytes, reason: str) -> None:
    found = form(message)
    assert found.eight_bit
    assert reason in found.obstacle
    assert found.cuts == ()


def test_headers_beyond_ascii_are_seen_in_parts_too() -> None:
    name = 'Content-Type: text/plain; name="ü"\r\n\r\nx\r\n'.encode()
    assert form(MIXED % (b"mixed", name)).utf8_header
    assert not form(MIXED % (b"mixed", PART)).utf8_header


@given(st.lists(st.binary(max_size=200)))
def test_quoted_printable_is_undone_to_the_same(lines: list[bytes]) -> None:
    text = b"\r\n".join(lines)
    written = quoted_printable(text)
    assert written.isascii()
    assert max(map(len, written.split(b"\r\n"))) <= 76
    assert undo(written, "quoted-printable") == text


@given(st.integers(1, 40), st.lists(st.text(st.sampled_from("aü= ")), max_size=20))
def test_it_is_the_same_by_any_stretch_and_from_the_disk(
    tmp_path_factory: pytest.TempPathFactory, stretch: int, lines: list[str]
) -> None:
    message = MIXED % (b"mixed", PART + "\r\n".join(lines).encode() + b"\r\n")
    whole = converted(message)
    path: Path = tmp_path_factory.mktemp("body") / "body"
    path.write_bytes(message)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downgrade, "STRETCH", stretch)
        assert converted(message) == whole
        with OpenBody(message[:30], BodyFile(path, 30, len(message))) as octets:
            found = examine(octets, message[: header_end(message)])
            assert b"".join(seven_bit(octets, found.cuts)) == whole
