"""One client's session: the conversation's questions answered by the rules and the queue.

The commands of a mail have a module each: `admission` takes its recipients, `arrival` the message; what is
known of the client meanwhile is its `visit`. A question is answered when its stage has decided, as a rule at
once; until then `is_deciding` holds.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from vsmtp.facts import subject
from vsmtp.server.acceptance import NO_ROOM
from vsmtp.server.admission import Admission
from vsmtp.server.arrival import Arrival
from vsmtp.server.attempts import Answering, Attempts
from vsmtp.server.inquiry import Inquiry
from vsmtp.server.introduction import describe, named
from vsmtp.server.listener import Client
from vsmtp.server.mailing import Mailing, Scope, change_recipients
from vsmtp.server.office import Office
from vsmtp.server.responder import Responder
from vsmtp.server.visit import Visit
from vsmtp.smtp.conversation import Conversation
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
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES
from vsmtp.vocabulary.stages import Stage

TOO_OFTEN: Final = REPLIES["too_many_mails"]
STRAINED: Final = REPLIES["overloaded"]
# To look a member up in its enumeration takes as long as a call, and every command would do it.
_CONNECT, _HELO, _MAIL = Stage.CONNECT, Stage.HELO, Stage.MAIL


class Session:
    """What one client does; `go_on` is called when a question was answered later than asked."""

    __slots__ = (
        "_attempts", "_conversation", "_inquiry", "_office", "_responder", "admission", "arrival", "has_quit",
        "visit",
    )  # fmt: skip

    def __init__(
        self, office: Office, conversation: Conversation, client: Client, name: str, go_on: Callable[[], None]
    ) -> None:
        self.has_quit = False
        self.visit = visit = Visit(office, client, name)
        self._office = office
        self._conversation = conversation
        self._responder = responder = Responder(conversation, visit, go_on)
        self._inquiry = inquiry = Inquiry(office, visit, responder)
        self.admission = Admission(office, visit, responder, inquiry)
        self.arrival = Arrival(office, visit, responder, inquiry, self.admission)
        self._attempts: Attempts | None = None

    @property
    def is_deciding(self) -> bool:
        """Whether a question is open that will be answered by `go_on`."""
        return self._responder.is_deciding

    def answer(self, question: Question) -> None:
        """Answer a question now or, by `go_on`, later."""
        _ANSWERS[type(question)](self, question)

    def end(self) -> None:
        """The client is gone."""
        self.visit.drop()

    def quit(self, _: Question) -> None:
        """Note that the client leaves of its own will."""
        self.has_quit = True
        self.visit.drop()

    # Who the client is.

    def connected(self, _: Question) -> None:
        """Ask the rules of `connect`."""

        def admit() -> None:
            self.visit.admit()
            self._responder.yes()

        self._inquiry.decide(_CONNECT, self.visit.scope, admit)

    def hello(self, question: Hello) -> None:
        """Ask the rules of `helo`."""
        self.visit.greet(question.name, esmtp=question.esmtp)
        self._inquiry.decide(_HELO, self.visit.scope, self._responder.yes)

    def become(self, client: Client) -> None:
        """Serve the client that a proxy has named; nothing is left of what was known."""
        self.visit.become(client)
        self._attempts = None

    def secure(self, tls: subject.TlsState, binding: bytes = b"") -> None:
        """Go on under TLS; nothing is left of what was said in clear."""
        self.visit.secure(tls, binding)
        self._attempts = None

    def start_tls(self, _: Question) -> None:
        """Let the handshake begin; the connection sees to it."""
        self._responder.yes()

    def introduced(self, question: Xclient) -> None:
        """Be the client that a proxy names: the rules of `connect` are asked anew."""
        visit = self.visit
        self.become(named(visit.client, question.attributes, self._office.manners.trusted))
        describe(visit.subject, question.attributes)
        self._conversation.accept()
        if visit.subject.authenticated:
            self._conversation.vouch()
        self._responder.go_on()

    # Logins.

    @property
    def attempts(self) -> Attempts:
        """The logins that the client tries; asked for only where a listener takes any."""
        if self._attempts is None:
            logins = self._office.logins
            assert logins is not None
            answering = Answering(self._responder, self.authenticated, self._start, self.visit.binding)
            self._attempts = Attempts(
                logins, self.visit.subject, answering, self.visit.name, self._office.log
            )
        return self._attempts

    def authenticated(self, then: Callable[[Reply | None], None]) -> None:
        """Ask the rules of `auth`, once `subject` tells of the attempt; `then` hears a refusal, or None.

        A refusal that is to close the connection has done so when this returns. Of a login that failed
        nothing else that rules say counts.
        """
        if not self._inquiry.concerns(Stage.AUTH):
            then(None)
            return
        said = Scope()

        def accept() -> None:
            if self.visit.subject.auth_success:
                self.visit.note_login(said)
            then(None)

        self._inquiry.ask(Stage.AUTH, self._inquiry.case(said), accept, then)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._responder.is_deciding = True
        self._office.stages.start(work, self._responder.fail)

    # The transaction.

    def mail(self, question: Mail) -> None:
        """Begin a transaction, if there is room for a message and the rules of `mail` allow it."""
        refused = self._has_no_time_for(question)
        if refused is not None:
            self._responder.no(refused)
            return
        visit = self.visit
        about = subject.Transaction(question.sender, question.size, question.smtputf8)
        mailing = Mailing(about, question.eight_bit, parameters=question.parameters)
        visit.book.transaction, visit.book.recipient = about, None
        visit.book.forget_message()

        def begin() -> None:
            changes = visit.scope.changes + mailing.scope.changes
            if changes:
                mailing.recipients = change_recipients(mailing.recipients, changes, self.admission.adopt)
            visit.begin(mailing)
            self._responder.yes()

        self._inquiry.decide(_MAIL, mailing.scope, begin)

    def _has_no_time_for(self, question: Mail) -> Reply | None:
        """Why the server takes no message from this client now; None: it does."""
        office, client = self._office, self.visit.client
        if not office.space.has_room(question.size or 0):
            return NO_ROOM
        if office.spool.is_strained:
            return STRAINED
        pace = office.manners.pace
        if pace is not None and not client.trusted and not pace.allows(client.ip):
            return TOO_OFTEN
        return None

    def verify(self, question: Verify) -> None:
        """Say whether a user exists to those who may know; a stranger hears that mail would be tried."""
        if self.visit.is_known:
            self._start(self._find_user(question.text))
        else:
            self._responder.yes()

    async def _find_user(self, text: str) -> None:
        reply = await self._office.recipients.verify(text)
        if reply is None or reply.is_positive:
            self._responder.yes(reply)
        else:
            self._responder.no(reply)


_ANSWERS: Final[Mapping[type[Question], Callable[[Session, Any], None]]] = {
    Connected: Session.connected,
    Hello: Session.hello,
    StartTls: Session.start_tls,
    Xclient: Session.introduced,
    Authenticate: lambda session, question: session.attempts.begin(question),
    AuthResponse: lambda session, question: session.attempts.go_on(question),
    AuthAborted: lambda session, _: session.attempts.abort(),
    Mail: Session.mail,
    Rcpt: lambda session, question: session.admission.rcpt(question),
    Data: lambda session, question: session.arrival.data(question),
    Bdat: lambda session, question: session.arrival.data(question),
    Chunk: lambda session, question: session.arrival.chunk(question),
    EndOfMessage: lambda session, question: session.arrival.end(question),
    Reset: lambda session, _: session.visit.drop(),
    Verify: Session.verify,
    Quit: Session.quit,
}
