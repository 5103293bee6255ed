"""What a message consists of, as rules ask about it: attachments, types, text.

An attachment is a part that clients would offer as a file: it says so, it has a file name, or it is neither
text nor a container. A message in a message is an attachment, and what is in it is looked at as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from vsmtp.message.charsets import decode, guess, is_charset
from vsmtp.message.mime.budget import LIMITS, Budget, Limits, Scope
from vsmtp.message.mime.entity import MESSAGES, Entity, Head, describe, read_head
from vsmtp.message.mime.structure import Octets, Part, Place, walk
from vsmtp.message.mime.transfer import undo
from vsmtp.values.answer import OverLimit

T = TypeVar("T")

# Octets in which one octet of text is encoded at most: `=41`.
_WIDEST: Final = 3


@dataclass(frozen=True, slots=True)
class Survey:
    """The answers; each is OverLimit where a limit of ours was in the way.

    `attachments`: how many. `names`: the decoded file names of attachments, all readings of broken ones, in
    order. `attachment_types` and `types` (of all parts and containers): media types in lower case, each once.
    `text`: of all parts that clients show as text, HTML as it stands, decoded, lines ending in LF, parts
    parted by LF. `defects`: stable words, each once.
    """

    attachments: int | OverLimit
    names: tuple[str, ...] | OverLimit
    attachment_types: tuple[str, ...] | OverLimit
    types: tuple[str, ...] | OverLimit
    text: str | OverLimit
    defects: tuple[str, ...]


def read_top(head: bytes) -> Head:
    """Read the header block of a message, as `survey` wants it, of too many lines the first."""
    return read_head(head, range(len(head)), lambda _: False, Budget(LIMITS))


def survey(head: Head, content: Octets, limits: Limits = LIMITS) -> Survey:
    """Look through a message; never raises, and takes time linear in its size.

    `content` is the message from `head.text_start` on: encoded as it came.
    """
    budget = Budget(limits)
    message = Place(describe(head.values, "text/plain", budget), 0, head.body_start - head.text_start)
    structure = walk(message, content, budget)
    attached = [part for part in structure.parts if _is_attachment(part)]
    text = _text(structure.parts, budget)
    defects = (*structure.defects, "mime-over-limit") if budget.over else tuple(structure.defects)
    return Survey(
        _unless_over(len(attached), budget),
        _unless_over(tuple(name for part in attached for name in part.entity.names), budget, "names"),
        _unless_over(_types(attached), budget),
        _unless_over(_types(structure.parts), budget),
        _unless_over(text, budget, "text"),
        defects,
    )


def _unless_over(answer: T, budget: Budget, scope: Scope = "structure") -> T | OverLimit:
    return budget.over.get("structure") or budget.over.get(scope) or answer


def _types(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part.entity.types))


def _is_attachment(part: Part) -> bool:
    entity = part.entity
    if part.is_container:
        return entity.is_message
    return entity.is_attached or bool(entity.names) or not all(map(_is_shown, entity.types))


def _is_shown(name: str) -> bool:
    return name.startswith(("text/", "multipart/"))


def _text(parts: Sequence[Part], budget: Budget) -> str:
    texts: list[str] = []
    for part in parts:
        if budget.over.keys() & {"structure", "text"}:
            break
        if not part.is_container and _has_text(part.entity):
            texts += _texts(part, budget)
    return "\n".join(text.replace("\r\n", "\n") for text in texts if text)


def _has_text(entity: Entity) -> bool:
    if entity.is_attached or MESSAGES.intersection(entity.types):
        return False
    return any(map(_is_shown, entity.types))


def _texts(part: Part, budget: Budget) -> Iterator[str]:
    """The text of one part, once for each way in which it may have been encoded."""
    for encoding in part.entity.encodings:
        start = part.start if encoding == "base64" else part.text_start
        if not budget.allows("text", (part.end - start) // (1 if encoding == "identity" else _WIDEST)):
            return
        octets = undo(part.octets[start : part.end], encoding)
        if not budget.spend("text", len(octets)):
            return
        yield _decoded(octets, part.entity.charset)


def _decoded(octets: bytes, charset: str) -> str:
    # Text that says it is US-ASCII, or says nothing, and is not, is shown by clients as best they can.
    if not is_charset(charset) or charset.lower() in {"us-ascii", "ascii"}:
        return guess(octets)
    return decode(octets, charset)
