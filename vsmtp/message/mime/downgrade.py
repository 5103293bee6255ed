"""A message for a server that takes only 7-bit octets: its parts in quoted-printable (RFC 6152, RFC 2045).

What cannot be converted is told instead: what is signed as it stands, headers, which have no encoding, and
whatever is so malformed that its readers would not agree on where its parts are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final, NamedTuple

from vsmtp.message import fields
from vsmtp.message.edits import Edit, SetField, edit
from vsmtp.message.fields import Header, scan
from vsmtp.message.mime.budget import LIMITS, Budget, Limits
from vsmtp.message.mime.entity import describe, read_head
from vsmtp.message.mime.structure import Octets, Part, Place, walk
from vsmtp.message.mime.transfer import quoted_printable

# A leaf is converted in stretches of about so many octets.
STRETCH: Final = 64 * 2**10

_SEALED: Final = frozenset({"multipart/signed", "multipart/encrypted"})
_LOOSE: Final = re.compile(r"8bit|binary", re.IGNORECASE)
_ENCODING: Final = "Content-Transfer-Encoding"
_ALL: Final = fields.Limits(fields=2**31, size=2**31)


class Cut(NamedTuple):
    """Octets `start` to `end`, in place of which `head` goes; None: they go in quoted-printable."""

    start: int
    end: int
    head: bytes | None


@dataclass(frozen=True, slots=True)
class Form:
    """What a message asks of who carries it.

    `eight_bit`: there are octets beyond US-ASCII; `utf8_header`: some of them in a header, of a part too.
    `cuts` make it 7-bit, in order; unless `obstacle` says why nothing can.
    """

    eight_bit: bool = False
    utf8_header: bool = False
    cuts: tuple[Cut, ...] = ()
    obstacle: str = ""


SEVEN_BIT: Final = Form()


def examine(octets: Octets, head: bytes, limits: Limits = LIMITS) -> Form:
    """Look through a message that begins with the header block `head`; linear, never raises of itself."""
    if _is_ascii(octets, 0, len(octets)):
        return SEVEN_BIT
    budget = Budget(limits)
    top = read_head(head, range(len(head)), lambda _: False, budget)
    message = Place(describe(top.values, "text/plain", budget), top.text_start, top.body_start)
    structure = walk(message, octets, budget)
    # A message that was sent encoded is walked too, but it stands here as the leaf it was sent as.
    parts = [part for part in structure.parts if part.octets is octets]
    utf8_header = any(not _is_ascii(octets, part.head_start, part.text_start) for part in parts)
    obstacle = "malformed MIME" if budget.over or structure.defects else _obstacle(octets, parts)
    if utf8_header:
        obstacle = "a header beyond US-ASCII"
    cuts = () if obstacle else tuple(_cuts(octets, parts))
    return Form(eight_bit=True, utf8_header=utf8_header, cuts=cuts, obstacle=obstacle)


def seven_bit(octets: Octets, cuts: Iterable[Cut]) -> Iterator[bytes]:
    """The message with its cuts made, piece by piece."""
    at = 0
    for cut in cuts:
        yield from _as_is(octets, at, cut.start)
        if cut.head is None:
            yield from _quoted(octets, cut.start, cut.end)
        else:
            yield cut.head
        at = cut.end
    yield from _as_is(octets, at, len(octets))


def _is_ascii(octets: Octets, start: int, end: int) -> bool:
    return all(piece.isascii() for piece in _as_is(octets, start, end))


def _as_is(octets: Octets, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, STRETCH):
        yield octets[at : min(at + STRETCH, end)]


def _quoted(octets: Octets, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        line_end = octets.find(b"\r\n", min(start + STRETCH, end))
        stop = end if line_end < 0 else min(line_end + 2, end)
        yield quoted_printable(octets[start:stop])
        start = stop


def _obstacle(octets: Octets, parts: Sequence[Part]) -> str:
    """Why the message cannot be converted, or nothing; its headers are US-ASCII."""
    if any(_SEALED.intersection(part.entity.types) for part in parts):
        return "it is signed or encrypted as it stands"
    leaves = [part for part in parts if not part.is_container]
    ends = [0, *chain.from_iterable((part.start, part.end) for part in leaves), len(octets)]
    between = list(pairwise(ends))[::2]
    if not all(_is_ascii(octets, start, end) for start, end in between):
        return "octets beyond US-ASCII between its parts"
    if any(_is_fixed(part) and not _is_ascii(octets, part.start, part.end) for part in leaves):
        return "a part that may not be encoded again"
    return ""


def _is_fixed(leaf: Part) -> bool:
    # RFC 2046 5.2: of messages in parts and their reports only the internationalised ones may be encoded.
    return leaf.entity.is_encoded or any(
        name.startswith("message/") and not name.startswith("message/global") for name in leaf.entity.types
    )


def _cuts(octets: Octets, parts: Sequence[Part]) -> Iterator[Cut]:
    tops = {0, *(part.start for part in parts if part.is_container and part.entity.is_message)}
    for part in parts:
        is_converted = not part.is_container and not _is_ascii(octets, part.start, part.end)
        head = octets[part.head_start : part.start]
        header = scan(head, _ALL)
        assert isinstance(header, Header)  # the budget has allowed it
        if is_converted:
            edits = _needed(header, is_top=part.head_start in tops)
            yield Cut(part.head_start, part.start, _with(head, edits))
            yield Cut(part.start, part.end, None)
        elif any(map(_LOOSE.search, header.unfolded(_ENCODING))):
            yield Cut(part.head_start, part.start, _with(head, [SetField(_ENCODING, "7bit")]))


def _needed(header: Header, *, is_top: bool) -> list[Edit]:
    """What the header of a leaf says once its content is in quoted-printable; `is_top`: it is a message's."""
    edits: list[Edit] = []
    if is_top:
        # RFC 2045 4: without it nobody need undo the encoding. RFC 1428: of text that never told its charset.
        if not header.count("MIME-Version"):
            edits.append(SetField("MIME-Version", "1.0"))
        if not header.count("Content-Type"):
            edits.append(SetField("Content-Type", "text/plain; charset=unknown-8bit"))
    return [*edits, SetField(_ENCODING, "quoted-printable")]


def _with(head: bytes, edits: Sequence[Edit]) -> bytes:
    changed = edit(head, edits)
    return changed if head == b"\r\n" or head.endswith(b"\r\n\r\n") else changed + b"\r\n"
