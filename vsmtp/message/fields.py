"""The header of a message as places in its octets: found, counted and read, never rewritten.

Fields are found by one pass over the octets. A line that is neither a field nor the continuation of one ends
the header, and with it begins the body: whoever reads the message later may do the same, so nothing after
such a line may be taken for a header field. Everything here is linear in the size of the header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from vsmtp.message.words import decode_words
from vsmtp.values.answer import Unavailable

# RFC 5322 2.2 and 4.5.8: printable US-ASCII but the colon; blanks before the colon are obsolete, yet seen.
# A name that we write leaves room for the colon and a blank in a line of 78.
MAX_NAME: Final = 76
_NAME: Final = re.compile(rf"[!-9;-~]{{1,{MAX_NAME}}}")
_FIELD: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*+")
_BLANK: Final = re.compile(rb"\r?\n")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")


class Field(NamedTuple):
    """A field: `name` in lower case; octets `start` to `end` are all of it, from `value_start` its value."""

    name: bytes
    start: int
    end: int
    value_start: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much header is looked at: `fields` in number, `size` in octets."""

    fields: int = 5_000
    size: int = 256 * 1024


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of `head`, in order; the body begins at `body_start`.

    `fields_end` is where the last field ends: before the blank line, if there is one. `defects` are stable
    words: `malformed-header-line` for a header that no blank line ended.
    """

    head: bytes
    fields: tuple[Field, ...]
    fields_end: int
    body_start: int
    defects: tuple[str, ...]

    def raw(self, name: str) -> list[bytes]:
        """List the values of all fields called `name`, as they came but without the final line end."""
        wanted = name.lower().encode()
        head = self.head
        return [head[f.value_start : f.end].rstrip(b"\r\n") for f in self.fields if f.name == wanted]

    def unfolded(self, name: str) -> list[str]:
        """List the values unfolded and stripped, encoded words left as they are; Latin-1 where not UTF-8."""
        return [_text(_FOLD.sub(b"", value)) for value in self.raw(name)]

    def values(self, name: str) -> list[str]:
        """List the values unfolded, stripped, and their encoded words decoded (RFC 2047)."""
        return [decode_words(value) for value in self.unfolded(name)]

    def count(self, name: str) -> int:
        """Count the fields called `name`."""
        wanted = name.lower().encode()
        return sum(1 for field in self.fields if field.name == wanted)


def scan(head: bytes, limits: Limits = LIMITS) -> Header | Unavailable:
    """Find the fields at the beginning of `head`, which may be a whole message or at least all its header.

    Never raises; a header over a limit is Unavailable.
    """
    fields: list[Field] = []
    at = 0
    match = _FIELD.match(head)
    while match is not None:
        if len(fields) == limits.fields:
            return Unavailable(f"more than {limits.fields} header fields")
        after = match.end()
        name = match[1]
        fields.append(Field(name.lower(), at, after, head.index(b":", at + len(name)) + 1))
        at = after
        match = _FIELD.match(head, at)
    if at > limits.size:
        return Unavailable(f"more than {limits.size} octets of header")
    blank = _BLANK.match(head, at)
    if blank is not None:
        return Header(head, tuple(fields), at, blank.end(), ())
    defects = () if at == len(head) else ("malformed-header-line",)
    return Header(head, tuple(fields), at, at, defects)


def is_field_name(text: str) -> bool:
    """Whether a field that we write may bear this name, at most `MAX_NAME` long (RFC 5322 3.6.8)."""
    return _NAME.fullmatch(text) is not None


def header_end(data: bytes) -> int:
    """Find the offset just past the first blank line, before which all fields are; -1: not there yet."""
    if data.startswith(b"\r\n"):
        return 2
    end = data.find(b"\r\n\r\n")
    return end if end < 0 else end + 4


def _text(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return text.strip(" \t\r\n")
