from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.script import with_terms
from tests.smtp.session import Session
from vsmtp.smtp.questions import CONNECTED, Hello, Xclient
from vsmtp.smtp.xclient import Unknown, attributes


@pytest.mark.parametrize(("written", "read"), [
    ("NAME=mail.example", {"NAME": "mail.example"}),
    ("name=[UNAVAILABLE]", {"NAME": Unknown.UNAVAILABLE}),
    ("NAME=[tempunavail]", {"NAME": Unknown.TEMPUNAVAIL}),
    ("ADDR=192.0.2.1 PORT=25", {"ADDR": "192.0.2.1", "PORT": "25"}),
    ("ADDR=IPV6:2001:db8::1", {"ADDR": "2001:db8::1"}),
    ("DESTADDR=ipv6:::1 DESTPORT=0", {"DESTADDR": "::1", "DESTPORT": "0"}),
    ("PROTO=smtp", {"PROTO": "smtp"}),
    ("HELO=[192.0.2.1]", {"HELO": "[192.0.2.1]"}),
    ("LOGIN=j+C3+BCrgen+20x", {"LOGIN": "jürgen x"}),
    ("PORT=1 PORT=2", {"PORT": "2"}),
])  # fmt: skip
def test_attributes_are_read(written: str, read: dict[str, str | Unknown]) -> None:
    assert attributes(written) == read


@pytest.mark.parametrize("written", [
    "", "NAME", "NAME=", "NAME=a/b", "NAME=+0A", "ADDR=example", "ADDR=192.0.2.256", "ADDR=2001:db8::1",
    "ADDR=IPV6:fe80::1%eth0", "ADDR=IPV6:192.0.2.1", "PORT=x", "PORT=65536", "PROTO=LMTP", "HELO=a b",
    "FOO=bar", "LOGIN=a+0Ab", "LOGIN=" + "a" * 256, "HELO=+FF",
])  # fmt: skip
def test_what_is_no_attribute_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        attributes(written)


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_any_text_is_read_or_refused(written: str) -> None:
    try:
        assert attributes(written)
    except ValueError:
        return


def test_the_session_begins_anew_for_the_client_that_was_named() -> None:
    session = Session(with_terms("xclient=true", "auth=PLAIN"))
    session.talk("EHLO proxy.example", "AUTH PLAIN AGEAYg==")
    assert session.talk("XCLIENT ADDR=192.0.2.1") == ["220 mx.example.org ESMTP"]
    assert session.events[-2:] == [Xclient({"ADDR": "192.0.2.1"}), CONNECTED]
    session.talk("EHLO real.example")
    assert session.events[-1] == Hello("real.example", esmtp=True)
    assert session.talk("AUTH PLAIN AGEAYg==") == ["235 2.7.0 Authentication succeeded"]
