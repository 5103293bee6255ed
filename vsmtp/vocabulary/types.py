"""The types of facts, and which tests each of them allows."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias, get_args


class Type(Enum):
    """What a fact's value is, in the words of a fault message; in brackets how Python holds it."""

    IP = "IP address"  # ipaddress.IPv4Address | IPv6Address, never IPv4-mapped
    NETWORK = "network"  # ipaddress.IPv4Network | IPv6Network: a /24 or a /64
    ADDRESS = "mail address"  # values.address.Address
    DOMAIN = "domain"  # str, as spelled
    TEXT = "text"  # str
    NUMBER = "number"  # int | float
    SIZE = "size"  # int, octets
    DURATION = "duration"  # float, seconds
    HOUR = "hour"  # int, 0 to 23
    CLOCK = "time of day"  # int, seconds since midnight
    DATE = "date"  # datetime.date
    INSTANT = "moment"  # datetime.datetime with a time zone
    BOOL = "true or false"  # bool


ORDERED: Final = frozenset(
    {Type.NUMBER, Type.SIZE, Type.DURATION, Type.HOUR, Type.CLOCK, Type.DATE, Type.INSTANT},
)
# How much of an address a network keeps, by the version of IP: what stands for one client.
NETWORK_BITS: Final = {4: 24, 6: 64}
# A range of these may pass midnight.
CYCLIC: Final = frozenset({Type.HOUR, Type.CLOCK})
NETWORKED: Final = frozenset({Type.IP, Type.NETWORK})
TEXTUAL: Final = frozenset({Type.ADDRESS, Type.DOMAIN, Type.TEXT})

_ANY: Final = frozenset({"is", "not", "in", "not_in", "exists", "unavailable"})
_TEXT_TESTS: Final = frozenset({"matches", "glob", "starts_with", "ends_with", "contains"})
_NAME_TESTS: Final = _TEXT_TESTS | {"under"}
_ORDER_TESTS: Final = frozenset({"lt", "le", "gt", "ge", "between"})

OPERATORS: Final[dict[Type, frozenset[str]]] = {
    Type.IP: _ANY,
    Type.NETWORK: _ANY,
    Type.ADDRESS: _ANY | _NAME_TESTS,
    Type.DOMAIN: _ANY | _NAME_TESTS,
    Type.TEXT: _ANY | _TEXT_TESTS,
    Type.BOOL: _ANY,
} | dict.fromkeys(ORDERED, _ANY | _ORDER_TESTS)

OPERATOR_NAMES: Final = _ANY | _NAME_TESTS | _ORDER_TESTS
Quantifier: TypeAlias = Literal["any", "all", "none"]
QUANTIFIERS: Final[frozenset[str]] = frozenset(get_args(Quantifier))
# Named by rules.md, answered by a later release: the fault says so instead of guessing at a misspelling.
LATER_OPERATORS: Final = frozenset({"older_than", "newer_than"})
