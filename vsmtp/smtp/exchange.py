"""The words of an AUTH exchange (RFC 4954 4): base64 lines of either side."""

from __future__ import annotations

import binascii
import re
from typing import Final

from vsmtp.smtp.questions import AuthResponse

# RFC 4954 4.  The longest base64 line that is taken; for the AUTH command this includes the command.
MAX_LINE: Final = 12_288

_CANCEL: Final = b"*"
_MECHANISM: Final = re.compile(rb"[A-Za-z0-9_\-]{1,20}")  # RFC 4422 3.1


def command(argument: bytes) -> tuple[str, bytes | None] | None:
    """Part AUTH's argument into the mechanism in upper case and the initial response, still encoded.

    None when it is neither.
    """
    mechanism, _, initial = argument.strip(b" ").partition(b" ")
    if _MECHANISM.fullmatch(mechanism) is None:
        return None
    return mechanism.decode("ascii").upper(), initial.lstrip(b" ") or None


def decoded(line: bytes) -> bytes | None:
    """The octets of a base64 line; None when it is not exactly that."""
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except (binascii.Error, ValueError):
        return None


def response(line: bytes | str) -> AuthResponse | str:
    """What the client has answered to a challenge, or the name of the reply that ends the exchange.

    `line` is the line read, or the name of the reply to one that could not be.
    """
    if isinstance(line, str):
        return "auth_line_too_long" if line == "line_too_long" else line
    if line == _CANCEL:
        return "auth_cancelled"
    data = decoded(line)
    return "bad_base64" if data is None else AuthResponse(data)


def initial(encoded: bytes) -> bytes | None:
    """Decode an initial response; `=` is an empty one."""
    return b"" if encoded == b"=" else decoded(encoded)


def challenge(data: bytes) -> bytes:
    """The 334 line that asks for the next response."""
    return b"334 " + binascii.b2a_base64(data, newline=False) + b"\r\n"
