"""The server's half of an SMTP session: octets in, questions out, answers in, octets out (RFC 5321).

The driver feeds what the client sends, asks until nothing comes, answers each question when it can, and
writes what `take_output` gives. While a question is open nothing moves: what is fed meanwhile waits. The
engine refuses by itself what breaks the protocol or the terms, and never raises for anything a client does.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from vsmtp.smtp.commands import NOT_OFFERED, SILENT, VERBS, WEB_VERBS, Dialect, Meaning, Say
from vsmtp.smtp.inbox import Inbox
from vsmtp.smtp.intake import Intake
from vsmtp.smtp.moves import IN_TRANSACTION, MOVES, WRONG_TURNS, State
from vsmtp.smtp.questions import (
    CONNECTED,
    END_OF_MESSAGE,
    QUIT,
    RESET,
    Chunk,
    Connected,
    Data,
    EndOfMessage,
    Hello,
    Mail,
    Question,
    Quit,
    Rcpt,
    Reset,
)
from vsmtp.smtp.terms import Terms
from vsmtp.values.reply import Reply

_Open: TypeAlias = Connected | Hello | Mail | Rcpt | Data | EndOfMessage

# RFC 5321 3.8: the server closes after it has said 421, and after no other reply but that to QUIT.
_CLOSING: Final = 421
_PERMANENT: Final = 500


class Conversation:
    """One client's session; the first `ask` gives `Connected`, before anything is fed."""

    __slots__ = (
        "_dialect", "_due", "_idle", "_inbox", "_intake", "_open", "_output", "_recipients", "_terms",
        "errors", "state",
    )  # fmt: skip

    def __init__(self, terms: Terms) -> None:
        self.state = State.CONNECTING
        self.errors = 0
        self._terms = terms
        self._inbox = Inbox(terms.max_command_line)
        self._output: list[bytes] = []
        self._open: _Open | None = None
        self._due: Connected | Reset | EndOfMessage | None = CONNECTED
        self._dialect = SILENT
        self._recipients = 0
        self._idle = 0
        self._intake: Intake | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more will be asked: the connection ends when the output is written."""
        return self.state is State.CLOSED

    @property
    def backlog(self) -> int:
        """Octets that wait, while a question is open, to be looked at: stop reading when they grow."""
        return len(self._inbox)

    def feed(self, data: bytes) -> None:
        """Take octets from the client; what comes after the close is dropped."""
        if self.state is not State.CLOSED:
            self._inbox.add(data)

    def take_output(self) -> bytes:
        """Hand out what is to be written now; empty when there is nothing."""
        if not self._output:
            return b""
        output = self._output[0] if len(self._output) == 1 else b"".join(self._output)
        self._output.clear()
        return output

    def ask(self) -> Question | None:
        """Give the next question or notice; None: octets or an answer are wanted first, or all is over."""
        if self._open is not None:
            return None
        if self._due is not None:
            return self._give_due(self._due)
        if self._intake is not None:
            return self._receive(self._intake)
        return self._next_command()

    def accept(self, text: Reply | None = None) -> None:
        """Answer the open question with yes, in the engine's words or in those of `text`, a positive reply.

        The session moves. An answer that comes after the close is dropped. Raises RuntimeError when no
        question is open.
        """
        question, self._open = self._open, None
        if question is None:
            self._unasked()
            return
        before, self.state = self.state, MOVES[self.state][type(question)]
        name = self._carry_out(question, before)
        self._output.append(self._terms.wire[name] if text is None else self._worded(name, text))

    def refuse(self, reply: Reply) -> None:
        """Answer the open question with no: a refused command moves nothing.

        The end of a refused message ends its transaction all the same (RFC 5321 4.1.1.4); a 421 closes, and
        so does a refused connection. Dropped and raising as for `accept`.
        """
        question, self._open = self._open, None
        if question is None:
            self._unasked()
            return
        if reply.code == _CLOSING or isinstance(question, Connected):
            self.close(reply)
            return
        if isinstance(question, EndOfMessage):
            self.state = MOVES[self.state][EndOfMessage]
        self._output.append(reply.wire())
        if reply.code >= _PERMANENT:
            self._count_error()

    def close(self, reply: Reply) -> None:
        """Say `reply` and end the conversation, at whatever point it stands; no more than once."""
        if self.state is not State.CLOSED:
            self._end(reply.wire())

    def _end(self, wire: bytes) -> None:
        self._output.append(wire)
        self.state = State.CLOSED
        self._open = self._due = self._intake = None
        self._inbox.clear()

    def _unasked(self) -> None:
        # An answer that was long in coming may find the session closed; else it is the driver's mistake.
        if self.state is not State.CLOSED:
            raise RuntimeError("no question is open")

    def _worded(self, name: str, text: Reply) -> bytes:
        if name != "ehlo":
            return text.wire()
        _, end, offers = self._terms.said["ehlo"].text.partition("\n")
        return Reply(text.code, "", text.text.replace("\n", " ") + end + offers).wire()

    def _give_due(self, due: Connected | Reset | EndOfMessage) -> Question:
        self._due = None
        if not isinstance(due, Reset):
            self._open = due
        return due

    # Commands.

    def _next_command(self) -> Question | None:
        while True:
            line = self._inbox.line()
            if line is None:
                return None
            notice = self._consider(self._meaning(line) if isinstance(line, bytes) else Say(line))
            if notice is not None:
                return notice

    def _meaning(self, line: bytes) -> Meaning:
        word, _, argument = line.partition(b" ")
        verb = VERBS.get(word) or VERBS.get(word.upper())
        if verb is None:
            return self._not_obeyed(word.upper())
        if verb.move is None:
            self._count_idle()
        elif verb.move not in MOVES[self.state]:
            return Say(WRONG_TURNS.get(self.state, {}).get(verb.move, "bad_sequence"))
        return verb.read(argument, self._terms, self._dialect)

    def _consider(self, meaning: Meaning) -> Question | None:
        match meaning:
            case Rcpt() if self._recipients >= self._terms.max_recipients:
                self._say(Say("too_many_recipients"))
                return None
            case Rcpt() | Mail() | Data() | Hello():
                self._open = meaning
                return meaning
            case Quit():
                self._end(self._terms.wire["quit"])
                return QUIT
            case Reset():
                return self._reset()
            case Say():
                self._say(meaning)
                return None

    def _not_obeyed(self, verb: bytes) -> Say:
        if self.state is State.CONNECTED and verb in WEB_VERBS:
            return Say("not_smtp")
        return Say("not_implemented" if verb in NOT_OFFERED else "unknown_command")

    def _reset(self) -> Reset | None:
        self._count_idle()
        gone = self.state in IN_TRANSACTION
        if self.state is not State.CLOSED:
            self.state = MOVES[self.state][Reset]
            self._output.append(self._terms.wire["reset"])
        return RESET if gone else None

    def _say(self, what: Say) -> None:
        """Give a reply; one that refuses counts, one that closes closes."""
        if self.state is State.CLOSED:
            return
        reply = self._terms.said[what.name]
        if reply.code == _CLOSING:
            self._end(reply.wire())
            return
        if what.detail and what.name not in self._terms.replies:
            reply = Reply(reply.code, reply.enhanced, f"{reply.text}: {what.detail}")
        self._output.append(reply.wire() if what.detail else self._terms.wire[what.name])
        if reply.code >= _PERMANENT:
            self._count_error()

    def _count_error(self) -> None:
        self.errors += 1
        if self.errors >= self._terms.hard_error_limit:
            self._end(self._terms.wire["too_many_errors"])

    def _count_idle(self) -> None:
        self._idle += 1
        if self._idle > self._terms.max_idle_commands:
            self._count_error()

    # The message.

    def _receive(self, intake: Intake) -> Question | None:
        if not self._inbox:
            return None
        data, rest = intake.take(self._inbox.take())
        if rest is not None:
            self._inbox.add(rest)
            self._finish(intake)
        if data:
            return Chunk(data)
        return self._give_due(self._due) if self._due is not None else None

    def _finish(self, intake: Intake) -> None:
        self._intake = None
        fault = intake.fault
        if fault is None:
            self._due = END_OF_MESSAGE
            return
        self._due = RESET
        self.state = MOVES[self.state][Reset]
        self._say(Say(fault))

    def _carry_out(self, question: _Open, before: State) -> str:
        """Do what a yes to `question` means besides the move; gives the name of its reply."""
        match question:
            case Rcpt():
                self._recipients += 1
                return "rcpt"
            case Mail():
                self._recipients = 0
                if question.smtputf8 is not self._dialect.smtputf8:
                    self._dialect = Dialect(self._dialect.esmtp, question.smtputf8)
                return "mail"
            case Data():
                self._intake = Intake(self._terms.max_message_size, self._terms.max_line_length)
                return "data"
            case EndOfMessage():
                self.errors = self._idle = 0
                return "queued"
            case Hello():
                return self._greet(question, before)
            case Connected():
                return "greeting"

    def _greet(self, hello: Hello, before: State) -> str:
        self._dialect = Dialect(hello.esmtp)
        if before in IN_TRANSACTION:
            self._due = RESET  # RFC 5321 4.1.4: a second EHLO is a RSET too
        return "ehlo" if hello.esmtp else "helo"
