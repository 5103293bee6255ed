"""One reply for each recipient after the message (RFC 2033 4.2)."""

from __future__ import annotations

import pytest

from tests.smtp.script import Each, with_terms
from tests.smtp.session import Session
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import END_OF_MESSAGE, Hello
from vsmtp.values.reply import Reply

LMTP = with_terms("kind=lmtp")
OPENING = ("LHLO a", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "RCPT TO:<g@h>", "DATA")
YES = Reply(250, "2.0.0", "Yes")
NO = Reply(550, "5.7.1", "No")
LATER = Reply(450, "4.2.0", "Later")


def ended(session: Session) -> Session:
    """Give `session` with its message's end just asked about."""
    session.talk(*OPENING)
    session.engine.feed(b".\r\n")
    assert session.engine.ask() == END_OF_MESSAGE
    return session


def test_lhlo_is_a_greeting() -> None:
    session = Session(LMTP)
    assert session.talk("LHLO a")[0] == "250-mx.example.org"
    assert session.events[-1] == Hello("a", esmtp=True)


def test_only_accepted_recipients_are_answered_in_their_order() -> None:
    session = Session(LMTP, answers=(None, None, None, None, NO, None, None, Each((YES, LATER))))
    session.talk(*OPENING)
    assert session.talk("x", ".") == ["250 2.0.0 Yes", "450 4.2.0 Later"]
    assert session.engine.state is State.GREETED


@pytest.mark.parametrize(("reply", "errors"), [(YES, 0), (LATER, 0), (NO, 1)])
def test_one_answer_may_be_for_all(reply: Reply, errors: int) -> None:
    engine = ended(Session(LMTP)).engine
    (engine.accept if reply is YES else engine.refuse)(reply)
    assert engine.take_output() == reply.wire() * 3
    assert engine.errors == errors


@pytest.mark.parametrize(("replies", "errors"), [((NO, NO, NO), 1), ((NO, LATER, NO), 0), ((NO, YES, NO), 0)])
def test_a_message_that_nobody_takes_is_an_error(replies: tuple[Reply, ...], errors: int) -> None:
    engine = ended(Session(LMTP)).engine
    engine.accept_each(replies)
    assert engine.errors == errors


def test_a_421_is_for_all_and_closes() -> None:
    engine = ended(Session(LMTP)).engine
    engine.refuse(Reply(421, "4.3.2", "Shutting down"))
    assert engine.take_output() == b"421 4.3.2 Shutting down\r\n"
    assert engine.closed


def test_another_number_of_replies_is_the_drivers_mistake() -> None:
    engine = ended(Session(LMTP)).engine
    with pytest.raises(ValueError, match="3 replies are due, not 1"):
        engine.accept_each([YES])
    engine.accept_each([YES] * 3)
    with pytest.raises(RuntimeError, match="verdict"):
        engine.accept_each([YES] * 3)


def test_replies_after_the_close_are_dropped() -> None:
    engine = ended(Session(LMTP)).engine
    engine.close(Reply(421, "4.4.2", "Timeout"))
    engine.take_output()
    engine.accept_each([YES])
    assert engine.take_output() == b""


def test_over_smtp_there_is_one_reply() -> None:
    session = Session()
    session.talk("EHLO a", *OPENING[1:])
    session.engine.feed(b".\r\n")
    session.engine.ask()
    session.engine.accept_each([YES])
    assert session.engine.take_output() == YES.wire()
