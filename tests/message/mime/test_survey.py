from __future__ import annotations

from base64 import b64encode
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.message.hostile import swift
from vsmtp.message.mime.budget import LIMITS, Limits
from vsmtp.message.mime.survey import Survey, read_top, survey
from vsmtp.values.answer import OverLimit


def look(message: bytes, limits: Limits = LIMITS) -> Survey:
    end = message.find(b"\r\n\r\n")
    head = message if end < 0 else message[: end + 4]
    top = read_top(head)
    return survey(top, message[top.text_start :], limits)


def lines(*some: str) -> bytes:
    return "\r\n".join(some).encode()


MIXED = "Content-Type: multipart/mixed; boundary=b"
FILE = ("Content-Type: application/x; name=a.exe", "", "x")
NESTED = lines(
    MIXED, "", "preamble", "--b", "Content-Type: multipart/alternative; boundary=c", "", "--c", "",
    "hello", "--c",
    "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "",
    "J=C3=BCrgen",
    "--c--", "--b", "Content-Type: application/pdf; name*0*=utf-8''J%C3%BC; name*1=r.pdf", "", "YWJj", "--b",
    "Content-Type: message/rfc822", "", "Subject: x",
    'Content-Type: image/png; name="=?utf-8?q?=C3=BC?=.png"', "", "zz", "--b--", "epilogue",
)  # fmt: skip


def test_all_parts_are_found() -> None:
    assert look(NESTED) == Survey(
        attachments=3,
        names=("Jür.pdf", "ü.png"),
        attachment_types=("application/pdf", "message/rfc822", "image/png"),
        types=(
            "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf",
            "message/rfc822", "image/png",
        ),
        text="hello\nJürgen",
        defects=(),
    )  # fmt: skip


def test_a_message_that_says_nothing_is_text() -> None:
    assert look(b"Subject: x\r\n\r\nhello\r\nyou\r\n") == Survey(
        0, (), (), ("text/plain",), "hello\nyou\n", ()
    )


def test_a_message_may_be_one_attachment() -> None:
    found = look(
        lines("Content-Type: application/pdf", "Content-Disposition: inline; filename=a.pdf", "", "x")
    )
    assert (found.attachments, found.names, found.text) == (1, ("a.pdf",), "")


def test_attached_text_is_an_attachment_and_no_text() -> None:
    found = look(lines("Content-Disposition: attachment", "", "x"))
    assert (found.attachments, found.attachment_types, found.text) == (1, ("text/plain",), "")


def test_the_parts_of_a_digest_are_messages() -> None:
    found = look(
        lines("Content-Type: multipart/digest; boundary=b", "", "--b", "", "Subject: x", "", "t", "--b--")
    )
    assert found.types == ("multipart/digest", "message/rfc822", "text/plain")
    assert found.text == "t"


