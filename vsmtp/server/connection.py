"""One client's connection: octets between the socket and the conversation, questions to the session.

The thinking is done elsewhere: `smtp` knows the protocol, `session` answers its questions by the rules and
the queue. Here are the buffers and the clocks. Pipelined commands are answered in one write. Reading pauses
while a question is open and much waits, while a large message is being written, and while the client does
not read. A deadline is set when the client is given its turn, and octets alone do not move it: only whole
commands do, or another `PROGRESS` octets of a message.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from vsmtp.server.listener import Client
from vsmtp.server.session import Office, Session
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import Chunk
from vsmtp.smtp.terms import Terms
from vsmtp.telemetry.events import Bug, SessionClosed, SessionOpened
from vsmtp.values.reply import Reply

BUFFER: Final = 64 * 2**10
# After so many answers the output is written, and no more is answered until the client has read.
ANSWERS_A_WRITE: Final = 64
MAX_BACKLOG: Final = 64 * 2**10
PROGRESS: Final = 64 * 2**10
NEVER: Final = float("inf")
# How long a client that was told to go may take to read it, seconds.
FAREWELL: Final = 5.0

TIMED_OUT: Final = Reply(421, "4.4.2", "timeout, closing connection")
SHUTTING_DOWN: Final = Reply(421, "4.3.2", "service shutting down, try again later")
INTERNAL: Final = Reply(421, "4.3.0", "internal error, closing connection")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a client is given: for its greeting, a command, `PROGRESS` octets, a whole message."""

    greeting: float
    command: float
    data: float
    message: float


@dataclass(frozen=True, slots=True)
class House:
    """What all connections of a worker share.

    `buffer` is lent to each read and copied from at once; `lend` lets the commit thread go on; `opened` and
    `closed` keep the register of connections.
    """

    loop: asyncio.AbstractEventLoop
    buffer: memoryview
    terms: Terms
    patience: Patience
    office: Office
    lend: Callable[[], None]
    opened: Callable[[Connection], None]
    closed: Callable[[Connection], None]


