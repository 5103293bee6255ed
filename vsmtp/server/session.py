"""One client's session: the conversation's questions answered by the rules and the queue.

Each question has a method here, found in `_ANSWERS`. It is answered when its stage has decided, as a rule at
once; until then `is_deciding` holds. What a verdict means later (trust, discard, quarantine) is
remembered in the scope in which it was given: the connection, the transaction, or one recipient. What becomes
of the message is `server.hearing`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

from vsmtp.config.models.server import SUBMISSION
from vsmtp.facts import subject
from vsmtp.rules.evaluate import Ended
from vsmtp.rules.verdicts import Accept, Defer, Delegate, Discard, Quarantine, Refuse, Trust
from vsmtp.server.acceptance import NO_ROOM, NOT_STORED, Acceptance, Letter
from vsmtp.server.attempts import Answering, Attempts
from vsmtp.server.context import Visitor
from vsmtp.server.decisions import refusal_of, remark_of
from vsmtp.server.foresight import find_out
from vsmtp.server.hearing import Answers, Heard, Hearing
from vsmtp.server.introduction import describe, named
from vsmtp.server.judging import Bench, come_apart, whole
from vsmtp.server.listener import Client
from vsmtp.server.mailing import Accepted, Mailing, Scope, change_recipients, handed_on, hops
from vsmtp.server.office import Office
from vsmtp.server.reception import Arrived, HeaderTooLong, NotWritten, Reception
from vsmtp.server.sheets import StageSheet
from vsmtp.server.stages import Case
from vsmtp.server.submission import completed
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import (
    AuthAborted,
    Authenticate,
    AuthResponse,
    Bdat,
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
    StartTls,
    Verify,
    Xclient,
)
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.stages import Stage

TOO_OFTEN: Final = Reply(450, "4.7.1", "too many messages from your network, try again later")
STRAINED: Final = Reply(452, "4.3.2", "too much mail is waiting for the disk, try again later")
APART: Final = Reply(452, "4.5.3", "please send to this recipient in a transaction of its own")
HEADER_TOO_LONG: Final = Reply(552, "5.3.4", "the header of the message is too long")
TOO_MANY_HOPS: Final = Reply(554, "5.4.6", "too many hops: the mail is going in circles")
INTERNAL: Final = Reply(421, "4.3.0", "internal error, closing connection")
# To look a member up in its enumeration takes as long as a call, and every command would do it.
_CONNECT, _HELO, _MAIL, _RCPT = Stage.CONNECT, Stage.HELO, Stage.MAIL, Stage.RCPT
_DATA, _PREQUEUE = Stage.DATA, Stage.PREQUEUE


class Session:
    """What one client does; `go_on` is called when a question was answered later than asked."""

    __slots__ = (
        "_attempts", "_binding", "_book", "_connected", "_conversation", "_go_on", "_mailing", "_office",
        "_scope", "_variables", "_visitor", "client", "has_quit", "is_deciding", "messages", "name",
        "subject", "transactions",
    )  # fmt: skip

    def __init__(
        self, office: Office, conversation: Conversation, client: Client, name: str, go_on: Callable[[], None]
    ) -> None:
        self.client = client
        self.name = name
        self.messages = 0
        self.has_quit = False
        self.is_deciding = False
        self.subject = subject.Connection(
            client.ip, client.port, client.listener, client.listener_port, client.kind, client.trusted
        )
        self.transactions = 0
        self._visitor = Visitor(self.subject, client.address, name)
        self._office = office
        self._conversation = conversation
        self._go_on = go_on
        self._book = office.book(self.subject, None)
        self._scope = self._connected = Scope()
        self._mailing: Mailing | None = None
        # What rules of `connect` set, which STARTTLS leaves as it is.
        self._variables: Mapping[str, subject.Variable] = _NONE
        self._attempts: Attempts | None = None
        self._binding = b""

    @property
    def is_writing(self) -> bool:
        """Whether reading must pause for the disk."""
        mailing = self._mailing
        return mailing is not None and mailing.reception is not None and mailing.reception.is_busy

    @property
    def has_transaction(self) -> bool:
        """Whether there was a MAIL whose message is not over."""
        return self._mailing is not None

    def answer(self, question: Question) -> None:
        """Answer a question now or, by `go_on`, later."""
        _ANSWERS[type(question)](self, question)

    def end(self) -> None:
        """The client is gone."""
        self.drop()

    def drop(self, _: Question | None = None) -> None:
        """Forget the transaction that is under way."""
        mailing, self._mailing = self._mailing, None
        if mailing is not None and mailing.reception is not None:
            mailing.reception.discard()

    @property
    def _splits(self) -> bool:
        """Whether recipients of one message may fare differently: each has a reply or a report of its own."""
        return self.subject.trusted or self.subject.authenticated or self._conversation.is_lmtp

    # Who the client is.

    def become(self, client: Client) -> None:
        """Forget all that was known of the client: a proxy has said who it is."""
        self.client = client
        self._scope = self._connected = Scope()
        self._forget(self.subject.tls, {})

    def secure(self, tls: subject.TlsState, binding: bytes = b"") -> None:
        """Forget all that the client has said: from now on it speaks under TLS (RFC 3207 4.2)."""
        self._binding = binding
        self._scope = self._connected.copy()
        self._forget(tls, {**self._variables})

    def _forget(self, tls: subject.TlsState | None, variables: dict[str, subject.Variable]) -> None:
        self.drop()
        client = self.client
        self.subject = subject.Connection(
            client.ip, client.port, client.listener, client.listener_port, client.kind, client.trusted,
            attempt=self.subject.attempt, tls=tls, variables=variables,
        )  # fmt: skip
        self._visitor = Visitor(self.subject, client.address, self.name)
        self._book = self._office.book(self.subject, None)
        self._attempts = None

    def start_tls(self, _: Question) -> None:
        """Let the handshake begin; the connection sees to it."""
        self._yes()

    def introduced(self, question: Xclient) -> None:
        """Be the client that a proxy names: the rules of `connect` are asked anew."""
        self.become(named(self.client, question.attributes, self._office.manners.trusted))
        describe(self.subject, question.attributes)
        self._conversation.accept()
        if self.subject.authenticated:
            self._conversation.vouch()
        self._go_on()

    # The commands.

    def connected(self, _: Question) -> None:
        """Ask the rules of `connect`."""
        self._decide(_CONNECT, self._scope, self._met)

    def _met(self) -> None:
        if self.subject.variables:
            self._variables = dict(self.subject.variables)
        self._yes()

    def hello(self, question: Hello) -> None:
        """Ask the rules of `helo`."""
        self.subject.helo_name, self.subject.esmtp = question.name, question.esmtp
        if self.transactions:
            # What rules set from now on is the connection's again, not the last mail's.
            self._book = self._office.book(self.subject, None)
        # A second greeting takes the place of the first, and so does what the rules say of it.
        self._scope = self._connected.copy()
        self._decide(_HELO, self._scope, self._yes)

    @property
    def attempts(self) -> Attempts:
        """The logins that the client tries; asked for only where a listener takes any."""
        if self._attempts is None:
            logins = self._office.logins
            assert logins is not None
            answering = Answering(
                self._yes, self._no, partial(self._no, close=True), self._challenge,
                self._conversation.words, self.authenticated, self._start, self._binding,
            )  # fmt: skip
            self._attempts = Attempts(logins, self.subject, answering, self.name, self._office.log)
        return self._attempts

    def _challenge(self, octets: bytes) -> None:
        self.is_deciding = False
        self._conversation.challenge(octets)
        self._go_on()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.is_deciding = True
        self._office.stages.start(work, self._fail)

    def authenticated(self, then: Callable[[Reply | None], None]) -> None:
        """Ask the rules of `auth`, once `subject` tells of the attempt; `then` hears a refusal, or None.

        A refusal that is to close the connection has done so when this returns. Of a login that failed
        nothing else that rules say counts.
        """
        if self._scope.trusted or not self._office.stages.has(Stage.AUTH):
            then(None)
            return
        said = Scope()

        def accept() -> None:
            if self.subject.auth_success:
                # What is said of a login outlasts another EHLO.
                for scope in (self._scope, self._connected):
                    scope.add(said)
            then(None)

        self._ask(Stage.AUTH, self._case(said), accept, then)

    def mail(self, question: Mail) -> None:
        """Begin a transaction, if there is room for a message and the rules of `mail` allow it."""
        office = self._office
        if not office.space.has_room(question.size or 0):
            self._no(NO_ROOM)
            return
        if office.spool.is_strained:
            self._no(STRAINED)
            return
        pace = office.manners.pace
        if pace is not None and not self.client.trusted and not pace.allows(self.client.ip):
            self._no(TOO_OFTEN)
            return
        about = subject.Transaction(question.sender, question.size, question.smtputf8)
        mailing = Mailing(about, question.eight_bit, parameters=question.parameters)
        self._book.transaction, self._book.recipient = about, None
        self._book.forget_message()

        def begin() -> None:
            changes = self._scope.changes + mailing.scope.changes
            if changes:
                mailing.recipients = change_recipients(mailing.recipients, changes, self._adopt)
            self._mailing = mailing
            self.transactions += 1
            self._yes()

        self._decide(_MAIL, mailing.scope, begin)

    def rcpt(self, question: Rcpt) -> None:
        """Add a recipient if the rules of `rcpt` allow it; one that was named already is there."""
        mailing = self._mailing
        assert mailing is not None
        address = question.recipient
        key = address.key
        if key in mailing.keys:
            self._take(mailing, key)
            return
        office = self._office
        self._book.recipient = office.recipients.meet(address, len(mailing.recipients) + 1)
        about = mailing.subject
        chains = office.chains(self.subject, about.sender, address)
        to = Accepted(
            office.recipients.keeper(address), Scope(), chains, address, parameters=question.parameters
        )
        case = self._case(to.scope)

        def add() -> None:
            if mailing.recipients and self._must_come_apart(mailing, to):
                refuse(APART)
                return
            mailing.keys.add(key)
            self._settle(mailing, to)
            self._take(mailing, key)

        def refuse(reply: Reply) -> None:
            # What rules did to the envelope for a recipient vanishes with it.
            case.sheet.take_back()
            self._no(reply)

        if self._scope.trusted or mailing.scope.trusted or not office.stages.has(_RCPT):
            add()
        else:
            if chains:
                case.part = whole(office.stages.graph.acting(_RCPT, chains))
            self._ask(_RCPT, case, add, refuse)

    def _take(self, mailing: Mailing, key: str) -> None:
        if self._conversation.is_lmtp:
            mailing.named += (key,)  # each will want its reply
        self._yes()

    def _settle(self, mailing: Mailing, to: Accepted) -> None:
        """Take an accepted recipient, as what rules said of it wants."""
        named = to.original
        recipient = self._book.recipient
        assert named is not None
        assert recipient is not None
        if recipient.address is not named:
            to.address = self._office.recipients.keeper(recipient.address)
            mailing.keys.add(recipient.address.key)
        to.variables = recipient.variables
        mailing.add(to, recipient.address)
        if to.scope.changes:

            def adopt(address: Address) -> Accepted:
                added = self._adopt(address)
                added.parameters = handed_on(to.parameters)
                return added

            mailing.recipients = change_recipients(mailing.recipients, to.scope.changes, adopt)

    def _adopt(self, address: Address) -> Accepted:
        """A recipient that a rule added; nobody asks the rules of `rcpt` about it."""
        mailing = self._mailing
        sender = mailing.subject.sender if mailing is not None else self._book.transaction.sender
        keeper = self._office.recipients.keeper(address)
        return Accepted(keeper, Scope(), self._office.chains(self.subject, sender, address))

    def _must_come_apart(self, mailing: Mailing, to: Accepted) -> bool:
        """Whether a stranger's recipient may be judged differently from the first one (RFC 5321 3.3)."""
        if not self._office.manners.separate or self._splits:
            return False
        if self._scope.trusted or mailing.scope.trusted:
            return False
        return come_apart(self._office.stages, mailing.recipients[0], to)

    def verify(self, question: Verify) -> None:
        """Say whether a user exists to those who may know; a stranger hears that mail would be tried."""
        if not (self.subject.trusted or self.subject.authenticated):
            self._yes()
            return

        async def find_out() -> None:
            reply = await self._office.recipients.verify(question.text)
            if reply is None or reply.is_positive:
                self._yes(reply)
            else:
                self._no(reply)

        self._start(find_out())

    def data(self, _: Question) -> None:
        """Make ready for the message, if the rules of `data` want it."""
        mailing = self._mailing
        assert mailing is not None

        def receive() -> None:
            if self._mailing is mailing:
                name = f"{self.name}.{self.transactions}"
                mailing.reception = Reception(self._office.place, name, self._go_on)
                self._yes()

        if self._is_heard(_DATA, mailing):
            self._hear(_DATA, mailing, lambda _: receive())
        else:
            receive()

    def chunk(self, question: Chunk) -> None:
        """Take the next octets of the message."""
        mailing = self._mailing
        assert mailing is not None
        assert mailing.reception is not None
        mailing.reception.take(question.data)

    def quit(self, _: Question) -> None:
        """Note that the client leaves of its own will."""
        self.has_quit = True
        self.drop()

    # The message.

    def end_of_message(self, _: Question) -> None:
        """Judge and store the message once all of it is there."""
        mailing = self._mailing
        assert mailing is not None
        assert mailing.reception is not None
        self.is_deciding = True
        mailing.reception.finish(self._arrived)

    def _arrived(self, arrived: Arrived | HeaderTooLong | NotWritten) -> None:
        mailing = self._mailing
        if mailing is None:
            return  # the client left meanwhile; what was written is removed with its reception
        match arrived:
            case HeaderTooLong():
                self._no(HEADER_TOO_LONG)
            case NotWritten(_, full):
                self._office.space.forget()
                self._no(NO_ROOM if full else NOT_STORED)
            case Arrived():
                self._judge_message(mailing, arrived)

    def _judge_message(self, mailing: Mailing, arrived: Arrived) -> None:
        about = mailing.subject
        about.head, about.size = arrived.head, arrived.size
        about.body = Content(arrived.rest, arrived.file)
        self._book.forget_message()
        self._book.recipient = None
        if hops(arrived.head) > self._office.manners.max_hops:
            self._no(TOO_MANY_HOPS)
            return
        edits = self._scope.edits + mailing.scope.edits
        if self.client.kind in SUBMISSION:
            edits = completed(arrived.head, self._office.counter, self._office.manners.domain) + edits
        if edits:
            self._book.apply(edits)

        def store(heard: Heard) -> None:
            if self._mailing is not mailing:
                return  # the client left before the rules had decided
            # The reception's file is the queue's now: a client that leaves does not take it along.
            self._mailing = None
            mailing.scope.fate = mailing.scope.fate or self._scope.fate
            mailing.scope.way = mailing.scope.way or self._scope.way
            mailing.scope.record = self._scope.record + mailing.scope.record
            stored = self._stored_for_each(mailing) if self._conversation.is_lmtp else self._stored
            self._accept(Letter(self._visitor, mailing, arrived, heard, {}), stored)

        if self._is_heard(_PREQUEUE, mailing):
            content = partial(_whole_message, about, arrived)
            self._hear(_PREQUEUE, mailing, store, content)
        else:
            store(Heard.unjudged(mailing))

    def _accept(self, letter: Letter, stored: Callable[[Reply], None]) -> None:
        """Store the message, with what only the network knows and rules will ask later."""
        office = self._office
        if not office.foreseen:
            Acceptance(office.counter, letter, stored).begin()
            return

        async def foresee() -> None:
            known = await find_out(office.foreseen, self._book, office.stages.fetch)
            Acceptance(office.counter, letter._replace(known=known), stored).begin()

        self.is_deciding = True
        office.stages.start(foresee(), self._fail)

    def _is_heard(self, stage: Stage, mailing: Mailing) -> bool:
        """Whether any rule looks at the message."""
        return self._office.stages.has(stage) and not (self._scope.trusted or mailing.is_trusted)

    def _hear(
        self,
        stage: Stage,
        mailing: Mailing,
        then: Callable[[Heard], None],
        content: Callable[[], Content] | None = None,
    ) -> None:
        """Ask the rules of `data` or `prequeue`; `then` hears unless the whole message is refused."""
        self.is_deciding = True
        office = self._office

        def make(scope: Scope) -> Case:
            return self._case(scope, content)

        def refuse(ended: Ended, reply: Reply) -> None:
            self._log_refusal(stage, ended)
            if isinstance(ended.verdict, Refuse) and ended.verdict.close:
                self._no(reply, close=True)
            elif stage is _PREQUEUE and self._conversation.is_lmtp:
                self._answer_each(mailing.replies(reply))
            else:
                self._no(reply)

        bench = Bench(office.stages, stage, self._book, make)
        Hearing(bench, mailing, self._adopt, splits=self._splits).begin(Answers(then, refuse, self._fail))

    def _stored(self, reply: Reply) -> None:
        if reply.is_positive:
            self.messages += 1
            self._yes(reply)
        else:
            self._no(reply)

    def _stored_for_each(self, mailing: Mailing) -> Callable[[Reply], None]:
        """What answers each recipient; those that were refused are told so, and nobody else is."""
        refused, mailing.refused = mailing.refused, []

        def stored(reply: Reply) -> None:
            if reply.is_positive:
                self.messages += 1
                mailing.refused = refused
                self._answer_each(mailing.replies(reply))
            else:
                self._no(reply)

        return stored

    def _answer_each(self, replies: Sequence[Reply]) -> None:
        self.is_deciding = False
        self._conversation.accept_each(replies)
        self.drop()
        self._go_on()

    # Verdicts.

    def _case(self, scope: Scope, content: Callable[[], Content] | None = None) -> Case:
        sheet = StageSheet(self._office.works, self.name, self._book, scope, content)
        return Case(self.name, self._book, sheet, failed=self._fail)

    def _decide(self, stage: Stage, scope: Scope, accept: Callable[[], None]) -> None:
        """Ask the rules of `stage`, and say no to the client where they do."""
        if self._scope.trusted or not self._office.stages.has(stage):
            accept()
        else:
            self._ask(stage, self._case(scope), accept, self._no)

    def _ask(
        self, stage: Stage, case: Case, accept: Callable[[], None], refuse: Callable[[Reply], None]
    ) -> None:
        """Ask the rules of `stage`; on a yes remember in the scope what it is to mean later, and `accept`."""
        self.is_deciding = True
        scope = case.sheet.scope

        def judge(ended: Ended) -> None:
            if case.matched:
                scope.record += (remark_of(stage, case, ended),)
            match ended.verdict:
                case None | Accept() | Delegate():
                    accept()
                case Trust():
                    scope.trusted = True
                    accept()
                case Discard() | Quarantine() as fate:
                    scope.fate = fate
                    accept()
                case Refuse(reply) | Defer(reply):
                    self._log_refusal(stage, ended)
                    if isinstance(ended.verdict, Refuse) and ended.verdict.close:
                        self._no(reply, close=True)
                    else:
                        refuse(reply)

        self._office.stages.decide(stage, case, judge)

    def _log_refusal(self, stage: Stage, ended: Ended) -> None:
        self._office.log.emit(refusal_of(self.name, self.client.address, stage, ended, self._book))

    def _yes(self, reply: Reply | None = None) -> None:
        self.is_deciding = False
        self._conversation.accept(reply)
        self._go_on()

    def _no(self, reply: Reply, *, close: bool = False) -> None:
        self.is_deciding = False
        if close:
            self._conversation.close(reply)
        else:
            self._conversation.refuse(reply)
        if self._conversation.state is State.GREETED:
            self.drop()
        self._go_on()

    def _fail(self) -> None:
        """A fault of ours has cut the answer off: nobody is left waiting for it."""
        if not self._conversation.closed:
            self._no(INTERNAL, close=True)


def _whole_message(about: subject.Transaction, arrived: Arrived) -> Content:
    """The message as it stands, its header edited so far."""
    return Content((about.head or b"") + arrived.rest, arrived.file)


_NONE: Final[Mapping[str, subject.Variable]] = {}
_ANSWERS: Final[dict[type[Question], Callable[[Session, Any], None]]] = {
    Connected: Session.connected,
    Hello: Session.hello,
    Authenticate: lambda session, question: session.attempts.begin(question),
    AuthResponse: lambda session, question: session.attempts.go_on(question),
    AuthAborted: lambda session, _: session.attempts.abort(),
    Mail: Session.mail,
    Rcpt: Session.rcpt,
    Data: Session.data,
    Bdat: Session.data,
    Verify: Session.verify,
    Chunk: Session.chunk,
    EndOfMessage: Session.end_of_message,
    Reset: Session.drop,
    Quit: Session.quit,
    StartTls: Session.start_tls,
    Xclient: Session.introduced,
}
