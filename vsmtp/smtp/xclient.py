"""XCLIENT: a trusted proxy tells who the real client is (Postfix's XCLIENT_README).

A greeting or a name that the proxy does not know is `[UNAVAILABLE]`, one that could not be found out just now
`[TEMPUNAVAIL]`. Values travel as xtext.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from vsmtp.smtp.xtext import unxtext

MAX_VALUE: Final = 255


class Unknown(Enum):
    """Why an attribute has no value."""

    UNAVAILABLE = "[UNAVAILABLE]"
    TEMPUNAVAIL = "[TEMPUNAVAIL]"


_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,255}")
_HELLO: Final = re.compile(r"[!-Z^-~]{1,255}|\[[!-Z^-~]{1,253}\]")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_MAX_PORT: Final = 65535


def _is_name(value: str) -> bool:
    return _NAME.fullmatch(value) is not None


def _is_hello(value: str) -> bool:
    return _HELLO.fullmatch(value) is not None


def _is_port(value: str) -> bool:
    return _PORT.fullmatch(value) is not None and int(value) <= _MAX_PORT


def _is_address(value: str) -> bool:
    try:
        if value[:5].upper() == "IPV6:":
            return IPv6Address(value[5:]).scope_id is None
        IPv4Address(value)
    except AddressValueError:
        return False
    return True


def _is_protocol(value: str) -> bool:
    return value.upper() in {"SMTP", "ESMTP"}


def _is_login(value: str) -> bool:
    return value.isprintable()


ATTRIBUTES: Final[Mapping[str, Callable[[str], bool]]] = {
    "NAME": _is_name,
    "ADDR": _is_address,
    "PORT": _is_port,
    "PROTO": _is_protocol,
    "HELO": _is_hello,
    "LOGIN": _is_login,
    "DESTADDR": _is_address,
    "DESTPORT": _is_port,
}


def attributes(argument: str) -> dict[str, str | Unknown]:
    """Read `NAME=value ...`: values by name in upper case, an address without its `IPV6:`.

    Raises ValueError with a reason; a name given twice counts as it was given last, as Postfix has it.
    """
    read: dict[str, str | Unknown] = {}
    for word in argument.split():
        name, _, encoded = word.partition("=")
        read[name.upper()] = _value(name.upper(), encoded)
    if not read:
        raise ValueError("XCLIENT wants attributes")
    return read


def _value(name: str, encoded: str) -> str | Unknown:
    fits = ATTRIBUTES.get(name)
    if fits is None:
        raise ValueError("no such attribute")
    value = unxtext(encoded)
    if value is None or not value or len(value) > MAX_VALUE:
        raise ValueError(f"{name} is no xtext")
    for unknown in Unknown:
        if value.upper() == unknown.value:
            return unknown
    if not fits(value):
        raise ValueError(f"bad {name}")
    return value[5:] if name in {"ADDR", "DESTADDR"} and value[:5].upper() == "IPV6:" else value
