"""Changes to a message's header that leave every octet they do not mean as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Final, TypeAlias

from vsmtp.message.address_edits import (
    has_mailbox,
    is_too_much,
    with_added,
    with_author,
    with_replaced,
    without,
)
from vsmtp.message.fields import MAX_NAME, is_field_name
from vsmtp.message.words import encode_words
from vsmtp.values.address import Address

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


@dataclass(frozen=True, slots=True)
class ReplaceAuthor:
    """Make `address` the first one in From; without any From it becomes the whole field.

    Here and below, addresses are written as they stand in a field; ValueError for what is none.
    """

    address: str

    def __post_init__(self) -> None:
        Address.parse(self.address)


@dataclass(frozen=True, slots=True)
class ReplaceMailbox:
    """Make `new` of the address `old`, case ignored, wherever it stands in To and Cc."""

    old: str
    new: str

    def __post_init__(self) -> None:
        Address.parse(self.old)
        Address.parse(self.new)


@dataclass(frozen=True, slots=True)
class AddMailbox:
    """Put `address` at the end of the first To, unless that has it; without a To it becomes one."""

    address: str

    def __post_init__(self) -> None:
        Address.parse(self.address)


@dataclass(frozen=True, slots=True)
class RemoveMailbox:
    """Take an address, case ignored, out of To and Cc; a field that is left empty goes too."""

    address: str

    def __post_init__(self) -> None:
        Address.parse(self.address)


FieldEdit: TypeAlias = AddField | PrependField | SetField | RenameField | RemoveField
Edit: TypeAlias = FieldEdit | ReplaceAuthor | ReplaceMailbox | AddMailbox | RemoveMailbox

# A line that is neither a field nor the continuation of one ends the header (`fields.scan`).
_FIELD: Final = re.compile(rb"[!-9;-~]+[ \t]*:")
_END: Final = re.compile(rb"\n(?![ \t]|[!-9;-~]+[ \t]*:)")
# Fields in a row are kept with an LF before each, and without the LF that ends the last.
_NAMES: Final = re.compile(rb"\n([!-9;-~]+)[ \t]*:")
_VALUE: Final = rb"([ \t]*:[^\n]*(?:\n[ \t][^\n]*)*)"


def edit(head: bytes, edits: Sequence[Edit], *, utf8: bool = False) -> bytes:
    """Return `head` with `edits` carried out in order; without any, the very same octets.

    `head` may be a whole message or at least all its header; what follows the fields is kept. New values can
    hold any text: a run of blanks or line ends becomes one space, other controls question marks; characters
    beyond US-ASCII become encoded words (RFC 2047), or stay where `utf8` says that the message may carry them
    (RFC 6532). Addresses beyond US-ASCII stay as they are: such a message needs SMTPUTF8 anyway.
    """
    if not edits:
        return head
    end = _end(head)
    block = head[:end]
    if block and not block.endswith(b"\n"):
        block += b"\r\n"
    fields = b"\n" + block[:-1] if block else b""
    for change in edits:
        fields = _changed(fields, change, utf8=utf8)
    return (fields[1:] + b"\n" if fields else b"") + head[end:]


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


def _end(head: bytes) -> int:
    """Where the last field ends."""
    if _FIELD.match(head) is None:
        return 0
    found = _END.search(head)
    return len(head) if found is None else found.start() + 1


def _changed(fields: bytes, change: Edit, *, utf8: bool) -> bytes:
    match change:
        case AddField(name, value):
            return fields + _line(name, value, utf8=utf8)
        case PrependField(name, value):
            return _line(name, value, utf8=utf8) + fields
        case SetField(name, value):
            return _set(fields, name, _line(name, value, utf8=utf8))
        case RenameField(old, new):
            return _renamed(fields, old.encode(), new.encode())
        case RemoveField(glob):
            return _removed(fields, glob)
        case _:
            return _readdressed(fields, change)


def _line(name: str, value: str, *, utf8: bool) -> bytes:
    return b"\n" + write_field(name, value, utf8=utf8)[:-1]


def _all(*names: bytes, more: bool = False) -> re.Pattern[bytes]:
    """All fields of these names: the name is group 1, the colon and what follows group 2.

    With `more` all whose names begin so.
    """
    rest = b")[!-9;-~]*" if more else b")"
    return re.compile(rb"\n(" + b"|".join(map(re.escape, names)) + rest + _VALUE, re.IGNORECASE)


def _set(fields: bytes, name: str, line: bytes) -> bytes:
    pattern = _all(name.encode())
    first = pattern.search(fields)
    if first is None:
        return fields + line
    return fields[: first.start()] + line + pattern.sub(b"", fields[first.end() :])


def _renamed(fields: bytes, old: bytes, new: bytes) -> bytes:
    pattern = re.compile(rb"\n" + re.escape(old) + rb"(?=[ \t]*:)", re.IGNORECASE)
    return pattern.sub(b"\n" + new.replace(b"\\", b"\\\\"), fields)


def _removed(fields: bytes, glob: str) -> bytes:
    start = glob.removesuffix("*")
    if not set(start) & set("*?["):
        return _all(start.encode(), more=start != glob).sub(b"", fields)
    matches = re.compile(translate(glob.lower()).encode()).match
    gone = {name for name in set(_NAMES.findall(fields.lower())) if matches(name)}
    if not gone:
        return fields
    if len(gone) <= _FEW:
        return _all(*gone).sub(b"", fields)
    return _ANY.sub(lambda found: b"" if found[1].lower() in gone else found[0], fields)


def _readdressed(fields: bytes, change: ReplaceAuthor | ReplaceMailbox | AddMailbox | RemoveMailbox) -> bytes:
    about = _FROM if isinstance(change, ReplaceAuthor) else _TO_CC
    if is_too_much([found[2] for found in about.finditer(fields)]):
        return fields
    match change:
        case ReplaceAuthor(new):
            return _with_author(fields, new)
        case ReplaceMailbox(old, new):
            return _TO_CC.sub(lambda found: _rewritten(found, with_replaced(_value(found), old, new)), fields)
        case RemoveMailbox(old):
            return _TO_CC.sub(lambda found: _rewritten(found, without(_value(found), old)), fields)
        case AddMailbox(new):
            first = _TO.search(fields)
            if first is None:
                return fields + b"\nTo: " + new.encode() + b"\r"
            line = _rewritten(first, with_added(_value(first), new))
            return fields[: first.start()] + line + fields[first.end() :]


def _with_author(fields: bytes, new: str) -> bytes:
    for found in _FROM.finditer(fields):
        if has_mailbox(_value(found)):
            line = _rewritten(found, with_author(_value(found), new))
            return fields[: found.start()] + line + fields[found.end() :]
    return _set(fields, "From", b"\nFrom: " + new.encode() + b"\r")


def _value(found: re.Match[bytes]) -> bytes:
    return found[2].partition(b":")[2].removesuffix(b"\r")


def _rewritten(found: re.Match[bytes], value: bytes) -> bytes:
    """The field with another value; nothing where the new one is empty, the same where it is the same."""
    if value == _value(found):
        return found[0]
    if not value.strip():
        return b""
    before, colon, _ = found[2].partition(b":")
    end = b"\r" if found[2].endswith(b"\r") else b""
    return b"\n" + found[1] + before + colon + value + end


_FROM: Final = _all(b"from")
_TO: Final = _all(b"to")
_TO_CC: Final = _all(b"to", b"cc")
# So many names in one pattern, tried one after the other at each field, are faster than a call per field.
_FEW: Final = 20
_ANY: Final = re.compile(rb"\n([!-9;-~]+)" + _VALUE)


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
