"""The header of a message as places in its octets: found, counted and read, never rewritten.

Fields are found by passes over the octets. A line that is neither a field nor the continuation of one ends
the header, and with it begins the body: whoever reads the message later may do the same, so nothing after
such a line may be taken for a header field. Everything here is linear in the size of the header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from vsmtp.message.words import decode_words
from vsmtp.values.answer import Unavailable

# RFC 5322 2.2 and 4.5.8: printable US-ASCII but the colon; blanks before the colon are obsolete, yet seen.
# A name that we write leaves room for the colon and a blank in a line of 78.
MAX_NAME: Final = 76
_NAME: Final = re.compile(rf"[!-9;-~]{{1,{MAX_NAME}}}")
_FIELD: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*+)")
# A field, or all that follows the last one.
_PIECE: Final = re.compile(_FIELD.pattern + rb"|([\0-\xff]++)")
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
    """The header block at the beginning of `head`; the body begins at `body_start`.

    `named` are the values of all fields as they came, with their line ends, in order, by the field's name in
    lower case. `fields_end` is where the last field ends: before the blank line, if there is one. `defects`
    are stable words: `malformed-header-line` for a header that no blank line ended.
    """

    head: bytes
    named: Mapping[bytes, Sequence[bytes]]
    fields_end: int
    body_start: int
    defects: tuple[str, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields' places, in order; who wants but their values need not find them out."""
        found = _FIELD.finditer(self.head, 0, self.fields_end)
        return tuple(Field(match[1].lower(), match.start(), match.end(), match.start(2)) for match in found)

    def raw(self, name: str) -> list[bytes]:
        """List the values of all fields called `name`, as they came but without the final line end."""
        return [value.rstrip(b"\r\n") for value in self.named.get(name.lower().encode(), ())]

    def unfolded(self, name: str) -> list[str]:
        """List the values unfolded and stripped, encoded words left as they are; Latin-1 where not UTF-8."""
        return [_text(_FOLD.sub(b"", raw) if b"\n" in raw else raw) for raw in self.raw(name)]

    def values(self, name: str) -> list[str]:
        """List the values unfolded, stripped, and their encoded words decoded (RFC 2047)."""
        return [decode_words(value) for value in self.unfolded(name)]

    def count(self, name: str) -> int:
        """Count the fields called `name`."""
        return len(self.named.get(name.lower().encode(), ()))


def scan(head: bytes, limits: Limits = LIMITS) -> Header | Unavailable:
    """Find the fields at the beginning of `head`, which may be a whole message or at least all its header.

    Never raises; a header over a limit is Unavailable.
    """
    # One search for all of them: faster than a match for each.
    pieces = _PIECE.findall(head)
    rest = pieces.pop()[2] if pieces and pieces[-1][2] else b""
    end = len(head) - len(rest)
    if len(pieces) > limits.fields:
        return Unavailable(f"more than {limits.fields} header fields")
    if end > limits.size:
        return Unavailable(f"more than {limits.size} octets of header")
    named: dict[bytes, list[bytes]] = {}
    for name, value, _ in pieces:
        named.setdefault(name.lower(), []).append(value)
    blank = _BLANK.match(head, end)
    if blank is not None:
        return Header(head, named, end, blank.end(), ())
    return Header(head, named, end, end, () if end == len(head) else ("malformed-header-line",))


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
