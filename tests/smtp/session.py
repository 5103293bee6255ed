"""A driver for the engine: answers every question at once and writes down what it was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tests.smtp.script import TERMS, Answer, Challenge, Each, Script
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.questions import AuthAborted, Chunk, EndOfMessage, Question, Quit, Reset
from vsmtp.smtp.terms import Terms
from vsmtp.values.reply import Reply


@dataclass(frozen=True, slots=True)
class Message:
    """The chunks of one sound message, joined."""

    octets: bytes


Event: TypeAlias = Question | Message
NOTICES: Final = (Chunk, Reset, Quit, AuthAborted)


@dataclass(slots=True)
class Session:
    """One conversation, every question accepted unless `answers` says otherwise, in order."""

    terms: Terms = TERMS
    answers: Iterable[Answer] = ()
    events: list[Event] = field(default_factory=list)
    output: bytes = b""
    engine: Conversation = field(init=False)
    _message: list[bytes] = field(default_factory=list)
    _answers: Iterator[Answer] = field(init=False)
    _read: int = 0

    def __post_init__(self) -> None:
        self.engine = Conversation(self.terms)
        self._answers = iter(self.answers)
        self._pump()

    def send(self, octets: bytes) -> None:
        self.engine.feed(octets)
        self._pump()

    def reply_line(self) -> str:
        end = self.output.find(b"\r\n", self._read)
        if end < 0:
            assert self.engine.closed, "the server says nothing"
            return ""
        line, self._read = self.output[self._read : end], end + 2
        return line.decode("ascii")

    def said(self) -> list[str]:
        """Give all lines of the output that nobody has read yet."""
        lines = self.output[self._read :].decode("ascii").split("\r\n")
        self._read = len(self.output)
        return lines[:-1]

    def talk(self, *lines: str) -> list[str]:
        """Send `lines`, each with CRLF, and give the reply lines."""
        self.said()
        for line in lines:
            self.send(line.encode() + b"\r\n")
        return self.said()

    def _pump(self) -> None:
        while (question := self.engine.ask()) is not None:
            self._note(question)
            if not isinstance(question, NOTICES):
                self._answer(next(self._answers, None))
        self.output += self.engine.take_output()

    def _answer(self, answer: Answer) -> None:
        match answer:
            case None:
                self.engine.accept()
            case Challenge(data):
                self.engine.challenge(data)
            case Each(replies):
                self.engine.accept_each(replies)
            case Reply():
                self.engine.refuse(answer)

    def _note(self, question: Question) -> None:
        match question:
            case Chunk(data):
                assert data
                self._message.append(data)
                return
            case EndOfMessage():
                self.events.append(Message(b"".join(self._message)))
                self._message = []
            case Reset():
                self._message = []
            case _:
                pass
        self.events.append(question)


def run(script: Script, pieces: Iterable[bytes]) -> Session:
    """Feed `pieces` to a fresh engine under the terms and answers of `script`."""
    session = Session(script.terms, script.answers)
    for piece in pieces:
        session.send(piece)
    return session
