"""Queue ids: numbers that never come again, and the names administrators see.

A number is max(last + 1, milliseconds since the epoch << 20), so ids of one shard grow with time and leave
room for a million messages a millisecond. The name is the number in Crockford's base 32 followed by the last
four characters of the shard's ULID, so that two shards never share a name: a Maildir takes an equal name for
a message it already holds.
"""

from __future__ import annotations

import re
from typing import Final

DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
NUMBER_LENGTH: Final = 13
TAG_LENGTH: Final = 4
_ULID: Final = re.compile(rf"[{DIGITS}]{{26}}")
_VALUES: Final = {digit: value for value, digit in enumerate(DIGITS)}
_PAIRS: Final = [high + low for high in DIGITS for low in DIGITS]


def encode(number: int, length: int) -> str:
    """`number` in base 32, padded with zeros to `length` digits."""
    digits = []
    for _ in range(length // 2):
        digits.append(_PAIRS[number & 1023])
        number >>= 10
    if length % 2:
        digits.append(DIGITS[number & 31])
    return "".join(reversed(digits))


def decode(text: str) -> int:
    """The number that `encode` wrote; raises ValueError for anything else."""
    number = 0
    for digit in text:
        if digit not in _VALUES:
            msg = f"`{digit}` does not occur in a queue id"
            raise ValueError(msg)
        number = number << 5 | _VALUES[digit]
    return number


def ulid(milliseconds: int, randomness: int) -> str:
    """A ULID: 48 bits of time, 80 random bits, 26 digits."""
    return encode(milliseconds << 80 | randomness & (1 << 80) - 1, 26)


def is_ulid(name: str) -> bool:
    """Whether `name` could be a shard's directory."""
    return _ULID.fullmatch(name) is not None


class Names:
    """Writes the names of messages of `shard`; the part that is the millisecond's is made once.

    The last name is remembered: of a message that is being taken in, several want to know it.
    """

    __slots__ = ("_millisecond", "_name", "_number", "_tag", "_text")

    def __init__(self, shard: str) -> None:
        self._tag = shard[-TAG_LENGTH:]
        self._millisecond = self._number = -1
        self._text = self._name = ""

    def __call__(self, number: int) -> str:
        """The name of message `number`, 17 characters."""
        if number != self._number:
            self._number = number
            millisecond = number >> 20
            if millisecond != self._millisecond:
                self._millisecond = millisecond
                self._text = encode(millisecond, NUMBER_LENGTH - 4)
            self._name = f"{self._text}{_PAIRS[number >> 10 & 1023]}{_PAIRS[number & 1023]}{self._tag}"
        return self._name


def queue_name(number: int, shard: str) -> str:
    """The name of message `number` of `shard`, 17 characters."""
    return Names(shard)(number)


def parse_queue_name(name: str) -> tuple[int, str]:
    """The number and the shard's tag of a name as `queue_name` wrote it; raises ValueError otherwise."""
    text = name.upper()
    if len(text) != NUMBER_LENGTH + TAG_LENGTH:
        msg = f"`{name}` is not a queue id: those have {NUMBER_LENGTH + TAG_LENGTH} characters"
        raise ValueError(msg)
    number = decode(text[:NUMBER_LENGTH])
    if number >> 63:
        msg = f"`{name}` is not a queue id: its number is too high"
        raise ValueError(msg)
    return number, text[NUMBER_LENGTH:]


class Numbers:
    """Gives out a shard's numbers; `last` is the highest that may have been given before."""

    __slots__ = ("last",)

    def __init__(self, last: int) -> None:
        self.last = last

    def next(self, now: float) -> int:
        """A number greater than all before; `now` in seconds since the epoch."""
        number = int(now * 1000) << 20
        if number <= self.last:
            number = self.last + 1
        self.last = number
        return number
