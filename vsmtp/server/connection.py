"""One client's connection: octets between the socket and the conversation, questions to the session.

The thinking is done elsewhere: `smtp` knows the protocol, `session` answers its questions by the rules and
the queue. Here are the buffers. Pipelined commands are answered in one write. Reading pauses
while a question is open and much waits, while a large message is being written, and while the client does
not read. Before the conversation there may be a PROXY header and a TLS handshake; `_reader` takes what comes
whenever that is not plain text for the conversation. TLS is `seal`'s, the clocks are `deadline`'s.
"""

from __future__ import annotations

import asyncio
import traceback
from asyncio import TimerHandle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, cast

from vsmtp.facts.subject import TlsState
from vsmtp.net.proxy import read_header
from vsmtp.net.tls import TlsError, Tunnel
from vsmtp.server.deadline import Deadline
from vsmtp.server.handshake import Turns
from vsmtp.server.listener import Client
from vsmtp.server.office import Office
from vsmtp.server.seal import Seal
from vsmtp.server.service import Patience, Penalty, Service, Standing
from vsmtp.server.session import Session
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import Chunk, Xclient
from vsmtp.telemetry.events import Bug, ConnectionRefused, HandshakeFailed, SessionClosed, SessionOpened
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES

BUFFER: Final = 64 * 2**10
# After so many answers the output is written, and no more is answered until the client has read.
ANSWERS_A_WRITE: Final = 64
MAX_BACKLOG: Final = 64 * 2**10
IN_MESSAGE: Final = frozenset({State.RECEIVING, State.IN_CHUNKS})

TIMED_OUT: Final = REPLIES["timeout"]
SHUTTING_DOWN: Final = REPLIES["shutting_down"]
INTERNAL: Final = REPLIES["internal_error"]


@dataclass(frozen=True, slots=True)
class House:
    """What all connections of a worker share.

    `buffer` is lent to each read and copied from at once; `services` are by listener; `lend` lets the commit
    thread go on; `opened` and `closed` keep the register of connections, and `moved` counts a connection for
    the client that a proxy has named, or says why it is one too many.
    """

    loop: asyncio.AbstractEventLoop
    buffer: memoryview
    services: Mapping[str, Service]
    patience: Patience
    office: Office
    lend: Callable[[], None]
    opened: Callable[[Connection], None]
    closed: Callable[[Connection], None]
    moved: Callable[[Client, Client], str]
    turns: Turns
    penalty: Penalty


class Waiting(Enum):
    """What keeps a conversation from going on."""

    FOR_HEADER = auto()
    FOR_HANDSHAKE = auto()
    TO_GREET = auto()
    FOR_PENANCE = auto()


# Whoever speaks now would be taken for something else.
MUTE: Final = frozenset({Waiting.FOR_HEADER, Waiting.FOR_HANDSHAKE})


