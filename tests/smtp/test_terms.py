from __future__ import annotations

import pytest

from tests.smtp.script import with_terms
from tests.smtp.session import Session
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.questions import END_OF_MESSAGE
from vsmtp.smtp.terms import Terms
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES


def test_a_reworded_reply_is_said() -> None:
    replies = {
        "greeting": Reply.parse("220 2.0.0 {server.name} at your service"),
        "mail_first": Reply(503, "5.5.1", "Who are you?"),
        "bad_sender": Reply(501, "5.1.7", "Eh?"),
    }
    session = Session(Terms("mx.example", 1000, 10, replies=replies))
    assert session.said() == ["220 mx.example at your service"]
    assert session.talk("HELO a", "RCPT TO:<a@b>", "MAIL FROM:<a>") == [
        "250 mx.example",
        "503 5.5.1 Who are you?",
        "501 5.1.7 Eh?",
    ]


def test_a_rewording_cannot_change_what_is_said() -> None:
    with pytest.raises(ValueError, match="5yz"):
        Terms("mx", 1000, 10, replies={"mail_first": Reply(250, "2.0.0", "Fine")})


def test_a_rewording_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="`hullo`"):
        Terms("mx", 1000, 10, replies={"hullo": Reply(250, "2.0.0", "Fine")})


@pytest.mark.parametrize(("keyword", "parameter"), [
    ("SIZE", "SIZE=1"), ("8BITMIME", "BODY=8BITMIME"), ("SMTPUTF8", "SMTPUTF8"),
])  # fmt: skip
def test_what_is_not_offered_is_not_taken(keyword: str, parameter: str) -> None:
    for extensions, code in (((keyword,), "250"), ((), "555")):
        session = Session(Terms("mx", 1000, 10, extensions=extensions))
        offered = session.talk("EHLO a")
        assert any(keyword in line for line in offered) == bool(extensions)
        assert session.talk(f"MAIL FROM:<a@b> {parameter}")[0].startswith(code)


def test_terms_are_hashable_and_equal_by_what_they_grant() -> None:
    assert hash(Terms("mx", 1, 2)) == hash(Terms("mx", 1, 2))
    assert Terms("mx", 1, 2) != Terms("mx", 1, 3)


@pytest.mark.parametrize(("words", "verb"), [
    (("+CHUNKING",), b"BDAT"), (("tls=may",), b"STARTTLS"), (("auth=PLAIN",), b"AUTH"),
    (("expn=ask",), b"EXPN"),
    (("xclient=true",), b"XCLIENT"), (("kind=lmtp",), b"LHLO"),
])  # fmt: skip
def test_a_command_is_granted_by_its_terms_alone(words: tuple[str, ...], verb: bytes) -> None:
    assert verb not in with_terms().verbs
    assert verb in with_terms(*words).verbs
    assert verb.decode() in with_terms(*words).said["help"].text


def test_nothing_new_is_granted_unasked() -> None:
    assert set(with_terms().verbs) == {
        b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP", b"VRFY", b"HELP", b"QUIT",
    }  # fmt: skip
    assert not with_terms().offer.rcpt_parameters


def test_limits_are_offered_as_they_are() -> None:
    assert Session(with_terms("+LIMITS", "max_recipients=7")).talk("EHLO a")[-1] == "250 LIMITS RCPTMAX=7"


def test_words_of_lmtp_can_be_reworded_too() -> None:
    own = {"hello_first": Reply(503, "5.5.1", "Hm?")}
    session = Session(Terms("mx", 1000, 10, kind="lmtp", replies=own))
    assert session.talk("MAIL FROM:<>") == ["503 5.5.1 Hm?"]


def test_the_commands_in_the_help_can_stand_elsewhere() -> None:
    session = Session(
        Terms("mx", 1000, 10, vrfy="off", replies={"help": Reply(214, "2.0.0", "Say {commands}!")})
    )
    assert session.talk("HELP") == ["214 2.0.0 Say EHLO HELO MAIL RCPT DATA RSET NOOP HELP QUIT!"]


@pytest.mark.parametrize("name", ["no_room", "too_many_hops", "shutting_down", "undecided"])
def test_what_the_driver_says_can_be_reworded_too(name: str) -> None:
    own = Reply(REPLIES[name].code, REPLIES[name].enhanced, "in other words")
    terms = Terms("mx", 1000, 10, replies={name: own})
    assert terms.in_own_words(REPLIES[name]) == own
    assert terms.in_own_words(Reply(550, "5.7.1", "of a rule")) == Reply(550, "5.7.1", "of a rule")
    for say in (Conversation.refuse, Conversation.close):
        conversation = Conversation(terms)
        conversation.ask()
        say(conversation, REPLIES[name])
        assert conversation.take_output() == own.wire()


def test_over_lmtp_each_recipient_hears_them() -> None:
    own = Reply(452, "4.3.1", "in other words")
    session = Session(Terms("mx", 1000, 10, kind="lmtp", replies={"no_room": own}))
    session.said()
    session.talk("LHLO a", "MAIL FROM:<>", "RCPT TO:<a@b>", "RCPT TO:<b@b>", "DATA")
    session.engine.feed(b".\r\n")
    while session.engine.ask() is not END_OF_MESSAGE:
        pass
    session.engine.accept_each([REPLIES["queued"], REPLIES["no_room"]])
    assert session.engine.take_output() == REPLIES["queued"].wire() + own.wire()
