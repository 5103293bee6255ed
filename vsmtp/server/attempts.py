"""The logins that one client tries: the questions of AUTH answered by a back end and the rules of `auth`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from vsmtp.auth.exchange import Challenge, Failure, Success
from vsmtp.auth.login import Login, Reached
from vsmtp.facts import subject
from vsmtp.server.logins import Logins
from vsmtp.smtp.questions import Authenticate, AuthResponse
from vsmtp.telemetry.events import LoggedIn, LoginFailed, LoginUnavailable
from vsmtp.telemetry.log import Log
from vsmtp.values.reply import Reply


@dataclass(frozen=True, slots=True)
class Answering:
    """How a session answers.

    `yes`, `no`, `close` and `challenge` answer the open question; `words` gives a reply by its name; `judge`
    asks the rules of `auth` and tells of their refusal, None where there is none, unless that has closed the
    connection; `start` runs what takes time. `binding` is what a login can be bound to.
    """

    yes: Callable[[], None]
    no: Callable[[Reply], None]
    close: Callable[[Reply], None]
    challenge: Callable[[bytes], None]
    words: Callable[[str], Reply]
    judge: Callable[[Callable[[Reply | None], None]], None]
    start: Callable[[Coroutine[Any, Any, None]], None]
    binding: bytes = b""


class Attempts:
    """The logins of one connection; `about` is told of each. `session` is for the log."""

    __slots__ = ("_about", "_answer", "_failures", "_log", "_login", "_logins", "_session")

    def __init__(
        self, logins: Logins, about: subject.Connection, answering: Answering, session: str, log: Log
    ) -> None:
        self._logins = logins
        self._about = about
        self._answer = answering
        self._session = session
        self._log = log
        self._failures = 0
        self._login: Login | None = None

    def begin(self, question: Authenticate) -> None:
        """A login begins, unless too many from this network have failed of late."""
        about = self._about
        about.attempt += 1
        about.user, about.mechanism, about.auth_success = "", question.mechanism, None
        if self._is_barred():
            self._tell("too many failed logins from this network")
            self._answer.close(self._answer.words("auth_barred"))
            return
        self._login = self._logins.begin(question.mechanism, about.tls, self._answer.binding)
        self._answer.start(self._reach(self._login.start(question.initial)))

    def go_on(self, question: AuthResponse) -> None:
        """The client has answered a challenge."""
        assert self._login is not None
        self._answer.start(self._reach(self._login.step(question.data)))

    def abort(self) -> None:
        """The client has given up, or its answer was none."""
        self._login = None

    def _is_barred(self) -> bool:
        about = self._about
        return (
            about.client_ip is not None
            and not about.trusted
            and self._logins.failed.is_barred(about.client_ip)
        )

    async def _reach(self, step: Coroutine[Any, Any, Reached]) -> None:
        match await step:
            case Challenge(octets):
                self._answer.challenge(octets)
            case Success(user):
                self._succeed(user)
            case Failure() as failure:
                self._fail(failure)

    def _succeed(self, user: str) -> None:
        about = self._about
        about.user, about.auth_success, about.authenticated = user, True, True

        def then(refused: Reply | None) -> None:
            if refused is not None:
                about.authenticated = False
                self._refuse(refused)
                return
            self._log.emit(LoggedIn(self._session, str(about.client_ip), user, about.mechanism))
            self._answer.yes()

        self._answer.judge(then)

    def _fail(self, failure: Failure) -> None:
        about, words = self._about, self._answer.words
        about.user = failure.user
        match failure.trouble:
            case "unavailable":
                self._log.emit(LoginUnavailable(self._session, failure.user, about.mechanism, failure.reason))
                self._answer.no(words("auth_unavailable"))
            case "malformed":
                self._tell(failure.reason)
                self._refuse(words("auth_malformed"))
            case "denied":
                self._tell(failure.reason)
                about.auth_success = False
                if about.client_ip is not None:
                    self._logins.failed.failed(about.client_ip)
                # Rules may find other words, but nothing that they say makes a login of it.
                self._answer.judge(lambda refused: self._refuse(refused or words("auth_failed")))

    def _refuse(self, reply: Reply) -> None:
        self._failures += 1
        if self._failures >= self._logins.attempts:
            self._answer.close(self._answer.words("too_many_logins"))
        else:
            self._answer.no(reply)

    def _tell(self, reason: str) -> None:
        about = self._about
        self._log.emit(LoginFailed(self._session, str(about.client_ip), about.user, about.mechanism, reason))
