"""Changes to a message's header that leave every octet they do not mean as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Final, NamedTuple, TypeAlias

from vsmtp.message.fields import MAX_NAME, Header, Limits, is_field_name, scan
from vsmtp.message.words import encode_words

MAX_LINE: Final = 78  # RFC 5322 2.1.1, without the CRLF
_LONG_WORD: Final = 900  # with the longest name this stays under the 998 octets of RFC 5322 2.1.1

_BLANKS: Final = re.compile(r"[ \t\r\n\v\f\x85\u2028\u2029]+")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AddField:
    """Put a field at the end of the header. Here and below: ValueError for a name that cannot be one."""

    name: str
    value: str

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, slots=True)
class PrependField:
    """Put a field at the top of the header."""

    name: str
    value: str

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, slots=True)
class SetField:
    """Make `name` a field that stands once, in place of the first one; at the end if there was none."""

    name: str
    value: str

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, slots=True)
class RenameField:
    """Call all fields named `old` by the name `new`; their values stay, octet for octet."""

    old: str
    new: str

    def __post_init__(self) -> None:
        _check_name(self.old)
        _check_name(self.new)


@dataclass(frozen=True, slots=True)
class RemoveField:
    """Take away all fields whose name the glob matches, case ignored (`X-Spam-*`)."""

    glob: str

    def __post_init__(self) -> None:
        _check_name(self.glob)


Edit: TypeAlias = AddField | PrependField | SetField | RenameField | RemoveField


class _Piece(NamedTuple):
    name: bytes
    octets: bytes


# An edit has to come out right on any header: its size is the limit of whoever judges it, not ours.
_NO_LIMITS: Final = Limits(fields=2**62, size=2**62)


def edit(head: bytes, edits: Sequence[Edit], *, utf8: bool = False) -> bytes:
    """Return `head` with `edits` carried out in order; without any, the very same octets.

    `head` may be a whole message or at least all its header; what follows the fields is kept. New values can
    hold any text: a run of blanks or line ends becomes one space, other controls question marks; characters
    beyond US-ASCII become encoded words (RFC 2047), or stay where `utf8` says that the message may carry them
    (RFC 6532).
    """
    if not edits:
        return head
    header = scan(head, _NO_LIMITS)
    assert isinstance(header, Header)
    pieces = [_Piece(field.name, head[field.start : field.end]) for field in header.fields]
    if pieces and not pieces[-1].octets.endswith(b"\n"):
        pieces[-1] = _Piece(pieces[-1].name, pieces[-1].octets + b"\r\n")
    for change in edits:
        pieces = _changed(pieces, change, utf8=utf8)
    return b"".join([*(piece.octets for piece in pieces), head[header.fields_end :]])


def write_field(name: str, value: str, *, utf8: bool = False) -> bytes:
    """Write a field with its CRLF, folded at 78 characters where it has blanks; ValueError for a bad name."""
    _check_name(name)
    text = _UNPRINTABLE.sub("?", _BLANKS.sub(" ", value)).strip(" ")
    lines = [f"{name}:"]
    for word in _words(text, utf8=utf8):
        if len(lines[-1]) + 1 + len(word) > MAX_LINE and len(lines[-1]) > len(name) + 1:
            lines.append("")
        lines[-1] += f" {word}"
    return ("\r\n".join(lines) + "\r\n").encode()


def _changed(pieces: list[_Piece], change: Edit, *, utf8: bool) -> list[_Piece]:
    match change:
        case AddField(name, value):
            return [*pieces, _piece(name, value, utf8=utf8)]
        case PrependField(name, value):
            return [_piece(name, value, utf8=utf8), *pieces]
        case SetField(name, value):
            return _set(pieces, _piece(name, value, utf8=utf8))
        case RenameField(old, new):
            return [_renamed(piece, new) if piece.name == old.lower().encode() else piece for piece in pieces]
        case RemoveField(glob):
            matches = re.compile(translate(glob.lower()).encode()).match
            return [piece for piece in pieces if not matches(piece.name)]


def _piece(name: str, value: str, *, utf8: bool) -> _Piece:
    return _Piece(name.lower().encode(), write_field(name, value, utf8=utf8))


def _set(pieces: list[_Piece], new: _Piece) -> list[_Piece]:
    first = next((index for index, piece in enumerate(pieces) if piece.name == new.name), len(pieces))
    return [*pieces[:first], new, *(piece for piece in pieces[first:] if piece.name != new.name)]


def _renamed(piece: _Piece, new: str) -> _Piece:
    return _Piece(new.lower().encode(), new.encode() + piece.octets[len(piece.name) :])


def _words(text: str, *, utf8: bool) -> list[str]:
    """Part `text` at its blanks; a run of words that cannot stand as they are becomes encoded words."""
    if not text:
        return []
    if len(text.encode()) <= _LONG_WORD and (utf8 or text.isascii()):
        return text.split(" ")
    written: list[str] = []
    run: list[str] = []
    for word in text.split(" "):
        if len(word.encode()) > _LONG_WORD or not (utf8 or word.isascii()):
            run.append(word)
            continue
        written += (*_encoded(run), word)
        run = []
    return [*written, *_encoded(run)]


def _encoded(run: list[str]) -> list[str]:
    # The blanks inside a run are encoded with it: between two encoded words they would vanish.
    return encode_words(" ".join(run)) if run else []


def _check_name(name: str) -> None:
    if not is_field_name(name):
        raise ValueError(f"`{name}` cannot be a field's name: printable ASCII, no colon, at most {MAX_NAME}")
