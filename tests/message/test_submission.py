"""What a program left out is filled in; what it said stays."""

from __future__ import annotations

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from vsmtp.message.edits import edit
from vsmtp.message.fields import LIMITS
from vsmtp.message.submission import Given, fix_ups

GIVEN = Given("Thu, 01 Jan 1970 00:00:00 +0000", "<1@mx.test>", "example.org")
SOUND = b"Date: x\r\nMessage-ID: <y@z>\r\nFrom: %s\r\n\r\n"


def fixed(head: bytes) -> bytes:
    return edit(head, fix_ups(head, GIVEN))


def test_a_message_that_lacks_nothing_is_left_as_it_is() -> None:
    assert fix_ups(SOUND % b"Alice <a@example.org>", GIVEN) == ()


def test_date_and_message_id_are_filled_in() -> None:
    assert fixed(b"From: a@b.test\r\n\r\n") == (
        b"From: a@b.test\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <1@mx.test>\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        (b"alice", b"alice@example.org"),
        (b"alice@pc", b"alice@pc.example.org"),
        (b"alice@localhost", b"alice@example.org"),
        (b"<alice>", b"<alice@example.org>"),
        (b"Alice B <alice.b>", b"Alice B <alice.b@example.org>"),
        (b'"B, Alice" <alice@pc>', b'"B, Alice" <alice@pc>'),
        (b"=?utf-8?q?=C3=84?= <alice@pc>", b"=?utf-8?q?=C3=84?= <alice@pc.example.org>"),
        (b"a@b.test", b"a@b.test"),
        (b"alice, bob", b"alice, bob"),
        (b"alice bob", b"alice bob"),
        (b"<alice", b"<alice"),
        (b"", b""),
    ],
)
def test_the_only_author_gets_a_whole_domain(written: bytes, whole: bytes) -> None:
    assert fixed(SOUND % written) == SOUND % whole


def test_a_sender_gets_one_too() -> None:
    assert b"Sender: root@pc.example.org\r\n" in fixed(b"Sender: root@pc\r\n" + SOUND % b"a@b.test")


def test_two_authors_fields_are_left_alone() -> None:
    head = b"From: alice\r\n" + SOUND % b"bob"
    assert fixed(head) == head


def test_a_header_over_the_limits_is_left_alone() -> None:
    assert fix_ups(b"A: b\r\n" * (LIMITS.fields + 1) + b"\r\n", GIVEN) == ()


@drawn(st.binary(max_size=60))
def test_what_is_fixed_is_fixed_once(value: bytes) -> None:
    once = fixed(b"From: " + value + b"\r\n\r\n")
    assert fixed(once) == once
