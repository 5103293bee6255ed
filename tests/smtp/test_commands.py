from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.script import TERMS
from vsmtp.smtp.commands import VERBS, Dialect, Meaning, Say
from vsmtp.smtp.questions import Bdat, Hello, Mail, Rcpt
from vsmtp.values.address import Address

FULL = Dialect(esmtp=True, smtputf8=True)


def read(line: str, dialect: Dialect = FULL) -> Meaning:
    verb, _, argument = line.encode().partition(b" ")
    return VERBS[verb].read(argument, TERMS.offer, dialect)


@pytest.mark.parametrize(("path", "address"), [
    ("<a@b.example>", Address("a", "b.example")),
    (" <a@b.example>", Address("a", "b.example")),
    ("<@x,@y.example:a@b>", Address("a", "b")),
    ("<Postmaster>", Address("Postmaster", "")),
    ('<"a>b c"@d>', Address("a>b c", "d")),
    ('<"a\\"b"@d>', Address('a"b', "d")),
    ("<a@[IPv6:2001:db8::1]>", Address("a", "[IPv6:2001:db8::1]")),
    ("<a+b=c@d>", Address("a+b=c", "d")),
    ("<ä@ö.example>", Address("ä", "ö.example")),
    ("<" + "a" * 240 + "@b.example>", Address("a" * 240, "b.example")),
    ("<a@" + "b." * 100 + "example>", Address("a", "b." * 100 + "example")),
    ("<@x.example:Postmaster>", Address("Postmaster", "")),
    ('<""@b>', Address("", "b")),
    ("<a/b!c%d@e>", Address("a/b!c%d", "e")),
    ("<a@[192.0.2.1]>", Address("a", "[192.0.2.1]")),
])  # fmt: skip
def test_a_recipient_is_read(path: str, address: Address) -> None:
    assert read(f"RCPT TO:{path}") == Rcpt(address)


@pytest.mark.parametrize("path", [
    "a@b", "<a@b", "a@b>", "<a@b>x", "<<a@b>>", "<a b@c>", "<>", "<a>", "<@b>", "<a@>", "<a@b c>", "<@x:>",
    '<"a@b>', "<a..b@c>", "<.a@b>", "<a@-b>", "<a@[1.2.3]>", "<a@b,c@d>", "\t<a@b>", "<a\x07@b>",
    "<" + "a" * 250 + "@b.example>", "<a@" + "b" * 64 + ">", "<a@" + "b." * 130 + "c>", "<a@b>;", "   <a@b>",
    "<a@[IPv6:2001:db8::g]>", "<a@[IPv6:fe80::1%eth0]>", "<a@[x]>", "<a@[192.0.2.1>", '<"a"b@c>', '<"a\\">',
    "<ä@\u2028>", "<a\\@b>", "", "<", ">", "<\x00@b>", "<a@b\x7f>", "<@x:@y:a@b>",
])  # fmt: skip
def test_what_is_no_recipient_is_refused(path: str) -> None:
    meaning = read(f"RCPT TO:{path}")
    assert isinstance(meaning, Say)
    assert meaning.name in {"bad_argument", "bad_recipient"}


@pytest.mark.parametrize("name", [
    "a", "a.b.example", "under_score", "a.b.", "-x-", "[192.0.2.1]", "[IPv6:::1]", "192.0.2.1", "localhost",
])  # fmt: skip
def test_a_name_is_read(name: str) -> None:
    assert read(f"EHLO {name} ") == Hello(name, esmtp=True)


@pytest.mark.parametrize("argument", [
    "", "<a@b>", "FROM", "FROM:", "FROM: ", "FROM:a@b", "FROM <a@b>", "FROM:<a@b>SIZE=1", "FROM:<a@b>,SIZE=1",
    "FROM:<a>", "FROM:<Postmaster>", "FROM:< >", "FROM:<a@b>\tSIZE=1", "TO:<a@b>", "FROM:<a@b", "FROM::<a@b>",
])  # fmt: skip
def test_what_is_no_sender_is_refused(argument: str) -> None:
    meaning = read(f"MAIL {argument}")
    assert isinstance(meaning, Say)
    assert meaning.name in {"bad_argument", "bad_sender"}


@pytest.mark.parametrize("argument", [
    "FROM:<>", "from:<>", "From: <a@b>", "FROM:<a@b> ", "FROM:<a@b>  SIZE=1  BODY=7BIT ",
    "FROM:<@x:a@b> size=0",
])  # fmt: skip
def test_a_sender_may_be_written_loosely(argument: str) -> None:
    assert isinstance(read(f"MAIL {argument}"), Mail)


@pytest.mark.parametrize(("argument", "meaning"), [
    ("0", Bdat(0, last=False)), ("12 LAST", Bdat(12, last=True)), (" 7  last ", Bdat(7, last=True)),
    ("0" * 17 + "1", Bdat(1, last=False)), ("9" * 18, Bdat(10**18 - 1, last=False)),
    ("", None), ("-1", None), ("+1", None), ("1.0", None), ("0x10", None), ("1LAST", None), ("1 LASTS", None),
    ("LAST", None), ("1 2", None), ("9" * 19, None), ("1 LAST LAST", None), ("٣", None),
])  # fmt: skip
def test_a_chunk_has_a_size_or_the_session_ends(argument: str, meaning: Bdat | None) -> None:
    assert read(f"BDAT {argument}") == (meaning or Say("bad_chunk"))


@pytest.mark.parametrize("name", ["", " ", "a b", "<a>", "a(b)", "[", "[]", "a@b", "x" * 256, "é"])
def test_what_is_no_name_is_refused(name: str) -> None:
    assert isinstance(read(f"HELO {name}"), Say)


@given(
    st.text(max_size=60), st.sampled_from(["MAIL FROM:<", "RCPT TO:<", "EHLO ", "MAIL FROM:<a@b> ", "VRFY "])
)
def test_any_text_is_read_without_an_exception(text: str, start: str) -> None:
    line = (start + text).encode("utf-8", "replace")
    verb, _, argument = line.partition(b" ")
    for dialect in (FULL, Dialect()):
        VERBS[verb].read(argument, TERMS.offer, dialect)


@given(st.emails())
def test_a_sender_that_is_written_is_read_back(email: str) -> None:
    try:
        address = Address.parse(email)
    except ValueError:
        return
    assert read(f"MAIL FROM:<{address}>") == Mail(address, None, eight_bit=False, smtputf8=False)


def test_a_line_of_quotes_costs_no_more_than_its_length() -> None:
    assert isinstance(read("RCPT TO:<" + '"a' * 1000), Say)
    assert isinstance(read("RCPT TO:<" + '"\\' * 1000), Say)
    assert isinstance(read("RCPT TO:<" + "@a," * 600), Say)
