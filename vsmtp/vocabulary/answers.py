"""How a fact is asked for, and the four kinds of answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, Protocol, TypeAlias

from vsmtp.values.address import Address
from vsmtp.values.answer import Missing, Unavailable

Scalar: TypeAlias = (
    bool | int | float | str | Address
    | IPv4Address | IPv6Address | IPv4Network | IPv6Network | date | datetime
)  # fmt: skip
Value: TypeAlias = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Unasked:
    """The fact needs I/O and nobody has fetched it yet."""


UNASKED: Final = Unasked()
Answer: TypeAlias = Value | Missing | Unavailable | Unasked
# For one `isinstance` on the hot path: every answer that is not a value.
NO_VALUE: Final = (Missing, Unavailable, Unasked)


class Facts(Protocol):
    """Who answers the questions of a rule; the same name is asked rarely, yet must be cheap to ask again."""

    def ask(self, name: str) -> Answer:
        """The fact's value (a list fact's as a tuple), or why there is none; never raises, never does I/O."""
