"""How much work a message may make: every step of the survey is paid for, and what is spent is spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vsmtp.values.answer import OverLimit

Good: TypeAlias = Literal[
    "parts", "depth", "lines", "head", "boundary", "fields", "values", "wrapped", "parameters", "text"
]
Scope: TypeAlias = Literal["structure", "names", "text"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is looked at of one message.

    `parts`: of any kind; `depth`: levels of multiparts and of messages in messages; `lines`: comparisons of
    lines that begin with two hyphens; `head`: octets in the header of one part; `boundary`: octets of one;
    `fields`: lines in all headers; `values`: characters of all Content- fields; `wrapped`: octets of
    messages sent encoded; `parameters`: of all Content- fields; `text`: octets of decoded text.
    """

    parts: int = 1_000
    depth: int = 100
    lines: int = 100_000
    head: int = 64 * 1024
    boundary: int = 900
    fields: int = 10_000
    values: int = 64 * 1024
    wrapped: int = 4 * 2**20
    parameters: int = 2_000
    text: int = 2**20


LIMITS: Final = Limits()

_GOODS: Final[dict[Good, tuple[Scope, str]]] = {
    "parts": ("structure", "MIME parts"),
    "depth": ("structure", "levels of MIME parts"),
    "lines": ("structure", "lines that could part MIME parts"),
    "head": ("structure", "octets in the header of a MIME part"),
    "boundary": ("structure", "octets in a boundary"),
    "fields": ("structure", "lines in the headers of MIME parts"),
    "values": ("structure", "characters of Content- fields"),
    "wrapped": ("structure", "octets of encoded messages"),
    "parameters": ("names", "parameters of Content- fields"),
    "text": ("text", "octets of text"),
}


class Budget:
    """What is left of the limits; `over` has, for each scope of the answers that is cut short, the reason."""

    __slots__ = ("_left", "limits", "over")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left: dict[Good, int] = {good: getattr(limits, good) for good in _GOODS}
        self.over: dict[Scope, OverLimit] = {}

    @property
    def is_over(self) -> bool:
        """Whether the structure of the message cannot be known: to go on would be in vain."""
        return "structure" in self.over

    def left(self, good: Good) -> int:
        """How much of this may still be spent; not less than 0."""
        return max(0, self._left[good])

    def spend(self, good: Good, amount: int = 1) -> bool:
        """Whether there was enough left to spend; what is too much is noted in `over`."""
        left = self._left[good] = self._left[good] - amount
        return left >= 0 or self._note(good)

    def allows(self, good: Good, amount: int) -> bool:
        """Whether this much may be had at once, without spending it; what is too much is noted."""
        return amount <= self._left[good] or self._note(good)

    def give_up(self) -> None:
        """Names are cut short, and with them what is needed to know the structure."""
        self.over.setdefault("structure", self.over["names"])

    def _note(self, good: Good) -> Literal[False]:
        scope, what = _GOODS[good]
        self.over.setdefault(scope, OverLimit(f"more than {getattr(self.limits, good)} {what}"))
        return False
