"""The addresses in From, To and Cc (RFC 5322 3.4 and 4.4), found by one bounded scan.

A scanner of our own, because the standard library's picks addresses out of display names and comments that no
mail client would show. Where commas are missing or brackets too many, every address that a reader could take
the field to mean is found. A quoted string or comment that is never closed reaches to the end of the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from vsmtp.message.fields import Header
from vsmtp.values.address import MAX_ADDRESS, Address
from vsmtp.values.answer import Unavailable

MAX_MAILBOXES: Final = 1_000
MAX_TOKENS: Final = 20_000

_TOKEN: Final = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*+"?)'
    r"|(?P<literal>\[[^\]]*\]?)"
    r"|(?P<special>[<>,:;.@()])"
    r"|(?P<atom>[^ \t\r\n\"\[<>,:;.@()]+)",
    re.DOTALL,
)
# What nearly every From is: `a@b`, `Alice <a@b>` or `"Doe, Alice" <a@b>`, which take no scanner to read.
_USUAL: Final = re.compile(
    r"""(?:(?:"[^"\\]*+"[ \t]*+|[^"\[<>,:;@()]*+)<(?P<named>[!#-'*+\--9=?A-Z^-~]++@[A-Za-z0-9.-]++)>"""
    r"""|(?P<bare>[!#-'*+\--9=?A-Z^-~]++@[A-Za-z0-9.-]++))[ \t]*+"""
)
_USUAL_LENGTH: Final = 512
_COMMENT_PART: Final = re.compile(r"(?:[^()\\]|\\.|\\\Z)++|[()]", re.DOTALL)


class Place(NamedTuple):
    """An address, and its first and last offset in the field's value."""

    address: Address
    start: int
    end: int


class Item(NamedTuple):
    """What stands between two separators of the list, and the separator behind it: `,`, `;`, `:` or none."""

    start: int
    end: int
    separator: str


class Survey(NamedTuple):
    """The addresses of a field's value, and the items of its list; each address stands in one of them."""

    found: tuple[Place, ...]
    items: tuple[Item, ...]


def addresses(header: Header, name: str) -> tuple[Address, ...] | Unavailable:
    """Find the addresses in all fields called `name`, in order; Unavailable over a limit."""
    found: list[Address] = []
    for value in header.unfolded(name):
        match mailboxes(value):
            case Unavailable() as trouble:
                return trouble
            case some:
                found += some
    return tuple(found) if len(found) <= MAX_MAILBOXES else _too_many()


def mailboxes(value: str) -> tuple[Address, ...] | Unavailable:
    """Find the addresses of one unfolded, undecoded field value.

    Comments, display names, group names and obsolete routes are passed over; what is no address is left out.
    Linear; Unavailable past 1,000 addresses or 20,000 tokens. Never raises.
    """
    usual = _usual(value)
    if usual is not None:
        return (usual,)
    places = survey(value)
    return places if isinstance(places, Unavailable) else tuple(place.address for place in places.found)


def _usual(value: str) -> Address | None:
    """The address of a field with one, as usually written; None for what the scanner has to read."""
    match = _USUAL.fullmatch(value) if len(value) <= _USUAL_LENGTH else None
    if match is None:
        return None
    try:
        return Address.parse(match["named"] or match["bare"])
    except ValueError:
        return None


def survey(value: str) -> Survey | Unavailable:
    """Find the addresses of one field value, folded or not, and where each stands; else like `mailboxes`."""
    reading = _Reading()
    at = tokens = 0
    while at < len(value):
        tokens += 1
        if tokens > MAX_TOKENS or len(reading.found) > MAX_MAILBOXES:
            return _too_many()
        token = _TOKEN.match(value, at)
        assert token is not None  # every character begins one of the alternatives
        start, at = at, token.end()
        if token[0] == "(":
            at, parts = _after_comment(value, at)
            tokens += parts
        elif token.lastgroup != "blank":
            reading.read(token[0], start, is_word=token.lastgroup != "special")
    reading.end(at)
    return (
        Survey(tuple(reading.found), tuple(reading.items))
        if len(reading.found) <= MAX_MAILBOXES
        else _too_many()
    )


def _too_many() -> Unavailable:
    return Unavailable(f"more than {MAX_MAILBOXES} addresses or {MAX_TOKENS} tokens in an address field")


def _after_comment(value: str, at: int) -> tuple[int, int]:
    # Nested to any depth, without recursion; one that is never closed reaches to the end of the field.
    depth, parts = 1, 0
    while depth and at < len(value) and parts <= MAX_TOKENS:
        part = _COMMENT_PART.match(value, at)
        assert part is not None
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        at = part.end()
        parts += 1
    return at, parts


@dataclass(slots=True)
class _Reading:
    """One mailbox at a time: its words so far, and the addresses that may yet turn out a display name."""

    found: list[Place] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    _candidates: list[Place] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _start: int = 0
    _end: int = 0
    _item: int = 0
    _in_angle: bool = False

    def read(self, text: str, at: int, *, is_word: bool) -> None:
        if is_word:
            self._word(text, at)
        elif text in ".@":
            self._part(text, at)
        elif text in ",;>":
            self.end_mailbox()
        elif text in "<:":  # all before was a display name, a group's name or a route
            self._candidates = []
            self._parts = []
        if text in "<>":
            self._in_angle = text == "<"
        elif text in ",;:" and not self._in_angle:
            self._end_item(at, text)

    def end_mailbox(self) -> None:
        self._end_address()
        self.found += self._candidates
        self._candidates = []

    def end(self, at: int) -> None:
        self.end_mailbox()
        self._end_item(at, "")

    def _end_item(self, at: int, separator: str) -> None:
        self.items.append(Item(self._item, at, separator))
        self._item = at + 1

    def _part(self, text: str, at: int) -> None:
        if not self._parts:
            self._start = at
        self._parts.append(text)
        self._end = at + len(text)

    def _word(self, text: str, at: int) -> None:
        # Two words side by side are not one address: `John Doe a@b` is `a@b`.
        if self._parts and self._parts[-1] not in {".", "@"}:
            self._end_address()
        self._part(text, at)

    def _end_address(self) -> None:
        text = "".join(self._parts)
        self._parts = []
        if "@" not in text or len(text) > 2 * MAX_ADDRESS:
            return
        try:
            address = Address.parse(text.replace("\r\n", "") if "\n" in text else text)
        except ValueError:
            return
        self._candidates.append(Place(address, self._start, self._end))
