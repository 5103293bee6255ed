from __future__ import annotations

import pytest

from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import BARE, LMTP_REPLIES, REPLIES, REWORDABLE, rewording


@pytest.mark.parametrize(
    ("name", "written", "reply"),
    [
        ("greeting", "220 {server.name} hello", Reply(220, "", "{server.name} hello")),
        ("data", "354 go on", Reply(354, "", "go on")),
        ("noop", "250 nothing done", Reply(250, "2.0.0", "nothing done")),
        ("noop", "250 2.1.0 nothing done", Reply(250, "2.1.0", "nothing done")),
        ("bad_argument", "504 5.5.9", Reply(504, "5.5.9", "")),
    ],
)
def test_a_rewording_keeps_its_enhanced_code(name: str, written: str, reply: Reply) -> None:
    assert rewording(name, written) == reply


@pytest.mark.parametrize("written", ["hello", "999 9.9.9 x", "250 4.0.0 x"])
def test_what_is_no_reply_is_no_rewording(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        rewording("noop", written)


def test_every_reply_has_an_enhanced_code_but_those_that_must_not() -> None:
    assert {name for name, reply in REPLIES.items() if not reply.enhanced} == BARE
    assert set(LMTP_REPLIES) <= set(REPLIES)
    assert set(REWORDABLE) == set(REPLIES) - {"queued"}
