"""xtext: any text as printable US-ASCII without spaces (RFC 3461 4), and what some addresses have instead."""

from __future__ import annotations

import re
from typing import Final

_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_ESCAPED: Final = re.compile(rb"\+([0-9A-F]{2})")
_NOT_QCHAR: Final = re.compile(r"[^!-~]|[\\+=]")
_UNSAFE: Final = re.compile(rb"[^!-*,-<>-~]")


def unxtext(encoded: str) -> str | None:
    """Decode `encoded`; None when it is no xtext, or what it says is no UTF-8."""
    if _XTEXT.fullmatch(encoded) is None:
        return None
    if "+" not in encoded:
        return encoded
    try:
        return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), encoded.encode()).decode()
    except UnicodeDecodeError:
        return None


def xtext(text: str) -> str:
    """Encode `text`; `unxtext` gives it back."""
    return _UNSAFE.sub(lambda match: b"+%02X" % match[0][0], text.encode()).decode()


def utf8_xtext(address: str) -> str:
    """Encode an address of the type utf-8 so that it may travel where SMTPUTF8 does not (RFC 6533 3)."""
    return _NOT_QCHAR.sub(lambda match: rf"\x{{{ord(match[0]):02X}}}", address)
