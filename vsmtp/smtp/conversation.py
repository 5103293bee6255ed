"""The server's half of an SMTP or LMTP session: octets in, questions out, answers in, octets out (RFC 5321).

The driver feeds what the client sends, asks until nothing comes, answers each question when it can, and
writes what `take_output` gives. While a question is open nothing moves: what is fed meanwhile waits. The
engine refuses by itself what breaks the protocol or the terms, and never raises for anything a client does.

Mostly the engine reads command lines. What else the client's octets can be for a while is its `_intake`: a
message after a 354, a counted chunk, one that is dropped, the response to an AUTH challenge, or TLS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, ClassVar, Final, TypeAlias

from vsmtp.smtp import exchange
from vsmtp.smtp.chunks import Chunks, Dropped, Portion
from vsmtp.smtp.commands import NOT_OFFERED, SILENT, WEB_VERBS, Dialect, Meaning, Say, Verb
from vsmtp.smtp.inbox import Inbox
from vsmtp.smtp.intake import Intake
from vsmtp.smtp.moves import IN_TRANSACTION, MOVES, WRONG_TURNS, State
from vsmtp.smtp.questions import (
    AUTH_ABORTED,
    CONNECTED,
    END_OF_MESSAGE,
    QUIT,
    RESET,
    AuthAborted,
    Authenticate,
    AuthResponse,
    Bdat,
    Chunk,
    Connected,
    Data,
    EndOfMessage,
    Expand,
    Hello,
    Mail,
    Question,
    Quit,
    Rcpt,
    Reset,
    StartTls,
    Verify,
    Xclient,
)
from vsmtp.smtp.terms import SILENCE, Terms
from vsmtp.values.reply import Reply


class _Waiting(Enum):
    """What octets are wanted that are neither commands nor a message."""

    FOR_RESPONSE = auto()
    FOR_TLS = auto()


_Open: TypeAlias = (
    Connected | Hello | Mail | Rcpt | Data | Bdat | EndOfMessage
    | StartTls | Authenticate | AuthResponse | Verify | Expand | Xclient
)  # fmt: skip
_Intake: TypeAlias = Intake | Portion | Dropped | _Waiting

# RFC 5321 3.8: the server closes after it has said 421, and after no other reply but that to QUIT.
_CLOSING: Final = 421
_PERMANENT: Final = 500
# To look it up in its enumeration takes as long as a call, and every piece of input would do it.
_CLOSED: Final = State.CLOSED


def _just(name: str) -> Callable[[Conversation, Any, State], str]:
    return lambda _conversation, _question, _before: name


class Conversation:
    """One client's session; the first `ask` gives `Connected`, before anything is fed."""

    __slots__ = (
        "_chunks", "_dialect", "_due", "_idle", "_inbox", "_intake", "_known", "_messages", "_offer",
        "_open", "_output", "_terms", "_verbs", "errors", "recipients", "state",
    )  # fmt: skip

    def __init__(self, terms: Terms) -> None:
        self.state = State.CONNECTING
        self.errors = 0
        # Those accepted in the transaction under way, or in the one before: the replies LMTP wants.
        self.recipients = 0
        self._inbox = Inbox(terms.max_command_line)
        self._output: list[bytes] = []
        self._open: _Open | None = None
        self._due: Connected | Reset | EndOfMessage | None = CONNECTED
        self._dialect = SILENT
        self._idle = 0
        self._messages = 0
        self._intake: _Intake | None = None
        self._chunks: Chunks | None = None
        self._known = False
        self._terms = terms
        self._verbs = terms.verbs
        self._offer = terms.offer
        if terms.auth:
            self._inbox.auth_limit = exchange.MAX_LINE

    @property
    def closed(self) -> bool:
        """Whether nothing more will be asked: the connection ends when the output is written."""
        return self.state is _CLOSED

    @property
    def is_lmtp(self) -> bool:
        """Whether the end of a message wants a reply for each of `recipients`."""
        return self._terms.kind == "lmtp"

    def words(self, name: str) -> Reply:
        """The listener's words for one of the `REPLIES`: some are said by the driver, which knows when."""
        return self._terms.said[name]

    @property
    def backlog(self) -> int:
        """Octets that wait, while a question is open, to be looked at: stop reading when they grow.

        Any before the first question is answered come from a client that does not wait for the greeting.
        """
        return len(self._inbox)

    def feed(self, data: bytes) -> None:
        """Take octets from the client; what comes after the close is dropped."""
        if self.state is not _CLOSED:
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
        intake = self._intake
        if intake is None:
            return self._next_command()
        if isinstance(intake, Intake):
            return self._receive_message(intake)
        question = self._receive(intake)
        if question is not None or self._intake is not None:
            return question
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
        if question is END_OF_MESSAGE and self.is_lmtp:
            self._open = question
            self.accept_each([text or self._terms.said["queued"]] * self._verdicts)
            return
        before, self.state = self.state, MOVES[self.state][type(question)]
        name = self._DEEDS[type(question)](self, question, before)
        self._output.append(self._terms.wire[name] if text is None else self._worded(name, text))

    def accept_each(self, replies: Sequence[Reply]) -> None:
        """Answer `EndOfMessage` with one reply for each accepted recipient, in their order (RFC 2033 4.2).

        Over SMTP there is one reply for all. Raises ValueError for another number, RuntimeError when this is
        not the question; dropped as for `accept`.
        """
        if self.state is _CLOSED:
            return
        if self._open is not END_OF_MESSAGE:
            raise RuntimeError("no message waits for its verdict")
        if len(replies) != self._verdicts:
            raise ValueError(f"{self._verdicts} replies are due, not {len(replies)}")
        self._open = None
        self.state = MOVES[self.state][EndOfMessage]
        self._output.extend(self._terms.in_own_words(reply).wire() for reply in replies)
        if any(reply.is_positive for reply in replies):
            self.errors = self._idle = 0
        elif all(reply.is_permanent for reply in replies):
            self._count_error()

    def challenge(self, data: bytes) -> None:
        """Answer `Authenticate` or `AuthResponse` with a challenge: `AuthResponse` or `AuthAborted` follows.

        Dropped and raising as for `accept`.
        """
        if self.state is _CLOSED:
            return
        if type(self._open) not in {Authenticate, AuthResponse}:
            raise RuntimeError("no authentication is under way")
        self._open = None
        self.state = State.AUTHENTICATING
        self._intake = _Waiting.FOR_RESPONSE
        self._inbox.limit = exchange.MAX_LINE
        self._output.append(exchange.challenge(data))

    def refuse(self, reply: Reply) -> None:
        """Answer the open question with no: a refused command moves nothing.

        The end of a refused message ends its transaction all the same (RFC 5321 4.1.1.4), so does a refused
        first chunk; a 421 closes, and so does a refused connection. Dropped and raising as for `accept`.
        """
        question, self._open = self._open, None
        if question is None:
            self._unasked()
            return
        reply = self._terms.in_own_words(reply)
        if reply.code == _CLOSING or isinstance(question, Connected):
            self.close(reply)
            return
        if isinstance(question, Bdat):
            self._drop_message(question, reply)
            return
        if isinstance(question, EndOfMessage | AuthResponse):
            self.state = MOVES[self.state][type(question)]
        self._give(reply, self._verdicts if isinstance(question, EndOfMessage) else 1)

    def vouch(self) -> None:
        """Take the client for logged in from the next command on: who may say so has said who it is."""
        self._known = True
        self._verbs = self._terms.verbs_after_auth

    def on_terms(self, terms: Terms) -> None:
        """Go on under other terms, from the next command on; a message on its way keeps its limits."""
        self._terms = terms
        self._offer = terms.offer
        self._verbs = terms.verbs_after_auth if self._known else terms.verbs
        self._inbox.auth_limit = exchange.MAX_LINE if terms.auth else terms.max_command_line
        if self.state is not State.AUTHENTICATING:
            self._inbox.limit = terms.max_command_line

    def secured(self, terms: Terms) -> None:
        """Go on under TLS and its `terms` as if the client had just been greeted (RFC 3207 4.2).

        Nothing is left of what was said in clear but the count of errors and messages. Dropped after the
        close; raises RuntimeError when no STARTTLS was accepted.
        """
        if self.state is _CLOSED:
            return
        if self._intake is not _Waiting.FOR_TLS:
            raise RuntimeError("no STARTTLS was accepted")
        self._watch_for_tls()
        if self.closed:
            return
        self._intake = None
        self.state = State.CONNECTED
        self._forget_client()
        self.on_terms(terms)

    def close(self, reply: Reply) -> None:
        """Say `reply` and end the conversation, at whatever point it stands; no more than once."""
        if self.state is not _CLOSED:
            self._end(self._terms.in_own_words(reply).wire())

    def _end(self, wire: bytes) -> None:
        self._output.append(wire)
        self.state = _CLOSED
        self._open = self._due = self._intake = self._chunks = None
        self._inbox.clear()

    def _unasked(self) -> None:
        # An answer that was long in coming may find the session closed; else it is the driver's mistake.
        if self.state is not _CLOSED:
            raise RuntimeError("no question is open")

    @property
    def _verdicts(self) -> int:
        """How many replies the end of a message gets."""
        return self.recipients if self.is_lmtp else 1

    def _forget_client(self) -> None:
        self._dialect = SILENT
        self._known = False
        self._verbs = self._terms.verbs

    def _worded(self, name: str, text: Reply) -> bytes:
        if name != "ehlo":
            return text.wire() if name else b""
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

    def _meaning(self, line: bytes) -> Meaning | Dropped:
        word, _, argument = line.partition(b" ")
        verb = self._verbs.get(word) or self._verbs.get(word.upper())
        if verb is None:
            return self._not_obeyed(word.upper())
        if verb.move is None:
            self._count_idle()
        elif verb.move not in MOVES[self.state]:
            return self._wrong_turn(verb, argument)
        return verb.read(argument, self._offer, self._dialect)

    def _wrong_turn(self, verb: Verb, argument: bytes) -> Meaning | Dropped:
        assert verb.move is not None
        name = WRONG_TURNS.get(self.state, {}).get(verb.move, "bad_sequence")
        if verb.move is not Bdat:
            return Say(name)
        # RFC 3030 2: the octets come all the same, and are no commands.
        chunk = verb.read(argument, self._offer, self._dialect)
        return Dropped(chunk.size, self._terms.said[name], 1) if isinstance(chunk, Bdat) else chunk

    def _consider(self, meaning: Meaning | Dropped) -> Question | None:
        match meaning:
            case Mail():
                if self._messages == self._terms.max_messages:
                    self._say(Say("too_many_messages"))
                    return None
            case Rcpt():
                if self.recipients >= self._terms.max_recipients:
                    self._say(Say("too_many_recipients"))
                    return None
            case Data() | Hello() | StartTls() | Authenticate() | Xclient():
                pass
            case Say():
                self._say(meaning)
                return None
            case _:
                return self._consider_more(meaning)
        self._open = meaning
        return meaning

    def _consider_more(self, meaning: Quit | Reset | Bdat | Dropped | Verify | Expand) -> Question | None:
        match meaning:
            case Quit():
                self._end(self._terms.wire["quit"])
                return QUIT
            case Reset():
                return self._reset()
            case Bdat() if self._chunks is not None:
                self._intake = Portion(meaning.size, meaning.last, self._chunks)
                return self._receive(self._intake)
            case Dropped():
                self._intake = meaning
                return self._receive(meaning)
            case Verify() | Expand():
                self._count_idle()  # who asks for one name after the other is after addresses
            case Bdat():
                pass
        if self.state is not _CLOSED:
            self._open = meaning
        return self._open

    def _not_obeyed(self, verb: bytes) -> Say:
        if self.state is State.CONNECTED and verb in WEB_VERBS:
            return Say("not_smtp")
        return Say("not_implemented" if verb in NOT_OFFERED else "unknown_command")

    def _reset(self) -> Reset | None:
        self._count_idle()
        gone = self.state in IN_TRANSACTION
        if self.state is not _CLOSED:
            self.state = MOVES[self.state][Reset]
            self._chunks = None
            self._output.append(self._terms.wire["reset"])
        return RESET if gone else None

    def _say(self, what: Say) -> None:
        """Give a reply; one that refuses counts, one that closes closes."""
        if self.state is _CLOSED:
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

    def _give(self, reply: Reply, times: int = 1) -> None:
        self._output.append(reply.wire() * times)
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

    # What is no command.

    def _receive(self, intake: Portion | Dropped | _Waiting) -> Question | None:
        """Go on with what is under way; None when it waits for more, or is over and has nothing to ask."""
        match intake:
            case Portion():
                return self._receive_portion(intake)
            case Dropped():
                self._drop(intake)
                return None
            case _Waiting.FOR_RESPONSE:
                return self._receive_response()
            case _Waiting.FOR_TLS:
                self._watch_for_tls()
                return None

    def _receive_message(self, intake: Intake) -> Question | None:
        if not self._inbox:
            return None
        data, rest = intake.take(self._inbox.take())
        if rest is not None:
            self._inbox.add(rest)
            self._finish(intake.rules.fault)
        if data:
            return Chunk(data)
        return self._give_due(self._due) if self._due is not None else None

    def _receive_portion(self, portion: Portion) -> Question | None:
        data = portion.take(self._inbox)
        if not portion.left:
            self._intake = None
            fault = portion.content.rules.fault
            if portion.last or fault is not None:
                self._finish(fault, self._verdicts if portion.last else 1)
            else:
                self._output.append(self._terms.wire["chunk"])
        if data:
            return Chunk(data)
        return self._give_due(self._due) if self._due is not None else None

    def _finish(self, fault: str | None, replies: int | None = None) -> None:
        """End a message; one that is unsound is refused, over LMTP for each recipient."""
        self._intake = self._chunks = None
        if fault is None:
            self._due = END_OF_MESSAGE
            return
        self._due = RESET
        self.state = MOVES[self.state][Reset]
        self._give(self._terms.said[fault], self._verdicts if replies is None else replies)

    def _drop_message(self, chunk: Bdat, reply: Reply) -> None:
        # Were only the chunk refused, and the next one not, a message would lack its beginning.
        self._due = RESET
        self.state = MOVES[self.state][Reset]
        self._intake = Dropped(chunk.size, reply, self._verdicts if chunk.last else 1)

    def _drop(self, chunk: Dropped) -> None:
        chunk.take(self._inbox)
        if not chunk.left:
            self._intake = None
            self._give(chunk.then, chunk.times)

    def _receive_response(self) -> AuthResponse | AuthAborted | None:
        line = self._inbox.line()
        if line is None:
            return None
        self._intake = None
        self._inbox.limit = self._terms.max_command_line
        response = exchange.response(line)
        if isinstance(response, AuthResponse):
            self._open = response
            return response
        self.state = MOVES[self.state][AuthResponse]
        self._say(Say(response))
        return AUTH_ABORTED

    def _watch_for_tls(self) -> None:
        # RFC 3207 4.2, 6: octets said in clear must not be taken for something said under TLS.
        if self._inbox:
            self._end(self._terms.wire["octets_after_starttls"])

    # What a yes means besides the move; each gives the name of its reply, SILENCE where there is none.

    def _greet(self, hello: Hello, before: State) -> str:
        self._dialect = Dialect(hello.esmtp)
        self._chunks = None
        if before in IN_TRANSACTION:
            self._due = RESET  # RFC 5321 4.1.4: a second EHLO is a RSET too
        return "ehlo" if hello.esmtp else "helo"

    def _begin(self, mail: Mail, _before: State) -> str:
        self.recipients = 0
        self._messages += 1
        if mail.smtputf8 is not self._dialect.smtputf8:
            self._dialect = Dialect(self._dialect.esmtp, mail.smtputf8)
        return "mail"

    def _count_recipient(self, _rcpt: Rcpt, _before: State) -> str:
        self.recipients += 1
        return "rcpt"

    def _open_message(self, _data: Data, _before: State) -> str:
        self._intake = Intake(self._terms.line_rules())
        return "data"

    def _open_chunks(self, chunk: Bdat, _before: State) -> str:
        self._chunks = Chunks(self._terms.line_rules())
        self._intake = Portion(chunk.size, chunk.last, self._chunks)
        return SILENCE

    def _forgive(self, _end: EndOfMessage, _before: State) -> str:
        self.errors = self._idle = 0
        return "queued"

    def _wait_for_tls(self, _question: StartTls, _before: State) -> str:
        self._intake = _Waiting.FOR_TLS
        self._watch_for_tls()
        return SILENCE if self.state is _CLOSED else "starttls"

    def _let_in(self, _question: Authenticate | AuthResponse, _before: State) -> str:
        self._known = True
        self._verbs = self._terms.verbs_after_auth
        return "authenticated"

    def _begin_anew(self, _question: Xclient, _before: State) -> str:
        self._forget_client()
        self._due = CONNECTED
        return SILENCE

    _DEEDS: ClassVar[Mapping[type[_Open], Callable[[Conversation, Any, State], str]]] = {
        Connected: _just("greeting"),
        Hello: _greet,
        Mail: _begin,
        Rcpt: _count_recipient,
        Data: _open_message,
        Bdat: _open_chunks,
        EndOfMessage: _forgive,
        StartTls: _wait_for_tls,
        Authenticate: _let_in,
        AuthResponse: _let_in,
        Verify: _just("vrfy"),
        Expand: _just("expn"),
        Xclient: _begin_anew,
    }
