from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsmtp.message.mime.transfer import quoted_printable
from vsmtp.queue.dsn import MAX_HEADER, MAX_LINE, Report, Told, bounce, deserves_bounce, is_told
from vsmtp.smtp.parameters import Notify, OriginalRecipient, RcptParameters
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.outcome import Delivered, Failed, Outcome
from vsmtp.values.reply import Reply

HEADER = b"From: a@src.test\r\nSubject: lunch\r\n\r\nbody\r\n"
REFUSED = Failed("smtp:mx.far.test:25", Reply(550, "5.1.1", "no such user"))


def report(content: bytes = HEADER, **more: Any) -> Report:
    usual: dict[str, Any] = {
        "server": "mx.test",
        "token": "T1",
        "now": 86400.0,
        "sender": Address("a", "src.test"),
        "arrived": 0.0,
        "failures": [(Address("b", "far.test"), REFUSED)],
    }
    known = usual | more
    told = [Told(*one) for one in known.pop("failures")]
    return Report(content=content, recipients=told, **known)


def read(written: bytes) -> EmailMessage:
    message = BytesParser(policy=policy.strict.clone(utf8=True)).parsebytes(written)
    assert isinstance(message, EmailMessage)
    return message


def parts(written: bytes) -> list[EmailMessage]:
    return [part for part in read(written).iter_parts() if isinstance(part, EmailMessage)]


def test_the_head_says_what_it_is_to_machines() -> None:
    message = read(bounce(report()))
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@mx.test>"
    assert message["To"] == "a@src.test"
    assert message["Date"] == "Fri, 02 Jan 1970 00:00:00 +0000"
    assert message["Message-ID"] == "<T1@mx.test>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"


def test_the_three_parts_stand_in_their_order() -> None:
    kinds = [part.get_content_type() for part in parts(bounce(report()))]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]


def test_each_recipient_has_its_fields() -> None:
    here = Failed("maildir:/srv/c", Reply(550, "", "no"))
    failures = [(Address("b", "far.test"), REFUSED), (Address("c", "mx.test"), here)]
    status = parts(bounce(report(failures=failures)))[1].get_payload()
    assert [dict(block.items()) for block in status] == [  # type: ignore[union-attr] # a list by its kind
        {"Reporting-MTA": "dns; mx.test", "Arrival-Date": "Thu, 01 Jan 1970 00:00:00 +0000"},
        {
            "Final-Recipient": "rfc822; b@far.test",
            "Action": "failed",
            "Status": "5.1.1",
            "Remote-MTA": "dns; mx.far.test",
            "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        },
        {
            "Final-Recipient": "rfc822; c@mx.test",
            "Action": "failed",
            "Status": "5.0.0",
            "Diagnostic-Code": "x-vsmtp; 550 no",
        },
    ]


def test_the_human_part_names_recipient_and_reason() -> None:
    text = parts(bounce(report()))[0].get_content()
    assert "<b@far.test>\r\n    mx.far.test said: 550 5.1.1 no such user\r\n" in text


def test_the_header_comes_back_without_the_body() -> None:
    assert parts(bounce(report()))[2].get_payload() == "From: a@src.test\r\nSubject: lunch"


@pytest.mark.parametrize("header", [b"", b"\r\nbody only\r\n", b"Subject: no end"])
def test_odd_contents_have_odd_headers(header: bytes) -> None:
    payload = parts(bounce(report(header)))[2].get_payload()
    assert payload == ("Subject: no end" if header.startswith(b"S") else "")


def test_a_long_header_is_cut_between_lines() -> None:
    written = bounce(report(b"X-Line: abcdefgh\r\n" * 2000 + b"\r\n"))
    kept = parts(written)[2].get_payload()
    assert isinstance(kept, str)
    assert MAX_HEADER - 40 < len(kept) <= MAX_HEADER
    assert set(kept.split("\r\n")) == {"X-Line: abcdefgh", ""}


def test_utf8_addresses_travel_in_seven_bits() -> None:
    failures = [(Address("bérénice", "exämple.test"), REFUSED)]
    written = bounce(report(failures=failures))
    assert written.isascii()
    assert rb"Final-Recipient: utf-8; b\x{E9}r\x{E9}nice@ex\x{E4}mple.test" in written
    assert "<bérénice@exämple.test>" in parts(written)[0].get_content()


def test_a_utf8_header_comes_back_as_global_headers() -> None:
    part = parts(bounce(report("Subject: déjà vu =\r\n\r\n".encode())))[2]
    assert part.get_content_type() == "message/global-headers"
    assert part["Content-Transfer-Encoding"] == "quoted-printable"
    assert b"Subject: d=C3=A9j=C3=A0 vu =3D" in bounce(report("Subject: déjà vu =\r\n\r\n".encode()))


def test_the_boundary_occurs_in_no_part() -> None:
    written = bounce(report(b"Subject: --=_T1.0\r\nX: --=_T1.1--\r\n\r\n"))
    assert read(written).get_boundary() == "=_T1.2"


def test_a_sender_in_utf8_is_named_as_it_is() -> None:
    assert "To: <é@src.test>\r\n".encode() in bounce(report(sender=Address("é", "src.test")))


def test_the_null_sender_deserves_no_bounce() -> None:
    assert not deserves_bounce(NULL_SENDER)
    assert deserves_bounce(Address("a", "src.test"))


@settings(max_examples=100, deadline=None)
@given(
    header=st.binary(max_size=3000), text=st.text(max_size=3000), local=st.text('aé "\\\u2029', min_size=1)
)
def test_whatever_comes_in_the_report_is_clean(header: bytes, text: str, local: str) -> None:
    failures = [(Address(local, "far.test"), Failed("smtp:" + text, Reply(550, "5.0.0", text)))]
    written = bounce(report(header, failures=failures))
    assert written.isascii()
    assert all(
        len(line) <= MAX_LINE and b"\r" not in line and b"\n" not in line for line in written.split(b"\r\n")
    )
    # Not read strictly: a header that is none comes back as it was.
    assert len(list(BytesParser(policy=policy.default).parsebytes(written).iter_parts())) == 3


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.binary(max_size=300).filter(lambda line: b"\r" not in line and b"\n" not in line and line))
)
def test_an_encoded_header_decodes_to_itself(lines: list[bytes]) -> None:
    header = b"\r\n".join([b"X: \xff", *lines])
    part = parts(bounce(report(header + b"\r\n\r\nbody")))[2]
    assert part.get_payload(decode=True) == header