class Connection(asyncio.BufferedProtocol):
    """The driver of one conversation."""

    __slots__ = (
        "_conversation", "_deadline", "_ended_by", "_eof", "_house", "_message_deadline", "_paused",
        "_progress", "_pumping", "_stuck", "_timed", "_transport", "client", "session",
    )  # fmt: skip

    def __init__(self, house: House, client: Client, name: str) -> None:
        self.client = client
        self._house = house
        self._conversation = Conversation(house.terms)
        self.session = Session(house.office, self._conversation, client, name, self._go_on)
        self._transport: asyncio.Transport | None = None
        self._deadline = NEVER
        self._message_deadline = NEVER
        self._timed = 0
        self._progress = 0
        self._paused = False
        self._stuck = False
        self._eof = False
        self._pumping = False
        self._ended_by = "disconnected"

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or turn away, as the rules of `connect` say."""
        self._transport = cast("asyncio.Transport", transport)
        self._house.opened(self)
        log = self._house.office.log
        if log.wants("debug"):
            log.emit(SessionOpened(self.session.name, self.client.address, self.client.listener))
        self._deadline = self._house.loop.time() + self._house.patience.greeting
        self._go_on()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 the buffer is of one size
        """Lend the worker's buffer; what is read is taken out before anybody else reads."""
        return self._house.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self._house.lend()
        self._conversation.feed(bytes(self._house.buffer[:nbytes]))
        self._go_on()

    def eof_received(self) -> bool:
        """The client sends no more, but may wait for the answers to what it has sent."""
        self._eof = True
        self._go_on()
        return True

    def pause_writing(self) -> None:
        """The client does not read: nothing more is read from it either."""
        self._stuck = True
        self._mind_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stuck = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 why a client left changes nothing
        """Forget the client; a message that was being committed stays accepted."""
        self._transport = None
        self.session.end()
        self._house.closed(self)
        log = self._house.office.log
        if log.wants("debug"):
            ended = "quit" if self.session.has_quit else self._ended_by
            log.emit(SessionClosed(self.session.name, self.client.address, ended, self.session.messages))

    # The conversation's side.

    def _go_on(self) -> None:
        """Answer all that can be answered, then write, then mind the clocks and the reading."""
        if self._pumping or self._transport is None:
            return
        self._pumping = True
        try:
            moved = self._pump()
        except Exception:  # noqa: BLE001 we are wrong: the top of this session
            log = self._house.office.log
            log.emit(Bug(self.session.name, traceback.format_exc()))
            self._conversation.close(INTERNAL)
            moved = True
        finally:
            self._pumping = False
        moved = self._write() or moved
        if self._conversation.closed:
            self._leave("server")
        elif self._eof and not (self.session.is_deciding or self._stuck):
            self._leave("disconnected")
        else:
            if moved:
                self._set_deadline()
            self._mind_reading()

    def _pump(self) -> bool:
        ask, answer = self._conversation.ask, self.session.answer
        moved = False
        answered = 0
        while not self._stuck and (question := ask()) is not None:
            moved = moved or type(question) is not Chunk or self._has_progressed(len(question.data))
            answer(question)
            answered += 1
            if not answered % ANSWERS_A_WRITE:
                self._write()
        return moved

    def _write(self) -> bool:
        """Write what there is to say; whether there was anything."""
        output = self._conversation.take_output()
        if output and self._transport is not None:
            self._transport.write(output)
        return bool(output)

    def _has_progressed(self, octets: int) -> bool:
        """Whether another `PROGRESS` octets of the message are there."""
        self._progress += octets
        if self._progress < PROGRESS:
            return False
        self._progress %= PROGRESS
        return True

    def _mind_reading(self) -> None:
        transport = self._transport
        if transport is None:
            return
        busy = (
            self._stuck
            or self.session.is_writing
            or (self.session.is_deciding and self._conversation.backlog > MAX_BACKLOG)
        )
        if busy is self._paused or transport.is_closing():
            return
        self._paused = busy
        if busy:
            transport.pause_reading()
        else:
            transport.resume_reading()

    # The clocks.

    def _set_deadline(self) -> None:
        now = self._house.loop.time()
        patience = self._house.patience
        state = self._conversation.state
        if self.session.is_deciding:
            self._deadline = now + patience.message  # it waits for us, who should be quicker
        elif state is State.CONNECTED:
            return  # the greeting's time runs until there is a HELO
        elif state is State.RECEIVING or self.session.has_transaction:
            self._time_message(now)
            wait = patience.data if state is State.RECEIVING else patience.command
            self._deadline = min(now + wait, self._message_deadline)
        else:
            self._deadline = now + patience.command

    def _time_message(self, now: float) -> None:
        """Let the time of a transaction run from its beginning, also where the one before has just ended."""
        if self._timed != self.session.transactions:
            self._timed = self.session.transactions
            self._message_deadline = now + self._house.patience.message
            self._progress = 0

    def check(self, now: float) -> None:
        """Close the connection if its time is over; `now` is the loop's time. Called about once a second."""
        if now < self._deadline or self._transport is None:
            return
        if self._transport.is_closing():
            self._transport.abort()
        else:
            self.dismiss(TIMED_OUT, "timeout")

    def abort(self) -> None:
        """Cut the connection: the client had its time."""
        if self._transport is not None:
            self._transport.abort()

    def dismiss(self, reply: Reply, reason: str) -> None:
        """Say `reply` and close, at whatever point the conversation stands."""
        self._conversation.close(reply)
        self._ended_by = reason
        self._go_on()

    def shut_down(self) -> None:
        """End in order: at once between commands; a message under way still gets its answer."""
        if not self.session.is_deciding and self._conversation.state is not State.RECEIVING:
            self.dismiss(SHUTTING_DOWN, "shutdown")

    def _leave(self, reason: str) -> None:
        transport = self._transport
        assert transport is not None
        if not transport.is_closing():
            if self._ended_by == "disconnected":
                self._ended_by = reason
            self._deadline = self._house.loop.time() + FAREWELL
            transport.close()
