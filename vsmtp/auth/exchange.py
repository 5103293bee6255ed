"""The words of a SASL exchange (RFC 4422), as the server sees it: what it says, asks and concludes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vsmtp.auth.scram import ScramKeys
from vsmtp.values.answer import Found, Missing, Unavailable
from vsmtp.values.secret import Secret

Trouble: TypeAlias = Literal["denied", "malformed", "unavailable"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """Octets for the client, which answers with some of its own."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Check:
    """Whether this is the user's password: answered by `Granted`, `Denied` or `Unavailable`."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class ClearSecret:
    """The user's password itself: answered by `Found[Secret]`, `Missing` or `Unavailable`."""

    user: str


@dataclass(frozen=True, slots=True)
class ScramSecret:
    """What SCRAM keeps of the user's password, or a decoy: `Found[ScramKeys]` or `Unavailable`."""

    user: str


@dataclass(frozen=True, slots=True)
class Granted:
    """The password is the user's. `user` is the name that the back end knows them by."""

    user: str


@dataclass(frozen=True, slots=True)
class Denied:
    """There is no such user, or the password is another one; which of both is nobody's business."""


@dataclass(frozen=True, slots=True)
class Success:
    """The client is this user."""

    user: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The exchange ended without a login.

    `denied` is 535 5.7.8, `malformed` 501 5.5.2, and `unavailable` 454 4.7.0; `reason` is for the log. `user`
    is who the client said it was, as far as it said so.
    """

    trouble: Trouble
    reason: str
    user: str = ""


Wants: TypeAlias = Check | ClearSecret | ScramSecret
Told: TypeAlias = Granted | Denied | Found[Secret] | Found[ScramKeys] | Missing | Unavailable
Step: TypeAlias = Challenge | Wants | Success | Failure
# A mechanism: yields challenges and wants, is sent what the client or the driver answers, and concludes.
Course: TypeAlias = Generator[Challenge | Wants, bytes | Told, Success | Failure]


class Exchange:
    """One run of a mechanism; pure: octets and answers go in, steps come out, and after the last nothing."""

    __slots__ = ("_course", "_ended")

    def __init__(self, course: Course) -> None:
        self._course = course
        self._ended = False

    def start(self) -> Step:
        """The first step."""
        return self._advance(None)

    def step(self, response: bytes) -> Step:
        """What follows the client's answer to a challenge."""
        return self._advance(response)

    def told(self, answer: Told) -> Step:
        """What follows the driver's answer to a want."""
        return self._advance(answer)

    def _advance(self, sent: bytes | Told | None) -> Step:
        assert not self._ended
        try:
            return next(self._course) if sent is None else self._course.send(sent)
        except StopIteration as end:
            self._ended = True
            concluded: Success | Failure = end.value
            return concluded
