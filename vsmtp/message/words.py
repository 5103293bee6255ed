"""Encoded words, text beyond US-ASCII in header fields (RFC 2047): read without ever raising, and written."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64, a2b_qp
from collections.abc import Callable
from typing import Final

from vsmtp.message.charsets import decode, is_charset

MAX_WORD: Final = 75  # RFC 2047 2

_WORD: Final = re.compile(r"=\?([A-Za-z0-9_.:+\-]{1,40})(?:\*[A-Za-z0-9\-]*)?\?([BbQq])\?([^?\s]*)\?=")

_Q_SAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ "
_Q: Final = tuple(
    "_" if octet == ord(" ") else chr(octet) if octet in _Q_SAFE else f"={octet:02X}" for octet in range(256)
)
_PREFIX: Final = "=?utf-8?"
_ROOM: Final = MAX_WORD - len(_PREFIX) - len("Q?") - len("?=")


def decode_words(text: str) -> str:
    """Replace the encoded words of `text` by what they mean; what cannot be decoded stays as it is.

    Blanks between two neighbouring encoded words vanish, and a character cut in two by them is whole again
    (RFC 2047 6.2). Linear in the length of `text`.
    """
    if "=?" not in text:
        return text
    parts: list[str] = []
    charset, octets, at = "", bytearray(), 0
    for match in _WORD.finditer(text):
        between = text[at : match.start()]
        word = _octets(match[2], match[3]) if is_charset(match[1]) else None
        if word is None:
            continue
        if charset != match[1].lower() or between.strip(" \t") or not at:
            parts += (_decoded(octets, charset), between if not charset or between.strip(" \t") else "")
            charset, octets = match[1].lower(), bytearray()
        octets += word
        at = match.end()
    return "".join((*parts, _decoded(octets, charset), text[at:]))


def encode_words(text: str) -> list[str]:
    """Write `text` as encoded words of at most 75 characters, to be parted by blanks; no character is cut.

    Quoted, and so half readable anywhere, while at most a third of the octets need it; else in base64.
    """
    octets = text.encode()
    if _quoted_length(octets) * 3 > len(octets) * 5:
        parts = _split(octets, _ROOM // 4 * 3, len)
        return [f"{_PREFIX}B?{b64encode(part).decode()}?=" for part in parts]
    return [
        f"{_PREFIX}Q?{''.join(map(_Q.__getitem__, part))}?=" for part in _split(octets, _ROOM, _quoted_length)
    ]


def _octets(encoding: str, written: str) -> bytes | None:
    if not written.isascii():
        return None
    if encoding in "Qq":
        return a2b_qp(written.encode(), header=True)
    try:
        return a2b_base64(written.encode() + b"==")
    except ValueError:
        return None


def _decoded(octets: bytearray, charset: str) -> str:
    return decode(octets, charset) if charset else ""


def _split(octets: bytes, room: int, length: Callable[[bytes], int]) -> list[bytes]:
    parts: list[bytes] = []
    start = 0
    while start < len(octets):
        end = min(start + room, len(octets))
        while (over := length(octets[start:end]) - room) > 0:
            end -= (over + 2) // 3
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # noqa: PLR2004 inside a UTF-8 character
            end -= 1
        parts.append(octets[start:end])
        start = end
    return parts


def _quoted_length(octets: bytes) -> int:
    return len(octets) + 2 * len(octets.translate(None, _Q_SAFE))
