"""Whatever a client sent, a value stays in its place, wherever a template may stand."""

from __future__ import annotations

import email
import email.policy
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tests.rules.bench import LiteralFacts
from vsmtp.effects.envelope import RecipientAdded, as_change
from vsmtp.effects.exports import Export, as_export
from vsmtp.effects.headers import as_address_edit
from vsmtp.effects.logs import as_line
from vsmtp.effects.notices import Letterhead, Notice, as_notice, compose
from vsmtp.effects.transports import ToHost, ToMaildir, as_way
from vsmtp.effects.unfit import Unfit
from vsmtp.message.edits import edit
from vsmtp.rules.effects import (
    AddRcpt,
    AddTo,
    Dump,
    Forward,
    ForwardHost,
    Log,
    Maildir,
    Notify,
    RewriteFrom,
    Write,
)
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.template import parse_template
from vsmtp.values.address import Address
from vsmtp.vocabulary.stages import Stage

HOSTILE: Final = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from('ab./\\%@<>",:;()[]{}|\r\n\t\0 \x0b\x0c\x1c\x7f\x85\u2028\ud800'), max_size=20),
    st.sampled_from([
        "..", "../../etc/passwd", ".", "/", "/etc/passwd", "%2e%2e", "a/../../b", "..\0", ".\n.", "x" * 300,
        "x\r\nBcc: all@x.example", "x\r\n\r\nbody", "a@evil.example>", "evil.example:25/", "a@evil.example",
        "evil.example#", "evil.example\\@", "[::1]:25", "<>", '"a\r\nb"',
    ]),
)  # fmt: skip
ONE: Final = parse_template("{sender.local}")
TWO: Final = parse_template("{sender.local}{helo.name}")


def facts(value: str) -> LiteralFacts:
    return LiteralFacts({"sender.local": value, "helo.name": value})


@given(HOSTILE)
def test_a_value_is_one_name_of_a_path_and_never_climbs(value: str) -> None:
    for text in ("/srv/{sender.local}/new", "/srv/x{sender.local}{helo.name}", "/srv/.{sender.local}"):
        match as_way(Maildir(parse_template(text)), facts(value)):
            case ToMaildir(path):
                assert path.startswith("/srv/")
                assert path.count("/") == text.count("/")
                assert not {".", ".."} & set(path.split("/"))
                assert min(map(ord, path)) >= ord(" ")
            case other:
                assert isinstance(other, Unfit)


@given(HOSTILE)
def test_an_export_stays_below_its_directory(value: str) -> None:
    for effect in (Write(ONE), Write(TWO), Dump(parse_template("{sender.local}/{helo.name}.json"))):
        match as_export(effect, facts(value)):
            case Export(path):
                assert not path.startswith("/")
                assert not {"", ".", ".."} & set(path.split("/"))
                assert "\0" not in path
            case other:
                assert isinstance(other, Unfit)


@given(HOSTILE)
def test_a_value_chooses_no_domain_of_an_address(value: str) -> None:
    match as_change(AddRcpt(parse_template("{sender.local}@example.org")), facts(value)):
        case RecipientAdded(address):
            assert address.domain == "example.org"
            assert Address.parse(str(address)) == address
        case other:
            assert isinstance(other, Unfit)


@given(HOSTILE)
def test_a_value_chooses_no_port(value: str) -> None:
    for effect in (
        Forward(parse_template("smtp://{sender.local}:2525")),
        ForwardHost(parse_template("{sender.local}"), 2525, "may"),
    ):
        match as_way(effect, facts(value)):
            case ToHost(scheme, where):
                assert (scheme, where.port) == ("smtp", 2525)
                assert not set("\r\n\0 /@") & set(where.host)
            case other:
                assert isinstance(other, Unfit)


@given(HOSTILE)
def test_a_notice_has_the_fields_it_has(value: str) -> None:
    notice = as_notice(Notify(parse_template("postmaster@example.org"), TWO, TWO), facts(value))
    assert isinstance(notice, Notice)
    head = Letterhead("mx.example.org", Address("postmaster", "example.org"), "now", "<1@example.org>")
    octets = compose(notice, head)
    message = email.message_from_bytes(octets, policy=email.policy.compat32)
    assert message.keys() == [
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    ]  # fmt: skip
    assert not {b"\r", b"\n"} & {octets.replace(b"\r\n", b"")[i : i + 1] for i in range(len(octets))}


@given(HOSTILE)
def test_an_address_in_a_header_adds_no_field(value: str) -> None:
    before = b"From: a@b.example\r\nTo: c@d.example\r\n\r\n"
    for effect in (AddTo(parse_template("{sender.local}@example.org")), RewriteFrom(ONE)):
        change = as_address_edit(effect, facts(value))
        if isinstance(change, Unfit):
            continue
        after = edit(before, [change], utf8=True)
        fields = [line for line in after.split(b"\r\n") if line[:1] not in {b" ", b"\t"}]
        assert [field.partition(b":")[0] for field in fields] == [b"From", b"To", b"", b""]
        assert not {10, 13, 0} & set(after.replace(b"\r\n", b""))


@given(HOSTILE)
def test_a_line_of_the_log_is_one(value: str) -> None:
    line = as_line(Log("info", TWO), RuleInfo("r", Stage.MAIL, ()), facts(value))
    assert len(line.text.splitlines()) <= 1
    line.text.encode()
