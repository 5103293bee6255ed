from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.message.fields import Header, scan
from vsmtp.message.trace import (
    Manner,
    Trace,
    delivered_to,
    protocol_of,
    received,
    return_path,
    rfc5322_date,
)
from vsmtp.values.address import NULL_SENDER, Address

BOB = Address("bob", "example.org")


def trace(
    helo: str = "c.example", rdns: str = "", ip: str = "192.0.2.1", recipient: Address | None = None
) -> Trace:
    return Trace(helo, rdns, ip, "mx.example.org", "ESMTP", "0QX1", recipient, rfc5322_date(0, 0))


def test_a_received_field_says_who_what_and_when() -> None:
    assert received(trace(rdns="host.example", recipient=BOB)) == (
        b"Received: from c.example (host.example [192.0.2.1])\r\n"
        b"\tby mx.example.org with ESMTP id 0QX1\r\n"
        b"\tfor <bob@example.org>;\r\n"
        b"\tThu, 01 Jan 1970 00:00:00 +0000\r\n"
    )


def test_several_recipients_are_not_named() -> None:
    assert b" for " not in received(trace()).replace(b"\t", b" ")


def test_a_client_without_a_name_is_unknown_and_an_ipv6_literal_is_marked() -> None:
    assert b"(unknown [IPv6:2001:db8::1])" in received(trace(ip="2001:db8::1"))


@given(st.text(), st.text())
def test_no_name_breaks_the_field(helo: str, rdns: str) -> None:
    written = received(trace(helo=helo, rdns=rdns))
    header = scan(written)
    assert isinstance(header, Header)
    assert [field.name for field in header.fields] == [b"received"]
    assert header.body_start == len(written)
    assert written.count(b"(") == written.count(b")") == written.count(b";") == 1
    assert written.count(b"\r\n") == 3


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_address_breaks_a_field(local: str, domain: str) -> None:
    address = Address(local, domain)
    for written in (return_path(address), delivered_to(address), received(trace(recipient=address))):
        header = scan(written)
        assert isinstance(header, Header)
        assert len(header.fields) == 1
        assert b"\0" not in written


def test_the_null_sender_has_an_empty_return_path() -> None:
    assert return_path(NULL_SENDER) == b"Return-Path: <>\r\n"
    assert delivered_to(BOB) == b"Delivered-To: bob@example.org\r\n"


@pytest.mark.parametrize(("epoch", "offset", "written"), [
    (1_000_000_000.9, 0, "Sun, 09 Sep 2001 01:46:40 +0000"),
    (1_000_000_000, 330, "Sun, 09 Sep 2001 07:16:40 +0530"),
    (1_000_000_000, -210, "Sat, 08 Sep 2001 22:16:40 -0330"),
])  # fmt: skip
def test_a_date_is_written(epoch: float, offset: int, written: str) -> None:
    assert rfc5322_date(epoch, offset) == written


@given(st.integers(0, 2**32), st.integers(-14 * 60, 14 * 60))
def test_a_date_is_read_back(epoch: int, offset: int) -> None:
    moment = parsedate_to_datetime(rfc5322_date(epoch, offset))
    assert moment.timestamp() == epoch
    zone = moment.utcoffset()
    assert zone is None or zone == timedelta(minutes=offset)


@pytest.mark.parametrize(
    ("manner", "word"),
    [
        (Manner(), "SMTP"),
        (Manner(is_secure=True), "SMTP"),
        (Manner(is_extended=True), "ESMTP"),
        (Manner(is_extended=True, is_secure=True), "ESMTPS"),
        (Manner(is_extended=True, is_known=True), "ESMTPA"),
        (Manner(is_extended=True, is_secure=True, is_known=True), "ESMTPSA"),
        (Manner(is_extended=True, is_utf8=True, is_secure=True, is_known=True), "UTF8SMTPSA"),
        (Manner(is_lmtp=True, is_extended=True, is_secure=True), "LMTPS"),
        (Manner(is_lmtp=True, is_extended=True, is_utf8=True), "UTF8LMTP"),
    ],
)
def test_the_protocol_says_how_the_mail_came(manner: Manner, word: str) -> None:
    assert protocol_of(manner) == word


def test_tls_is_told_of_behind_the_protocol() -> None:
    trace = Trace(
        "h.test", "", "192.0.2.1", "mx.test", "ESMTPS", "Q", None, "now", "TLSv1.3 TLS_AES_256_GCM_SHA384"
    )
    assert b"with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id Q;" in received(trace).replace(b"\r\n\t", b" ")


def test_nothing_is_told_of_a_client_that_is_hidden() -> None:
    hidden = trace(helo="laptop.at.home", rdns="host.example", recipient=BOB)._replace(
        protocol="ESMTPSA", tls="TLSv1.3 TLS_AES_256_GCM_SHA384", hides_client=True
    )
    assert received(hidden) == (
        b"Received: from unknown (authenticated)\r\n"
        b"\tby mx.example.org with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384) id 0QX1\r\n"
        b"\tfor <bob@example.org>;\r\n"
        b"\tThu, 01 Jan 1970 00:00:00 +0000\r\n"
    )