DONE = Delivered("maildir:/srv/b", Reply(250, "2.0.0", "delivered"))
RELAYED = Delivered("smtp:mx.far.test:25", Reply(250, "", "ok"), "relayed")
PASSED_ON = Delivered("smtp:mx.far.test:25", Reply(250, "2.0.0", "ok"), "passed-on")
ORIGINAL = OriginalRecipient("rfc822", "info@src.test")


def fields(written: bytes) -> list[dict[str, str]]:
    blocks: Any = parts(written)[1].get_payload()
    return [dict(block.items()) for block in blocks]


def test_a_success_is_reported_as_what_it_is() -> None:
    done = [(Address("b", "mx.test"), DONE), (Address("c", "far.test"), RELAYED)]
    written = bounce(report(failures=done, envelope_id="QQ 1"))
    assert read(written)["Subject"] == "Mail delivery report"
    assert fields(written) == [
        {
            "Original-Envelope-Id": "QQ 1",
            "Reporting-MTA": "dns; mx.test",
            "Arrival-Date": "Thu, 01 Jan 1970 00:00:00 +0000",
        },
        {"Final-Recipient": "rfc822; b@mx.test", "Action": "delivered", "Status": "2.0.0"},
        {
            "Final-Recipient": "rfc822; c@far.test",
            "Action": "relayed",
            "Status": "2.0.0",
            "Remote-MTA": "dns; mx.far.test",
        },
    ]
    text = parts(written)[0].get_content().replace("\r\n", "\n")
    assert "<b@mx.test>\n    Delivered." in text
    assert "<c@far.test>\n    Handed to mx.far.test, which may not report." in text


@pytest.mark.parametrize(
    ("original", "written"),
    [
        (ORIGINAL, "rfc822; info@src.test"),
        (OriginalRecipient("rfc822", "ü@src.test"), r"utf-8; \x{FC}@src.test"),
        (OriginalRecipient("UTF-8", "ü@src.test"), r"UTF-8; \x{FC}@src.test"),
        (OriginalRecipient("x400", "/c=de; a=b c/"), "x400; /c=de; a=b c/"),
    ],
)
def test_a_recipient_is_named_as_the_sender_named_it(original: OriginalRecipient, written: str) -> None:
    block = fields(bounce(report(failures=[(Address("b", "far.test"), REFUSED, original)])))[1]
    assert next(iter(block)) == "Original-Recipient"
    assert block["Original-Recipient"] == written


def test_a_status_is_of_the_class_of_its_action() -> None:
    late = Failed("smtp:mx.far.test:25", Reply(550, "4.4.7", "time is over"))
    assert fields(bounce(report(failures=[(Address("b", "far.test"), late)])))[1]["Status"] == "5.0.0"


@pytest.mark.parametrize(
    ("content", "kind", "encoding"),
    [
        (HEADER, "message/rfc822", None),
        (b"Subject: a\r\n\r\n\xe4\r\n", "message/rfc822", "8bit"),
        ("Subject: ä\r\n\r\nü\r\n".encode(), "message/global", "quoted-printable"),
    ],
)
def test_a_message_comes_back_whole_where_it_is_wanted(
    content: bytes, kind: str, encoding: str | None
) -> None:
    written = bounce(report(content, is_full=True))
    part = parts(written)[2]
    assert (part.get_content_type(), part["Content-Transfer-Encoding"]) == (kind, encoding)
    assert read(written)["Content-Transfer-Encoding"] == ("8bit" if encoding == "8bit" else None)
    assert (quoted_printable(content) if kind == "message/global" else content) in written
    assert b"All of your" in written


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ("", [REFUSED]),
        ("FAILURE", [REFUSED]),
        ("NEVER", []),
        ("DELAY", []),
        ("SUCCESS", [DONE, RELAYED]),
        ("SUCCESS FAILURE", [REFUSED, DONE, RELAYED]),
    ],
)
def test_the_sender_hears_what_it_wants_to(notify: str, told: list[Outcome]) -> None:
    wishes = RcptParameters(frozenset(Notify[word] for word in notify.split()))
    outcomes: list[Outcome | None] = [REFUSED, DONE, RELAYED, PASSED_ON, None]
    assert [outcome for outcome in outcomes if is_told(outcome, wishes)] == told
