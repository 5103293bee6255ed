"""What administrators write in a test, turned into what values are compared with, type by type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, TypeAlias

from vsmtp.rules.language import Interval, Op
from vsmtp.values.address import Address, parse_domain
from vsmtp.values.units import parse_duration, parse_size
from vsmtp.vocabulary.answers import Scalar
from vsmtp.vocabulary.types import CYCLIC, NETWORK_BITS, Type

# IPv6 addresses stand above all IPv4 ones on one line of numbers.
_V6: Final = 1 << 32
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_LAST_HOUR: Final = 23

Network: TypeAlias = IPv4Network | IPv6Network


class WantedError(ValueError):
    """The constant is of another kind than what is wanted; the reason says what is."""


def wanted(reason: str) -> WantedError:
    """What is raised for a constant of the wrong kind: the caller makes a fault of it, whatever was wrong."""
    return WantedError(reason)


def fold(value: Scalar) -> str | bool:
    """The form in which two spellings of one value are equal: case ignored; a bool stays what it is."""
    match value:
        case Address():
            return value.key
        case bool():
            return value
        case _:
            return str(value).casefold()


def folded_text(value: Scalar) -> str:
    """The text that `glob`, `starts_with`, `ends_with` and `contains` look at: as printed, case ignored."""
    return str(value).casefold()


def domain_of(value: Scalar) -> str:
    """The folded domain that `under` looks at: the value itself, or an address's."""
    return (value.domain if isinstance(value, Address) else str(value)).casefold()


def ordinal(value: Scalar) -> float:
    """The value's place on its type's line of numbers."""
    match value:
        case int() | float():
            return value
        case IPv4Address():
            return int(value)
        case IPv6Address():
            return int(value) + _V6
        case IPv4Network() | IPv6Network():
            return ordinal(value.network_address)
        case datetime():
            return value.timestamp()
        case date():
            return value.toordinal()
        case _:
            raise TypeError(f"{type(value).__name__} has no order")


def interval(op: Op, number: float) -> Interval:
    """The numbers for which `value <op> number` holds."""
    above = number + 1 if isinstance(number, int) and abs(number) >= _V6 else math.nextafter(number, math.inf)
    return {
        Op.IS: Interval(number, above),
        Op.LT: Interval(-math.inf, number),
        Op.LE: Interval(-math.inf, above),
        Op.GT: Interval(above, math.inf),
        Op.GE: Interval(number, math.inf),
    }[op]


def between(kind: Type, low: float, high: float) -> tuple[Interval, ...]:
    """Both ends included; where times wrap, `22:00` to `06:00` is the night. Raises ValueError if empty."""
    up, down = interval(Op.LE, high), interval(Op.GE, low)
    if low <= high:
        return (Interval(low, up.end),)
    if kind not in CYCLIC:
        raise ValueError("the first end of a range is not above the second")
    return (up, down)


def read_number(kind: Type, raw: Any) -> float:
    """A constant of an ordered type; raises ValueError with a reason."""
    return _NUMBERS[kind](raw)


def read_network(kind: Type, raw: Any) -> tuple[Interval, ...]:
    """An address or CIDR block as numbers; none for a block too narrow to ever hold a `client.net`."""
    if not isinstance(raw, str):
        raise wanted("an address or network is written as text")
    network = _network(raw.strip())
    if kind is Type.NETWORK and network.prefixlen > NETWORK_BITS[network.version]:
        return ()
    return (Interval(ordinal(network.network_address), ordinal(network.broadcast_address) + 1),)


def _network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        reason = "addresses are written `192.0.2.1` or `2001:db8::1`, networks `192.0.2.0/24`"
        raise ValueError(reason) from None
    if network.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f"the network that holds it is `{network}`")
    return network


def read_text(kind: Type, raw: Any) -> str | bool:
    """A constant of a textual type, or a bool, folded; raises ValueError with a reason."""
    if kind is Type.BOOL:
        return _bool(raw)
    text = _text(raw)
    if kind is Type.ADDRESS:
        return Address.parse(text).key
    if kind is Type.DOMAIN:
        if "@" in text:
            raise ValueError("a domain has no `@`")
        return parse_domain(text).casefold()
    return text.casefold()


def read_part(raw: Any) -> str:
    """The operand of `starts_with`, `ends_with`, `contains`, folded."""
    text = _text(raw)
    if not text:
        raise ValueError("an empty text is part of every text")
    return text.casefold()


def read_domain(raw: Any) -> str:
    """The operand of `under`."""
    return parse_domain(_text(raw)).casefold()


def read_glob(raw: Any) -> str:
    """A glob as an anchored RE2 pattern over folded text: `*`, `?`, `[abc]`, `[!abc]`."""
    text = _text(raw).casefold()
    return "^(?:" + "".join(_glob_piece(piece[0]) for piece in _GLOB.finditer(text)) + ")$"


_GLOB: Final = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)


def _glob_piece(piece: str) -> str:
    if piece == "*":
        return ".*"
    if piece == "?":
        return "."
    if len(piece) > 1:
        inside = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
        negated = inside.startswith("!")
        inside = inside[negated:]
        if inside.startswith("]"):
            inside = "\\" + inside
        return f"[{'^' if negated else ''}{inside}]"
    return re.escape(piece) if piece.isascii() else piece


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise wanted("a text is wanted here")
    return raw


def _bool(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise wanted("`true` or `false` is wanted here")
    return raw


def _number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or math.isnan(raw):
        raise wanted("a number is wanted here")
    return raw


def _hour(raw: Any) -> float:
    number = _number(raw)
    if not 0 <= number <= _LAST_HOUR:
        raise ValueError("an hour is 0 to 23")
    return number


def _size(raw: Any) -> float:
    return parse_size(raw) if isinstance(raw, str) else _number(raw)


def _duration(raw: Any) -> float:
    return parse_duration(raw) if isinstance(raw, str) else _number(raw)


def _clock(raw: Any) -> float:
    if isinstance(raw, time):
        return raw.hour * 3600 + raw.minute * 60 + raw.second
    match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise ValueError("a time of day is written `14:30`")
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)


def _date(raw: Any) -> float:
    day = _iso(date.fromisoformat, raw)
    if isinstance(day, datetime) or not isinstance(day, date):
        raise wanted("a date is written `2026-12-31`")
    return day.toordinal()


def _instant(raw: Any) -> float:
    moment = _iso(datetime.fromisoformat, raw)
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise wanted("a moment is written with its offset, `2026-12-31T23:00:00+01:00`")
    return moment.timestamp()


def _iso(read: Callable[[str], date], raw: Any) -> Any:
    """What the text says, or what was no such text as it was."""
    with suppress(ValueError):
        return read(raw) if isinstance(raw, str) else raw
    return raw


_NUMBERS: Final[Mapping[Type, Callable[[Any], float]]] = {
    Type.NUMBER: _number,
    Type.SIZE: _size,
    Type.DURATION: _duration,
    Type.HOUR: _hour,
    Type.CLOCK: _clock,
    Type.DATE: _date,
    Type.INSTANT: _instant,
}
