"""xtext: any text as printable US-ASCII without spaces (RFC 3461 4)."""

from __future__ import annotations

import re
from typing import Final

_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_ESCAPED: Final = re.compile(rb"\+([0-9A-F]{2})")
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
