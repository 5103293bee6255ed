"""Logins that a client tries, as the rules and the back end judge them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import Any

import pytest

from vsmtp.auth.attempts import FailedLogins
from vsmtp.auth.backends import DENIED, Judged
from vsmtp.auth.exchange import Granted
from vsmtp.facts import subject
from vsmtp.server.attempts import Answering, Attempts
from vsmtp.server.logins import Logins
from vsmtp.smtp.questions import Authenticate, AuthResponse
from vsmtp.telemetry.log import Log
from vsmtp.values.answer import Unavailable
from vsmtp.values.reply import Reply
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.replies import REPLIES

RIGHT = b"\0ann\0pencil"
WRONG = b"\0ann\0pen"
NOT_AT_NIGHT = Reply(550, "5.7.1", "not at night")


class Replies:
    """Keeps what the client is told."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def words(self, name: str) -> Reply:
        return REPLIES[name]

    def yes(self) -> None:
        self._said.append("235")

    def no(self, reply: Reply) -> None:
        self._said.append(str(reply.code))

    def close(self, reply: Reply) -> None:
        self._said.append(f"{reply.code} and close")

    def challenge(self, octets: bytes) -> None:
        self._said.append(octets.decode())


class OneUser:
    """A back end that knows ann, unless it is down."""

    def __init__(self) -> None:
        self.is_down = False
        self.asked = 0

    async def check(self, user: str, password: Secret) -> Judged:
        self.asked += 1
        if self.is_down:
            return Unavailable("down")
        return Granted(user) if (user, password.text) == ("ann@example.org", "pencil") else DENIED


class Visit:
    """A session that notes what is answered."""

    def __init__(self, *, attempts: int = 3, allowed: int = 20, trusted: bool = False) -> None:
        self.backend = OneUser()
        self.failed = FailedLogins(allowed, 600.0, lambda: 0.0)
        self.about = subject.Connection(
            ip_address("192.0.2.1"), 1, "submission", 587, "submission", trusted, "client.test", esmtp=True
        )
        self.refusal: Reply | None = None
        self.said: list[str] = []
        self.judged: list[bool | None] = []
        logins = Logins(self.backend, self.failed, "mx.test", "example.org", attempts, lambda: "n" * 24)
        answering = Answering(Replies(self.said), self._judge, self._run)
        self.attempts = Attempts(logins, self.about, answering, "s", Log("error", "json", (), lambda: 0.0))

    def _judge(self, then: Callable[[Reply | None], None]) -> None:
        self.judged.append(self.about.auth_success)
        then(self.refusal)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)

    def plain(self, initial: bytes) -> str:
        self.attempts.begin(Authenticate("PLAIN", initial))
        return self.said[-1]


def test_the_right_password_lets_a_client_in_under_its_full_name() -> None:
    visit = Visit()
    assert visit.plain(RIGHT) == "235"
    about = visit.about
    assert (about.user, about.mechanism, about.attempt) == ("ann@example.org", "PLAIN", 1)
    assert about.authenticated
    assert visit.judged == [True]


def test_a_mechanism_with_challenges_goes_on_step_by_step() -> None:
    visit = Visit()
    visit.attempts.begin(Authenticate("LOGIN", None))
    visit.attempts.go_on(AuthResponse(b"ann"))
    visit.attempts.go_on(AuthResponse(b"pencil"))
    assert visit.said == ["Username:", "Password:", "235"]


def test_a_wrong_password_is_told_to_the_rules_and_the_client_is_refused() -> None:
    visit = Visit()
    assert visit.plain(WRONG) == "535"
    assert visit.judged == [False]
    assert (visit.about.user, visit.about.authenticated) == ("ann", False)


def test_rules_find_other_words_for_a_failure_but_never_make_it_good() -> None:
    visit = Visit()
    visit.refusal = NOT_AT_NIGHT
    assert visit.plain(WRONG) == "550"
    assert not visit.about.authenticated


def test_rules_refuse_a_login_whose_password_was_right() -> None:
    visit = Visit()
    visit.refusal = NOT_AT_NIGHT
    assert visit.plain(RIGHT) == "550"
    assert not visit.about.authenticated


def test_a_back_end_that_is_down_is_nobodys_fault() -> None:
    visit = Visit(attempts=1, allowed=1)
    visit.backend.is_down = True
    assert [visit.plain(RIGHT), visit.plain(RIGHT)] == ["454", "454"]
    assert visit.judged == []
    visit.backend.is_down = False
    assert visit.plain(RIGHT) == "235"


@pytest.mark.parametrize("said", [WRONG, b"nonsense"])
def test_a_connection_has_so_many_attempts(said: bytes) -> None:
    visit = Visit(attempts=2)
    assert visit.plain(said) in {"535", "501"}
    assert visit.plain(said) == "421 and close"


def test_a_network_that_failed_too_often_is_not_listened_to() -> None:
    visit = Visit(allowed=1, attempts=9)
    visit.plain(WRONG)
    assert visit.plain(RIGHT) == "421 and close"
    assert visit.backend.asked == 1


def test_a_trusted_client_may_bring_many_people_who_fail() -> None:
    visit = Visit(allowed=1, attempts=9, trusted=True)
    visit.plain(WRONG)
    assert visit.plain(RIGHT) == "235"


def test_an_exchange_that_was_given_up_leaves_room_for_another() -> None:
    visit = Visit()
    visit.attempts.begin(Authenticate("LOGIN", None))
    visit.attempts.abort()
    assert visit.plain(RIGHT) == "235"
    assert visit.about.attempt == 2
