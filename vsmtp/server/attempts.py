"""The logins that one client tries: the questions of AUTH answered by a back end and the rules of `auth`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from vsmtp.auth.exchange import Challenge, Failure, Success
from vsmtp.auth.login import Login, Reached
from vsmtp.facts import subject
from vsmtp.server.logins import Logins
from vsmtp.smtp.questions import Authenticate, AuthResponse
from vsmtp.telemetry.events import LoggedIn, LoginFailed, LoginUnavailable
from vsmtp.telemetry.log import Log
from vsmtp.values.reply import Reply


class Replies(Protocol):
    """How the open question of a login is answered."""

    def words(self, name: str) -> Reply:
        """The listener's words for one of the `REPLIES`."""
        ...

    def yes(self) -> None:
        """The client is logged in."""

    def no(self, reply: Reply) -> None:
        """This login has failed."""

    def close(self, reply: Reply) -> None:
        """It was the last one."""

    def challenge(self, octets: bytes) -> None:
        """The client is to say more."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What a session does for a login.

    `judge` asks the rules of `auth` and tells of their refusal, None where there is none, unless that has
    closed the connection; `start` runs what takes time. `binding` is what a login can be bound to.
    """

    replies: Replies
    judge: Callable[[Callable[[Reply | None], None]], None]
    start: Callable[[Coroutine[Any, Any, None]], None]
    binding: bytes = b""


class Attempts:
    """The logins of one connection; `about` is told of each. `session` is for the log."""

    __slots__ = (
        "_about", "_answering", "_failures", "_log", "_login", "_logins", "_replies", "_session",
    )  # fmt: skip

    def __init__(
        self, logins: Logins, about: subject.Connection, answering: Answering, session: str, log: Log
    ) -> None:
        self._logins = logins
        self._about = about
        self._answering = answering
        self._replies = answering.replies
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
            self._replies.close(self._replies.words("auth_barred"))
            return
        self._login = self._logins.begin(question.mechanism, about.tls, self._answering.binding)
        self._answering.start(self._reach(self._login.start(question.initial)))

    def go_on(self, question: AuthResponse) -> None:
        """The client has answered a challenge."""
        assert self._login is not None
        self._answering.start(self._reach(self._login.step(question.data)))

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
                self._replies.challenge(octets)
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
            self._replies.yes()

        self._answering.judge(then)

    def _fail(self, failure: Failure) -> None:
        about, words = self._about, self._replies.words
        about.user = failure.user
        match failure.trouble:
            case "unavailable":
                self._log.emit(LoginUnavailable(self._session, failure.user, about.mechanism, failure.reason))
                self._replies.no(words("auth_unavailable"))
            case "malformed":
                self._tell(failure.reason)
                self._refuse(words("auth_malformed"))
            case "denied":
                self._tell(failure.reason)
                about.auth_success = False
                if about.client_ip is not None:
                    self._logins.failed.failed(about.client_ip)
                # Rules may find other words, but nothing that they say makes a login of it.
                self._answering.judge(lambda refused: self._refuse(refused or words("auth_failed")))

    def _refuse(self, reply: Reply) -> None:
        self._failures += 1
        if self._failures >= self._logins.attempts:
            self._replies.close(self._replies.words("too_many_logins"))
        else:
            self._replies.no(reply)

    def _tell(self, reason: str) -> None:
        about = self._about
        self._log.emit(LoginFailed(self._session, str(about.client_ip), about.user, about.mechanism, reason))