class Connection(asyncio.BufferedProtocol):
    """The driver of one conversation."""

    __slots__ = (
        "_conversation", "_deadline", "_ended_by", "_eof", "_errors", "_header", "_house", "_paused",
        "_pumping", "_reader", "_seal", "_service", "_standing", "_stuck", "_timer", "_transport", "_waiting",
        "client", "session",
    )  # fmt: skip

    def __init__(self, house: House, client: Client, name: str) -> None:
        self.client = client
        self._house = house
        self._service = service = house.services[client.listener]
        self._standing = Standing(
            service.implicit, bool(service.introducers) and client.ip in service.introducers
        )
        self._conversation = Conversation(service.terms(self._standing))
        self.session = Session(house.office, self._conversation, client, name, self._go_on)
        self._transport: asyncio.Transport | None = None
        self._reader: Callable[[bytes], None] | None = None
        self._seal: Seal | None = None
        self._deadline = Deadline(house.patience)
        self._waiting: Waiting | None = None
        self._timer: TimerHandle | None = None
        self._header = b""
        self._errors = 0
        self._paused = False
        self._stuck = False
        self._eof = False
        self._pumping = False
        self._ended_by = "disconnected"

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or turn away, as the rules of `connect` say, once it is known who has come."""
        self._transport = cast("asyncio.Transport", transport)
        self._house.opened(self)
        log = self._house.office.log
        if log.wants("debug"):
            log.emit(SessionOpened(self.session.visit.name, self.client.address, self.client.listener))
        now = self._house.loop.time()
        self._deadline.begin(now)
        proxies = self._service.proxies
        if proxies and self.client.ip in proxies:
            self._waiting = Waiting.FOR_HEADER
            self._reader = self._take_header
            self._deadline.for_handshake(now)
        elif self._service.implicit:
            self._begin_tls()
        else:
            self._welcome()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 the buffer is of one size
        """Lend the worker's buffer; what is read is taken out before anybody else reads."""
        return self._house.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self._house.lend()
        octets = bytes(self._house.buffer[:nbytes])
        if self._reader is None:
            self._conversation.feed(octets)
            self._go_on()
        else:
            self._reader(octets)

    def eof_received(self) -> bool:
        """The client sends no more, but may wait for the answers to what it has sent."""
        self._eof = True
        if self._waiting in MUTE:
            self._leave("disconnected")
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
        self._stop_waiting()
        if self._seal is not None:
            self._seal.forget()
        self.session.end()
        self._house.closed(self)
        log = self._house.office.log
        if log.wants("debug"):
            ended = "quit" if self.session.has_quit else self._ended_by
            log.emit(
                SessionClosed(
                    self.session.visit.name, self.client.address, ended, self.session.visit.messages
                )
            )

    # Who has come, and by which way.

    def _take_header(self, octets: bytes) -> None:
        """Read what a proxy says of its client; whoever says nothing of the kind is cut without a word."""
        self._header += octets
        try:
            header = read_header(self._header)
        except ValueError as fault:
            self._turn_away(str(fault), INTERNAL)
            return
        if header is None:
            return
        rest, self._header = self._header[header.octets :], b""
        self._reader = self._waiting = None
        if header.client is not None:
            trusted = header.client.ip in self._house.office.manners.trusted
            self._become(self.client.moved(header.client.ip, header.client.port, trusted=trusted))
        if self._conversation.closed:
            return
        if self._service.implicit:
            self._begin_tls()
        else:
            self._welcome()
        if rest:
            self._take(rest)

    def _become(self, client: Client) -> None:
        """Serve the client whom a proxy has named, within the limits that hold for it."""
        self.session.become(client)
        if reason := self._count_as(client):
            self._turn_away(reason, Reply(421, "4.7.0", reason))

    def _count_as(self, client: Client) -> str:
        """Grant what this client is granted, which may be to name another; why it is one too many."""
        was, self.client = self.client, client
        introducers = self._service.introducers
        self._standing = self._standing._replace(introduces=bool(introducers) and client.ip in introducers)
        self._conversation.on_terms(self._service.terms(self._standing))
        return self._house.moved(was, client)

    def _introduced(self) -> None:
        """Whoever was named by XCLIENT is the client in all respects, or could name others in turn."""
        client = self.session.visit.client
        if client is self.client:
            return
        if reason := self._count_as(client):
            self._house.office.log.emit(ConnectionRefused(client.address, client.listener, reason))
            self._conversation.close(Reply(421, "4.7.0", reason))

    def _turn_away(self, reason: str, reply: Reply) -> None:
        """Close before a word was said, and where TLS comes first or no header came, without one."""
        self._house.office.log.emit(ConnectionRefused(self.client.address, self.client.listener, reason))
        if self._reader is not None or self._service.implicit:
            self._waiting = Waiting.FOR_HEADER
        self.dismiss(reply, "limit")

    def _take(self, octets: bytes) -> None:
        """Take octets by whatever way they have to go now."""
        if self._reader is not None:
            self._reader(octets)
        else:
            self._conversation.feed(octets)
            self._go_on()

    def _welcome(self) -> None:
        """Greet, or see first whether a stranger can wait for the greeting."""
        silence = 0.0 if self.client.trusted else self._house.penalty.silence
        self._deadline.for_greeting(self._house.loop.time(), silence)
        if silence:
            self._wait(Waiting.TO_GREET, silence)
            if not self._is_sealed:
                self._reader = self._take_early
        else:
            self._go_on()

    def _take_early(self, octets: bytes) -> None:  # noqa: ARG002 whatever it was
        """End it: whoever speaks before the greeting does not speak SMTP with us (RFC 5321 3.1)."""
        self._reader = None
        self.dismiss(self._service.terms(self._standing).said["early_talker"], "early talker")

    # TLS, as its carrier.

    @property
    def _is_sealed(self) -> bool:
        return self._seal is not None and self._seal.is_whole

    def _begin_tls(self) -> None:
        """Take all that comes from now on for TLS."""
        assert self._service.context is not None
        self._seal = Seal(self._service.context(), self._house.turns, self)
        self._reader = self._seal.take
        self._waiting = Waiting.FOR_HANDSHAKE
        self._deadline.for_handshake(self._house.loop.time())

    def send(self, octets: bytes) -> None:
        """Write octets as they are, while there is anybody to read them."""
        if self._transport is not None:
            self._transport.write(octets)

    def sealed(self, tunnel: Tunnel) -> None:
        """Speak SMTP under TLS, from the beginning."""
        self._waiting = None
        self.session.secure(
            TlsState(tunnel.version, tunnel.cipher, tunnel.asked, tunnel.peer), tunnel.binding
        )
        self._standing = self._standing._replace(
            is_secure=True, is_certified=bool(tunnel.peer), is_bound=bool(tunnel.binding)
        )
        terms = self._service.terms(self._standing)
        if self._conversation.state is State.SECURING:
            self._conversation.secured(terms)
            self._deadline.for_greeting(self._house.loop.time())
        else:
            self._conversation.on_terms(terms)
            self._welcome()

    def hear(self, said: bytes) -> None:
        """Take what the client says under TLS."""
        assert self._seal is not None
        if self._seal.has_ended:
            self._eof = True
        if said and self._waiting is Waiting.TO_GREET:
            self._take_early(said)
            return
        self._conversation.feed(said)
        self._go_on()

    def broken(self, fault: TlsError) -> None:
        """Close: not a word is said in clear any more."""
        self._house.office.log.emit(HandshakeFailed(self.session.visit.name, self.client.address, str(fault)))
        if fault.farewell:
            self.send(fault.farewell)
        self._waiting = Waiting.FOR_HANDSHAKE
        self._leave("TLS")

    # Waiting.

    def _wait(self, reason: Waiting, seconds: float) -> None:
        self._waiting = reason
        self._timer = self._house.loop.call_later(seconds, self._resume)

    def _stop_waiting(self) -> None:
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _resume(self) -> None:
        self._stop_waiting()
        if not self._is_sealed:
            self._reader = None
        self._write()
        self._go_on()

    def _does_penance(self) -> bool:
        """Whether what was refused lets the answers wait: in the conversation, while nothing is read."""
        before, self._errors = self._errors, self._conversation.errors
        penalty = self._house.penalty
        times = min(self._errors - before, self._errors - penalty.soft)
        if times <= 0 or not penalty.delay or self._conversation.closed or self._transport is None:
            return False
        self._deadline.suspend()
        self._wait(Waiting.FOR_PENANCE, times * penalty.delay)
        self._mind_reading()
        return True

    # The conversation's side.

    def _go_on(self) -> None:
        """Answer all that can be answered, then write, then mind the clocks and the reading."""
        if self._pumping or self._waiting is not None or self._transport is None:
            return
        self._pumping = True
        try:
            moved = self._pump()
        except Exception:  # noqa: BLE001 we are wrong: the top of this session
            log = self._house.office.log
            log.emit(Bug(self.session.visit.name, traceback.format_exc()))
            self._conversation.close(INTERNAL)
            moved = True
        finally:
            self._pumping = False
        if self._conversation.errors != self._errors and self._does_penance():
            return
        moved = self._write() or moved
        if self._conversation.closed:
            self._leave("server")
        elif self._eof and not (self.session.is_deciding or self._stuck):
            self._leave("disconnected")
        else:
            if moved:
                self._set_deadline()
            if self._conversation.state is State.SECURING:
                self._begin_tls()
            self._mind_reading()

    def _pump(self) -> bool:
        ask, answer = self._conversation.ask, self.session.answer
        moved = False
        answered = 0
        while not self._stuck and (question := ask()) is not None:
            moved = moved or type(question) is not Chunk or self._deadline.has_progressed(len(question.data))
            answer(question)
            if type(question) is Xclient:
                self._introduced()
            answered += 1
            if not answered % ANSWERS_A_WRITE:
                self._write()
        return moved

    def _write(self) -> bool:
        """Write what there is to say; whether there was anything."""
        output = self._conversation.take_output()
        if output and self._transport is not None:
            self._transport.write(output if self._seal is None else self._seal.put(output))
        return bool(output)

    def _mind_reading(self) -> None:
        transport = self._transport
        if transport is None:
            return
        busy = (
            self._stuck
            or self.session.visit.is_writing
            or self._waiting is Waiting.FOR_PENANCE
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
        now, state, visit = self._house.loop.time(), self._conversation.state, self.session.visit
        if self.session.is_deciding:
            self._deadline.for_answer(now)
        elif state is State.CONNECTED:
            pass  # the greeting's time runs until there is a HELO
        elif state in IN_MESSAGE:
            self._deadline.for_message(now, visit.transactions)
        elif visit.mailing is not None:
            self._deadline.for_recipient(now, visit.transactions)
        else:
            self._deadline.for_command(now)

    def check(self, now: float) -> None:
        """Close the connection if its time is over; `now` is the loop's time. Called about once a second."""
        if self._transport is None or not self._deadline.is_over(now):
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
        """Say `reply` and close, at whatever point the conversation stands; during a handshake just close."""
        self._ended_by = reason
        self._conversation.close(reply)
        if self._waiting in MUTE:
            self._leave(reason)
            return
        self._stop_waiting()
        self._go_on()

    def shut_down(self) -> None:
        """End in order: at once between commands; a message under way still gets its answer."""
        if not self.session.is_deciding and self._conversation.state not in IN_MESSAGE:
            self.dismiss(SHUTTING_DOWN, "shutdown")

    def _leave(self, reason: str) -> None:
        transport = self._transport
        assert transport is not None
        if not transport.is_closing():
            if self._ended_by == "disconnected":
                self._ended_by = reason
            self._deadline.for_farewell(self._house.loop.time())
            if self._seal is not None:
                transport.write(self._seal.close())
            transport.close()
