"""The three answers the world gives to a question: found, missing, or unavailable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The asked-for value exists."""

    value: T


@dataclass(frozen=True, slots=True)
class Missing:
    """The question was answered: there is no such thing."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The question could not be answered; `reason` says why, for logs and administrators."""

    reason: str


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class OverLimit(Unavailable):
    """One of our own limits is in the way: asking again will not help, so what waits fails for good."""
