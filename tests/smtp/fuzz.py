"""Random sessions against the engine: whatever a client sends, a reply or a close, never an exception.

`python -m tests.smtp.fuzz 1000000 [seed]` plays a million and says how many ended how; a test plays a few.
Each session is played twice, fed whole and in pieces, and has to go the same way.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.smtp.script import with_terms
from tests.smtp.session import NOTICES
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import Authenticate, AuthResponse, Chunk, EndOfMessage, Question, Reset, StartTls
from vsmtp.values.reply import Reply

SMALL: Final = ("max_message_size=400", "max_line_length=60", "max_command_line=120", "hard_error_limit=12")
ALL: Final = ("+CHUNKING", "+DSN", "+LIMITS", "+REQUIRETLS", "max_messages=6", "vrfy=ask", "expn=ask")
TERMS: Final = (
    with_terms(),
    with_terms(*SMALL, *ALL, "auth=PLAIN,LOGIN", "xclient=true"),
    with_terms(*SMALL, *ALL, "auth=PLAIN", "auth_required=true", "tls=active", "bare_newline=normalize"),
    with_terms(*SMALL, *ALL, "kind=lmtp", "max_recipients=3", "xclient=true"),
    with_terms(*SMALL, *ALL, "kind=lmtp", "bare_newline=normalize", "tls=may"),
    with_terms(*SMALL, "tls=required", "vrfy=off"),
)
SECURE: Final = with_terms(*SMALL, *ALL, "auth=PLAIN,LOGIN", "tls=active")

# Such as make sense stand more often than once, so that many a message comes to its end.
WORDS: Final = (
    *(b"EHLO a.example\r\n", b"LHLO a.example\r\n") * 4, b"HELO a\r\n",
    *(b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n") * 6,
    b"MAIL FROM:<a@b> RET=FULL ENVID=a+2Bb SIZE=9 BODY=8BITMIME\r\n", b"MAIL FROM:<\xc3\xa9@b> SMTPUTF8\r\n",
    b"MAIL FROM:<> AUTH=<> REQUIRETLS\r\n", b"MAIL FROM:<a@b> SIZE=99999999999\r\n", b"RCPT TO:<@x:c@d>\r\n",
    b"RCPT TO:<c@d> NOTIFY=NEVER ORCPT=rfc822;c+40d\r\n", b"RCPT TO:<\xc3\xa9@d> ORCPT=utf-8;\xc3\xa9\r\n",
    *(b"DATA\r\n", b"text\r\n.\r\n", b"text\r\n..\r\n.\r\n", b"\r\n.\r\n", b".\r\n") * 2,
    *(b"BDAT 5\r\nab\r\nc", b"BDAT 4 LAST\r\nab\r\n", b"BDAT 0 LAST\r\n", b"BDAT 3\r\na\r") * 2,
    b"BDAT 0\r\n", b"BDAT 500\r\n", b"BDAT x\r\n", b"BDAT 2 LAST\r\n\na",
    *(b"AUTH PLAIN AGEAYg==\r\n", b"AUTH LOGIN\r\n", b"YQ==\r\n") * 2,
    b"AUTH PLAIN =\r\n", b"AUTH X\r\n", b"AUTH\r\n", b"*\r\n", b"\r\n", b"STARTTLS\r\n", b"STARTTLS x\r\n",
    b"XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]\r\n", b"XCLIENT X\r\n", b"VRFY a\r\n", b"EXPN a\r\n",
    b"RSET\r\n", b"NOOP\r\n", b"HELP\r\n", b"QUIT\r\n", b"GET / HTTP/1.0\r\n", b"FOO\r\n",
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\n", b"\r", b"\0", b".", b"x" * 70, b"x" * 200, b"\xff",
    b"MAIL FROM:<", b"RCPT TO:<", b'"', b"\\", b"@", b" ", b"=", b">",
)  # fmt: skip

_OPEN: Final = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n"
# Whole transactions, which random words seldom make.
PHRASES: Final = (
    b"DATA\r\ntext\r\n..\r\n.\r\n", b"DATA\r\na\n.\nb\r.\rc\r\n.\rd\n.\r\n\r\n.\r\n", b"DATA\r\n\0\r\n.\r\n",
    b"BDAT 5\r\nab\r\ncBDAT 3 LAST\r\nd\r\n", b"BDAT 3\r\na\r\nBDAT 2 LAST\r\n\na",
    b"BDAT 2\r\na\rBDAT 1 LAST\r\nb", b"BDAT 1\r\nxRSET\r\n", b"BDAT 1\r\nxBDAT 0 LAST\r\n",
    b"DATA\r\n" + b"x" * 70 + b"\r\n.\r\n",
    b"BDAT 450 LAST\r\n" + b"x\r\n" * 150, b"DATA\r\n" + b"x\r\n" * 150 + b".\r\n",
)  # fmt: skip

_LINE: Final = re.compile(rb"[2-5]\d\d[ -][\x20-\x7e]*")
_LATER: Final = Reply(450, "4.7.1", "No")
_NEVER: Final = Reply(550, "5.7.1", "No")
_NO: Final = (*(_LATER, _NEVER) * 5, Reply(421, "4.7.1", "No"))
_UNHARMED: Final = re.compile(rb"(?:[^\r\n\0]*\r\n)*")


@dataclass(slots=True)
class Play:
    """One session under way; `secured` says that TLS was started, whose octets belong to nobody here."""

    engine: Conversation
    answers: Random
    output: bytes = b""
    asked: list[Question] = field(default_factory=list)
    message: bytes = b""
    messages: int = 0
    secured: bool = False

    def pump(self) -> None:
        while (question := self.engine.ask()) is not None:
            self._note(question)
            if not isinstance(question, NOTICES):
                self.asked.append(question)
                self._answer(question)
        self.output += self.engine.take_output()
        assert self.engine.backlog <= 12_288

    def _note(self, question: Question) -> None:
        match question:
            case Chunk(data):
                assert data
                self.message += data
            case EndOfMessage():
                assert _UNHARMED.fullmatch(self.message) is not None, self.message
                self.messages += 1
                self.message = b""
            case Reset():
                self.message = b""
            case _:
                pass

    def _answer(self, question: Question) -> None:
        engine, dice = self.engine, self.answers.random()
        if dice < 0.1:
            engine.refuse(self.answers.choice(_NO))
        elif isinstance(question, Authenticate | AuthResponse) and dice < 0.6:
            engine.challenge(self.answers.randbytes(3))
        elif isinstance(question, EndOfMessage) and dice < 0.6:
            count = engine.recipients if engine.is_lmtp else 1
            engine.accept_each([Reply(250, "2.0.0", "Yes")] * count)
        else:
            engine.accept()
        if isinstance(question, StartTls) and engine.state is State.SECURING:
            self.secured = True
            engine.secured(SECURE)


def play(seed: int) -> tuple[State, int]:
    """Play the session that `seed` makes, whole and in pieces; give its last state and its messages."""
    dice = Random(seed)
    terms = dice.choice(TERMS)
    opening = b"LHLO a\r\n" if terms.kind == "lmtp" else b"EHLO a\r\n"
    words = [opening, *dice.choices(WORDS, k=dice.randrange(25))]
    for _ in range(dice.randrange(4)):
        words.insert(dice.randrange(1, len(words) + 1), _OPEN + dice.choice(PHRASES))
    if not dice.randrange(4):
        words.insert(dice.randrange(len(words)), dice.randbytes(dice.randrange(20)))
    stream = b"".join(words)
    cuts = sorted(dice.randrange(len(stream)) for _ in range(dice.randrange(6)))
    whole, pieces = (Play(Conversation(terms), Random(seed)) for _ in range(2))
    whole.pump()
    whole.engine.feed(stream)
    whole.pump()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        pieces.pump()
        pieces.engine.feed(stream[start:end])
    pieces.pump()
    _compare(whole, pieces)
    return whole.engine.state, whole.messages


def _compare(whole: Play, pieces: Play) -> None:
    for one in (whole, pieces):
        assert one.output.endswith(b"\r\n")
        assert all(_LINE.fullmatch(line) for line in one.output[:-2].split(b"\r\n")), one.output
    # Where STARTTLS was accepted a cut may fall before octets that, fed at once, would have ended all.
    if not (whole.secured or pieces.secured):
        assert whole.output == pieces.output
        assert whole.asked == pieces.asked
        assert whole.engine.state is pieces.engine.state


def main(count: int, first: int) -> None:
    began = time.monotonic()
    states: Counter[State] = Counter()
    messages = 0
    for seed in range(first, first + count):
        try:
            state, came = play(seed)
        except BaseException:
            sys.stderr.write(f"seed {seed}\n")
            raise
        states[state] += 1
        messages += came
    seconds = time.monotonic() - began
    ends = ", ".join(f"{state.name}: {number}" for state, number in states.most_common())
    sys.stdout.write(f"{count} sessions, {messages} messages, {seconds:.0f} s, none fell\n{ends}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
