"""Octets as text, in the charsets that mail has: whatever the octets, without raising and in linear time."""

from __future__ import annotations

import re
from codecs import charmap_decode
from functools import lru_cache
from typing import Final

# Python knows codecs that are no charset of mail, among them some of quadratic cost. Only these are asked.
_WIDE: Final = (
    r"utf-?8|gb2312|gbk|gb18030|hz-gb-2312|big5(?:-hkscs)?|euc-(?:jp|kr|cn)|ks_c_5601-1987|shift_jis|sjis"
    r"|cp9(?:32|36|49|50)|iso-2022-(?:jp(?:-[123])?|kr)|utf-?16(?:le|be)?"
)
_NARROW: Final = (
    r"us-ascii|ascii|latin-?1|iso-8859-\d{1,2}(?:-[ei])?|windows-\d{3,4}|cp\d{3,4}"
    r"|koi8-[rut]|tis-620|macintosh"
)
_IS_WIDE: Final = re.compile(_WIDE, re.IGNORECASE)
_IS_NARROW: Final = re.compile(_NARROW, re.IGNORECASE)


def is_charset(name: str) -> bool:
    """Whether `decode` knows this charset, case ignored."""
    return (_IS_WIDE.fullmatch(name) or _IS_NARROW.fullmatch(name)) is not None


def decode(octets: bytes | bytearray, charset: str) -> str:
    """What `octets` say in `charset`, U+FFFD for what says nothing; Latin-1 for a charset not known."""
    if _IS_WIDE.fullmatch(charset):
        return _decode_wide(octets, charset)
    table = _table(charset.lower()) if _IS_NARROW.fullmatch(charset) else None
    return octets.decode("latin-1") if table is None else charmap_decode(octets, "strict", table)[0]


def guess(octets: bytes | bytearray) -> str:
    """What `octets` of no or an unknown charset say: UTF-8 if they can be that, else Latin-1."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _decode_wide(octets: bytes | bytearray, charset: str) -> str:
    try:
        return octets.decode(charset, "replace")
    except LookupError:  # of the families above Python does not have every member
        return octets.decode("latin-1")


@lru_cache(maxsize=64)
def _table(charset: str) -> str | None:
    # With a table no octet is an error: an error costs a hundred times what an octet does.
    try:
        table = "".join(bytes([octet]).decode(charset, "replace") for octet in range(256))
    except LookupError:
        return None
    return table if len(table) == 256 else None  # noqa: PLR2004 octets there are
