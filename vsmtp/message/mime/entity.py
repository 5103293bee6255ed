"""What the header of a message or of a part says about its content (RFC 2045, RFC 2183)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from vsmtp.message.charsets import guess
from vsmtp.message.mime.budget import Budget
from vsmtp.message.mime.parameters import Parsed, parse
from vsmtp.message.mime.transfer import ENCODINGS, Encoding

# The values of the Content- fields below, unfolded.
ContentFields: TypeAlias = Mapping[bytes, Sequence[str]]

_FIELDS: Final = (b"content-type", b"content-disposition", b"content-transfer-encoding")
_TYPE: Final = re.compile(r"[^/]+/[^/]+")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_LINES: Final = re.compile(
    rb"(?P<name>[!-9;-~]++)[ \t]*+:(?P<value>[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*+)"
    rb"|(?P<blank>\r?\n)|[^\n]+(?:\n|\Z)"
)
_NO_VALUES: Final[ContentFields] = {}


class Head(NamedTuple):
    """Where a header ends: with its first malformed line for some readers, with its blank line for others.

    Offsets, equal if all is well, else `text_start` is the smaller. `values` has the Content- fields.
    """

    values: ContentFields
    text_start: int
    body_start: int
    is_malformed: bool


@dataclass(frozen=True, slots=True)
class Entity:
    """A part as its header tells: of each thing all that is told, for readers choose differently.

    `types`: media types, never empty; `names`: file names; `boundaries`: of a multipart; `encodings`: how the
    content may have been encoded, never empty; `charset`: empty if none is named; `is_attached`: it says that
    it is an attachment.
    """

    types: tuple[str, ...]
    names: tuple[str, ...]
    boundaries: tuple[bytes, ...]
    encodings: tuple[Encoding, ...]
    charset: str
    is_attached: bool
    defects: tuple[str, ...]

    @property
    def is_multipart(self) -> bool:
        """Whether it says that it consists of parts."""
        return any(name.startswith("multipart/") for name in self.types)

    @property
    def is_message(self) -> bool:
        """Whether its content is a message with a header of its own."""
        return any(name in MESSAGES for name in self.types)

    @property
    def is_encoded(self) -> bool:
        """Whether its content could be in base64 or quoted-printable."""
        return self.encodings != ("identity",)


MESSAGES: Final = frozenset({"message/rfc822", "message/global", "message/news"})


def read_head(octets: bytes, where: range, is_delimiter: Callable[[bytes], bool], budget: Budget) -> Head:
    """Read a header from the start of `where`, up to a blank line or a line that parts MIME parts.

    Lines that are no fields are passed over, as some mail clients do, if a blank line follows.
    """
    values: dict[bytes, list[str]] = {}
    malformed = -1
    at = where.start
    while at < where.stop and budget.spend("fields"):
        if octets.startswith(b"--", at) and is_delimiter(octets[at + 2 : at + 1002]):
            break
        match = _LINES.match(octets, at, where.stop)
        assert match is not None
        if match["blank"] is not None:
            start = match.end() if malformed < 0 else malformed
            return Head(values, start, match.end(), malformed >= 0)
        if match["name"] is None:
            malformed = at if malformed < 0 else malformed
        elif (name := match["name"].lower()) in _FIELDS:
            values.setdefault(name, []).append(guess(_FOLD.sub(b"", match["value"])).strip())
        at = match.end()
    # No blank line: what begins with a malformed line is the body for everybody.
    end = at if malformed < 0 else malformed
    return Head(values, end, end, malformed >= 0)


def describe(values: ContentFields, default: str, budget: Budget) -> Entity:
    """What the Content- fields say; `default` is the type of a part that has none."""
    if not values:
        return _PLAIN if default == "text/plain" else Entity((default,), (), (), ("identity",), "", False, ())
    if not budget.spend("values", sum(map(len, chain.from_iterable(values.values())))):
        values = _NO_VALUES
    content = [parse(value, budget) for value in values.get(b"content-type", ())]
    disposition = [parse(value, budget) for value in values.get(b"content-disposition", ())]
    told = [_transfer_encoding(value) for value in values.get(b"content-transfer-encoding", ())]
    types = tuple(dict.fromkeys(_type(one.main) for one in content)) or (default,)
    encodings = tuple(dict.fromkeys(ENCODINGS.get(name, "identity") for name in told)) or ("identity",)
    entity = Entity(
        types,
        _names([*disposition, *content]),
        _boundaries(content, budget),
        encodings,
        next((text for one in content for text in one.readings("charset")), ""),
        any(one.main == "attachment" for one in disposition),
        tuple(dict.fromkeys(_defects(content, disposition, told))),
    )
    if entity.is_multipart and "names" in budget.over:
        budget.give_up()
    return entity


_PLAIN: Final = Entity(("text/plain",), (), (), ("identity",), "", False, ())


def _type(main: str) -> str:
    return main if _TYPE.fullmatch(main) else "text/plain"  # RFC 2045 5.2


def _names(fields: Iterable[Parsed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(
        reading for field in fields for name in ("filename", "name") for reading in field.readings(name)
    ))  # fmt: skip


def _boundaries(content: Sequence[Parsed], budget: Budget) -> tuple[bytes, ...]:
    if not any(one.main.startswith("multipart/") for one in content):
        return ()
    found = dict.fromkeys(chain.from_iterable(map(_boundaries_of, content)))
    return tuple(boundary for boundary in found if budget.allows("boundary", len(boundary)))


def _boundaries_of(content: Parsed) -> Iterable[bytes]:
    # Not quoted, readers take it to the blank, to the semicolon, or without what looks like a comment.
    for parameter in content.parameters:
        if parameter.name == "boundary" and not parameter.is_quoted:
            text = parameter.readings[0]
            for reading in (text, _COMMENT.sub("", text), *text.split(None, 1)[:1]):
                yield reading.strip().encode("utf-8", "replace")
    for reading in _quoted_boundaries(content):
        yield reading.rstrip().encode("utf-8", "replace")


def _quoted_boundaries(content: Parsed) -> Iterable[str]:
    for parameter in content.parameters:
        if parameter.name == "boundary" and parameter.is_quoted:
            yield from parameter.readings
    if any(parameter.name.startswith("boundary*") for parameter in content.parameters):
        yield from content.readings("boundary")


def _transfer_encoding(value: str) -> str:
    return _COMMENT.sub("", value).strip(" \t;\"'").lower()


def _defects(
    content: Sequence[Parsed], disposition: Sequence[Parsed], encodings: Sequence[str]
) -> Iterable[str]:
    if len(content) > 1 or len(disposition) > 1 or len(encodings) > 1:
        yield "repeated-content-field"
    if any(not _TYPE.fullmatch(one.main) for one in content):
        yield "malformed-content-type"
    if any(name not in ENCODINGS for name in encodings):
        yield "unknown-encoding"
    encoded = any(ENCODINGS.get(name, "identity") != "identity" for name in encodings)
    if encoded and any(one.main.startswith("multipart/") or one.main in MESSAGES for one in content):
        yield "encoded-container"
    for one in (*content, *disposition):
        yield from one.defects
