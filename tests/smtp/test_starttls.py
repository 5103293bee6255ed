"""Across STARTTLS: what is left of a conversation in clear, and what nobody may slip in (RFC 3207)."""

from __future__ import annotations

import pytest

from tests.smtp.script import with_terms
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import CONNECTED, START_TLS, Authenticate, Hello
from vsmtp.values.reply import Reply

CLEAR = with_terms("tls=required")
SECURE = with_terms("tls=active", "auth=PLAIN", "+REQUIRETLS")


def answered(engine: Conversation, octets: bytes) -> bytes:
    engine.feed(octets)
    while engine.ask() is not None:
        engine.accept()
    return engine.take_output()


def greeted() -> Conversation:
    engine = Conversation(CLEAR)
    assert engine.ask() == CONNECTED
    engine.accept()
    answered(engine, b"EHLO c.example\r\nFOO\r\n")
    return engine


def securing() -> Conversation:
    engine = greeted()
    assert answered(engine, b"STARTTLS\r\n") == b"220 2.0.0 Ready to start TLS\r\n"
    assert engine.state is State.SECURING
    return engine


def test_after_the_handshake_the_client_is_a_stranger_again() -> None:
    engine = securing()
    assert engine.ask() is None
    engine.secured(SECURE)
    assert engine.state is State.CONNECTED
    assert engine.errors == 1
    assert answered(engine, b"MAIL FROM:<a@b>\r\nSTARTTLS\r\n").split(b"\r\n") == [
        b"503 5.5.1 Say HELO or EHLO first", b"502 5.5.1 Command not implemented", b"",
    ]  # fmt: skip
    assert answered(engine, b"EHLO c.example\r\n").endswith(b"250-REQUIRETLS\r\n250 AUTH PLAIN\r\n")


def test_a_login_in_clear_is_gone_under_tls() -> None:
    engine = Conversation(with_terms("tls=may", "auth=PLAIN"))
    answered(engine, b"EHLO a\r\nAUTH PLAIN YQ==\r\n")
    answered(engine, b"STARTTLS\r\n")
    engine.secured(SECURE)
    engine.feed(b"EHLO a\r\nAUTH PLAIN YQ==\r\n")
    assert engine.ask() == Hello("a", esmtp=True)
    engine.accept()
    assert engine.ask() == Authenticate("PLAIN", b"a")


@pytest.mark.parametrize("more", [b"N", b"\r\n", b"EHLO c.example\r\n", b"\x16\x03\x01", b"RSET"])
def test_octets_in_the_packet_of_starttls_end_the_session_unanswered(more: bytes) -> None:
    engine = greeted()
    said = answered(engine, b"STARTTLS\r\n" + more)
    assert said == b"421 4.7.0 Octets after STARTTLS, closing connection\r\n"
    assert engine.closed


def test_octets_that_come_while_the_question_is_open_end_the_session_too() -> None:
    engine = greeted()
    engine.feed(b"STARTTLS\r\n")
    assert engine.ask() == START_TLS
    engine.feed(b"N")
    engine.accept()
    assert engine.closed


def test_octets_fed_before_the_handshake_is_done_end_the_session() -> None:
    engine = securing()
    assert answered(engine, b"NOOP\r\n").startswith(b"421 4.7.0 ")
    assert engine.closed
    engine.secured(SECURE)
    assert engine.closed


def test_octets_that_nobody_asked_about_end_the_session_at_the_latest_under_tls() -> None:
    engine = securing()
    engine.feed(b"EHLO")
    engine.secured(SECURE)
    assert engine.closed


def test_after_a_no_the_conversation_goes_on_in_clear() -> None:
    engine = greeted()
    engine.feed(b"STARTTLS\r\nNOOP\r\n")
    assert engine.ask() == START_TLS
    engine.refuse(CLEAR.said["tls_unavailable"])
    assert engine.ask() is None
    assert engine.take_output().startswith(b"454 4.7.0 TLS is not available just now\r\n250 ")


def test_a_handshake_nobody_asked_for_is_the_drivers_mistake() -> None:
    with pytest.raises(RuntimeError, match="STARTTLS"):
        greeted().secured(SECURE)


def test_who_has_to_log_in_and_may_not_in_clear_is_told_how() -> None:
    engine = Conversation(with_terms("tls=may", "auth_required=true"))
    said = answered(engine, b"EHLO a\r\nAUTH PLAIN YQ==\r\nMAIL FROM:<a@b>\r\n").split(b"\r\n")
    assert said[-3:] == [b"530 5.7.0 Say STARTTLS first", b"530 5.7.0 Authentication required", b""]


def test_a_timeout_ends_even_a_handshake() -> None:
    engine = securing()
    engine.close(Reply(421, "4.4.2", "Timeout"))
    assert engine.ask() is None
    assert engine.closed
