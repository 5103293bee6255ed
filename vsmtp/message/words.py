"""Encoded words, text beyond US-ASCII in header fields (RFC 2047): read without ever raising, and written."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64, a2b_qp
from collections.abc import Callable
from typing import Final

MAX_WORD: Final = 75  # RFC 2047 2

_WORD: Final = re.compile(r"=\?([A-Za-z0-9_.:+\-]{1,40})(?:\*[A-Za-z0-9\-]*)?\?([BbQq])\?([^?\s]*)\?=")

# Python knows codecs that are no charset of mail, among them some of quadratic cost. Only these are asked.
_CHARSET: Final = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-8859-\d{1,2}(-[ei])?|windows-\d{3,4}|cp\d{3,4}|koi8-[rut]|tis-620"
    r"|gb2312|gbk|gb18030|hz-gb-2312|big5(-hkscs)?|euc-(jp|kr|cn)|ks_c_5601-1987|shift_jis|sjis"
    r"|iso-2022-(jp(-[123])?|kr)|utf-?16(le|be)?|macintosh",
    re.IGNORECASE,
)
_Q_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_PREFIX: Final = "=?utf-8?"


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
        word = _octets(match[2], match[3]) if _CHARSET.fullmatch(match[1]) else None
        if word is None:
            continue
        if charset != match[1].lower() or between.strip(" \t") or not at:
            parts += (_decoded(octets, charset), between if not charset or between.strip(" \t") else "")
            charset, octets = match[1].lower(), bytearray()
        octets += word
        at = match.end()
    return "".join((*parts, _decoded(octets, charset), text[at:]))


def encode_words(text: str) -> list[str]:
    """Write `text` as encoded words of at most 75 characters, to be parted by blanks; no character is cut."""
    room = MAX_WORD - len(_PREFIX) - len("Q?") - len("?=")
    base64 = _split(text, room // 4 * 3, _plain_length)
    quoted = _split(text, room, _q_length)
    if len(base64) < len(quoted):
        return [f"{_PREFIX}B?{b64encode(part.encode()).decode()}?=" for part in base64]
    return [f"{_PREFIX}Q?{''.join(map(_q, part.encode()))}?=" for part in quoted]


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
    try:
        return octets.decode(charset, "replace") if charset else ""
    except LookupError:  # of the families above Python does not have every member
        return octets.decode("latin-1")


def _split(text: str, room: int, length: Callable[[str], int]) -> list[str]:
    parts: list[str] = []
    start, used = 0, 0
    for index, character in enumerate(text):
        cost = length(character)
        if used + cost > room:
            parts.append(text[start:index])
            start, used = index, 0
        used += cost
    return [*parts, text[start:]]


def _plain_length(character: str) -> int:
    return len(character.encode())


def _q_length(character: str) -> int:
    return sum(1 if octet in _Q_SAFE or octet == ord(" ") else 3 for octet in character.encode())


def _q(octet: int) -> str:
    if octet == ord(" "):
        return "_"
    return chr(octet) if octet in _Q_SAFE else f"={octet:02X}"
