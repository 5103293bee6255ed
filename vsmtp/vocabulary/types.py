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
    SECRET = "secret"  # noqa: S105 the word itself; values.secret.Secret: for credentials only


ORDERED: Final = frozenset(
    {Type.NUMBER, Type.SIZE, Type.DURATION, Type.HOUR, Type.CLOCK, Type.DATE, Type.INSTANT},
)
# What can be older or newer than a duration.
AGING: Final = frozenset({Type.INSTANT, Type.DURATION})
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
_AGE_TESTS: Final = frozenset({"older_than", "newer_than"})

OPERATORS: Final[dict[Type, frozenset[str]]] = {
    Type.IP: _ANY,
    Type.NETWORK: _ANY,
    Type.ADDRESS: _ANY | _NAME_TESTS,
    Type.DOMAIN: _ANY | _NAME_TESTS,
    Type.TEXT: _ANY | _TEXT_TESTS,
    Type.BOOL: _ANY,
    Type.SECRET: frozenset(),
} | {kind: _ANY | _ORDER_TESTS | (_AGE_TESTS if kind in AGING else frozenset()) for kind in ORDERED}

OPERATOR_NAMES: Final = _ANY | _NAME_TESTS | _ORDER_TESTS | _AGE_TESTS
Quantifier: TypeAlias = Literal["any", "all", "none"]
QUANTIFIERS: Final[frozenset[str]] = frozenset(get_args(Quantifier))


def with_article(kind: Type) -> str:
    """`an IP address`, `a domain`, `true or false`: for sentences that say what a fact is."""
    if kind in {Type.BOOL, Type.TEXT}:
        return f"{kind.value}"
    return f"an {kind.value}" if kind in {Type.IP, Type.HOUR} else f"a {kind.value}"