# What is wrong, the message, and what must be found all the same: its names, its text.
BROKEN = {
    "unterminated-multipart": (lines(MIXED, "", "--b", *FILE), ("a.exe",), ""),
    "part-after-end": (lines(MIXED, "", "--b--", "--b", *FILE, "--b--"), ("a.exe",), ""),
    "inexact-boundary": (lines(MIXED, "", "--bcd", *FILE, "--b--"), ("a.exe",), ""),
    "missing-boundary": (lines("Content-Type: multipart/mixed", "", "hello"), (), "hello"),
    "boundary-not-found": (lines(MIXED, "", "hello"), (), "hello"),
    "repeated-boundary": (lines(MIXED, "", "--b", MIXED, "", "--b", *FILE, "--b--"), ("a.exe",), ""),
    "repeated-content-field": (
        lines("Content-Type: text/plain", MIXED, "", "--b", *FILE, "--b--"), ("a.exe",), "",
    ),
    "repeated-parameter": (lines("Content-Type: a/b; name=a.txt; name=a.exe", "", "x"), ("a.txt", "a.exe"),
    ""),
    "malformed-parameter": (lines('Content-Type: a/b; junk; name="a.txt".exe', "", ""), ("a.txt",
    "a.txt.exe"), ""),
    "malformed-content-type": (lines("Content-Type: nonsense", "", "hello"), (), "hello"),
    "unknown-encoding": (lines("Content-Transfer-Encoding: x-odd", "", "hello"), (), "hello"),
    "malformed-header-line": (
        lines(MIXED, "", "--b", "junk", "Content-Type: text/html; name=a.exe", "", "t", "--b--"),
        ("a.exe",), "junk\nContent-Type: text/html; name=a.exe\n\nt",
    ),
    "encoded-container": (
        lines(
            "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "",
            b64encode(lines("Content-Type: a/b; name=a.exe", "", "x")).decode(),
        ),
        ("a.exe",), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", BROKEN)
def test_what_is_broken_is_told_and_looked_into(defect: str) -> None:
    message, names, text = BROKEN[defect]
    found = look(message)
    assert defect in found.defects
    assert (found.names, found.text) == (names, text)


def test_an_encoded_multipart_is_looked_into() -> None:
    inner = b64encode(lines("--b", *FILE, "--b--")).decode()
    assert look(lines(MIXED, "Content-Transfer-Encoding: base64", "", inner)).names == ("a.exe",)


def test_a_malformed_line_of_the_message_hides_no_part() -> None:
    assert look(lines("Subject: x", "junk", MIXED, "", "--b", *FILE, "--b--")).names == ("a.exe",)


def test_a_part_without_a_header_is_text() -> None:
    assert look(lines(MIXED, "", "--b", "hello", "--b--")).text == "hello"


def test_a_delimiter_may_have_blanks_and_bare_line_ends() -> None:
    found = look(lines(MIXED, "", "--b \t", "", "x", "--b-- ") + b"\r\n--b\n\ny\n--b--\n")
    assert found.text == "x\ny"


def test_a_boundary_may_end_in_hyphens_and_begin_another() -> None:
    found = look(lines(
        "Content-Type: multipart/mixed; boundary=ab", "", "--ab",
        "Content-Type: multipart/mixed; boundary=abc", "", "--abc", "", "1", "--abc", "", "2", "--abc--",
        "--ab", "",
        "3", "--ab--",
    ))  # fmt: skip
    assert (found.text, found.defects) == ("1\n2\n3", ())


def test_several_encodings_of_a_text_are_all_undone() -> None:
    head = ("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit")
    assert look(lines(*head, "", "aGVsbG8=")).text == "hello\naGVsbG8="


@pytest.mark.parametrize(("charset", "octets", "text"), [
    ("iso-8859-1", b"\xfc", "ü"), ("us-ascii", b"\xc3\xbc", "ü"), ("nonsense", b"\xfc", "ü"), ("", b"\xfc",
    "ü"),
    ("shift_jis", b"\x93\xfa", "日"), ("utf-8", b"\xff", "\ufffd"),
])  # fmt: skip
def test_text_is_decoded(charset: str, octets: bytes, text: str) -> None:
    assert look(lines(f"Content-Type: text/plain; charset={charset}", "", "") + octets).text == text


def parts(number: int) -> bytes:
    return lines(MIXED, "", "") + b"--b\r\n\r\nx\r\n" * number


def test_past_a_limit_of_structure_no_part_is_known() -> None:
    over = OverLimit("more than 10 MIME parts")
    found = look(parts(10), Limits(parts=10))
    assert found == Survey(over, over, over, over, over, ("unterminated-multipart", "mime-over-limit"))
    assert look(parts(9), Limits(parts=10)).attachments == 0


@pytest.mark.parametrize(("limits", "message"), [
    (Limits(depth=0), parts(1)),
    (Limits(depth=1), lines("Content-Type: message/rfc822", "", "Content-Type: message/rfc822", "", "", "x")),
    (Limits(lines=5), parts(5)),
    (Limits(lines=5), lines(MIXED, "", "") + b"--x\r\n" * 7),
    (Limits(fields=5), parts(6)),
    (Limits(head=20), lines(MIXED, "", "--b", "A: " + "x" * 20, "", "", "--b--")),
    (Limits(boundary=2), lines("Content-Type: multipart/mixed; boundary=abc", "", "--abc--")),
    (Limits(values=20), NESTED),
    (Limits(wrapped=10), BROKEN["encoded-container"][0]),
    (Limits(parameters=2), lines("Content-Type: multipart/mixed; a=b; c=d; boundary=b", "", "--b--")),
])  # fmt: skip
def test_every_limit_of_structure_is_kept(limits: Limits, message: bytes) -> None:
    found = look(message, limits)
    assert isinstance(found.attachments, OverLimit)
    assert isinstance(found.text, OverLimit)
    assert "mime-over-limit" in found.defects


def test_too_many_parameters_hide_names_only() -> None:
    found = look(lines("Content-Type: text/plain; a=b; name=c", "", "hello"), Limits(parameters=1))
    assert isinstance(found.names, OverLimit)
    assert (found.types, found.text) == (("text/plain",), "hello")


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_too_much_text_hides_the_text_only(encoding: str) -> None:
    message = lines(f"Content-Transfer-Encoding: {encoding}", "", "YWFh" * 10)
    assert isinstance(look(message, Limits(text=29)).text, OverLimit)
    assert look(message, Limits(text=29)).attachments == 0
    assert isinstance(look(message, Limits(text=40)).text, str)


def test_a_large_attachment_is_not_read() -> None:
    message = lines(MIXED, "", "--b", "Content-Type: a/b", "Content-Transfer-Encoding: base64", "", "")
    assert look(message + b"YWFh" * 10**6 + b"\r\n--b--").text == ""


SAID = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=40)
NAMES = st.text("abcü.-_", min_size=1, max_size=90).map(lambda name: f"f{name}f")
FILES = st.lists(st.tuples(NAMES, st.sampled_from(["application/pdf", "image/png", "a/b"])), max_size=4)


@given(SAID, st.none() | SAID, FILES)
@settings(max_examples=60, deadline=None)
def test_the_library_finds_the_same_in_a_sound_message(
    text: str, html: str | None, files: list[tuple[str, str]]
) -> None:
    message = EmailMessage(policy=policy.SMTP)
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, kind in files:
        message.add_attachment(b"x", *kind.split("/"), filename=name)
    octets = bytes(message)
    again = message_from_bytes(octets, policy=policy.default)
    leaves = [part for part in again.walk() if not part.is_multipart()]
    found = look(octets)
    assert found.types == tuple(dict.fromkeys(part.get_content_type() for part in again.walk()))
    assert found.names == tuple(part.get_filename() for part in leaves if part.get_filename())
    assert found.attachments == len(files)
    assert found.defects == ()
    texts = [part.get_content() for part in leaves if part.get_content_maintype() == "text"]
    assert isinstance(found.text, str)
    assert found.text.split("\n") == "\n".join(texts).replace("\r\n", "\n").split("\n")


PIECES = st.sampled_from([
    b"--b", b"--", b"--c", b"\r\n", b"\r\n\r\n", b"\n", b"Content-Type: multipart/mixed; boundary=", b"b",
    b'"c"', b"--b--",
    b"Content-Type: message/rfc822", b"Content-Type: text/plain; name=", b"Content-Transfer-Encoding: base64",
    b"Content-Disposition: attachment; filename*0*=", b"utf-8''%C3", b"YWFh", b"=", b"junk", b" ", b";",
    b"(", b"\xff",
])  # fmt: skip


@given(st.lists(PIECES, max_size=60).map(b"".join))
@settings(max_examples=200, deadline=None)
def test_any_message_is_looked_through(message: bytes) -> None:
    """Whatever comes: an answer to each question, parts within the limit, and the same answer again."""
    limits = Limits(parts=20, depth=5, lines=100, parameters=30, text=200)
    found = look(message, limits)
    assert found == look(message, limits)
    assert isinstance(found.attachments, OverLimit) or found.attachments <= limits.parts


@given(st.binary(max_size=300))
def test_any_octets_are_looked_through(message: bytes) -> None:
    """Whatever comes: an answer to each question."""
    assert isinstance(look(message), Survey)


def levels(number: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(number)
    )


def wrapped(times: int) -> bytes:
    message = b"x"
    for _ in range(times):
        message = lines(
            "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", ""
        ) + b64encode(message)
    return message


ENCODED = "Content-Transfer-Encoding: "
HOSTILE = {
    "200,000 parts": parts(200_000),
    "200,000 empty parts": lines(MIXED, "", "") + b"--b\n" * 200_000,
    "200,000 files": lines(MIXED, "", "") + b"--b\r\nContent-Type: a/b; name=x.exe\r\n\r\n" * 200_000,
    "200,000 near misses": lines(MIXED, "", "") + b"--c\r\n" * 200_000,
    "1,000,000 hyphens": lines(MIXED, "", "") + b"--" * 500_000,
    "50,000 parameters": b"Content-Type: a/b" + b"; a=b" * 50_000 + b"\r\n\r\nx",
    "10,000 sections of a name": b"Content-Type: a/b" + b"; name*0=b" * 6_000 + b"\r\n\r\nx",
    "3,000 levels": levels(3_000),
    "3,000 messages in messages": lines("Content-Type: message/rfc822", "", "") * 3_000,
    "30 encodings of encodings": wrapped(30),
    "a comment of 60,000 levels": b"Content-Type: " + b"(" * 60_000 + b"\r\n\r\nx",
    "30,000 comments": b"Content-Type: " + b"()" * 30_000 + b"\r\n\r\nx",
    "a name of quoted quotes": b'Content-Type: a/b; name="' + b'\\"' * 30_000 + b'"\r\n\r\nx',
    "encoded words in a name": b'Content-Type: a/b; name="' + b"=?utf-8?q?a?= " * 4_000 + b'"\r\n\r\nx',
    "nested encoded words": b'Content-Type: a/b; name="'
    + b"=?utf-8?q?" * 4_000
    + b"?=" * 4_000
    + b'"\r\n\r\nx',
    "a header of a part of 200 KB": lines(MIXED, "", "--b", "A: " + "b" * 200_000, "", ""),
    "many lines in headers": lines(MIXED, "", "") + (b"--b\r\n" + b"junk\r\n" * 200) * 500,
    "base64 without a line end": lines(f"{ENCODED}base64", "", "") + b64encode(b"a" * 10**6),
    "base64 in 300,000 pieces": lines(f"{ENCODED}base64", "", "") + b"YQ==" * 300_000,
    "1 MB of =": lines(f"{ENCODED}quoted-printable", "", "") + b"=" * 10**6,
    "3 MB of =FF": lines(f"{ENCODED}quoted-printable", "", "") + b"=FF" * 10**6,
    "1 MB of no Thai": lines("Content-Type: text/plain; charset=tis-620", "", "") + b"\xff" * 10**6,
    "1 MB of no Chinese": lines("Content-Type: text/plain; charset=gb18030", "", "") + b"\xff" * 10**6,
    "1 MB of line ends": b"\r\n" * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_looked_through_swiftly(name: str) -> None:
    swift(lambda: look(HOSTILE[name]))
