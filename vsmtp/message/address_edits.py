"""Changing one mailbox of an address field and nothing else in it: names, comments and folds stay.

Values are a field's octets behind the colon, without its line end. What is not UTF-8 goes through unharmed. A
field with more addresses than `mailboxes` looks at is left alone: no rule could see them either. So are many
fields that are too much together, `is_too_much`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from vsmtp.message.mailboxes import Item, Place, Survey, survey
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable

_NOTHING: Final = Survey((), ())


# Marks between which words stand, by which the work is measured; a mailbox with a name has some dozen.
_MARKS: Final = b'<>,:;.@()[]"\\ \t\r\n'
_MAX_MARKS: Final = 20_000
_MAX_FIELDS: Final = 1_000


def is_too_much(values: Sequence[bytes]) -> bool:
    """Whether changing these values together would take longer than others should have to wait."""
    together = b"".join(values)
    return (
        len(values) > _MAX_FIELDS or len(together) - len(together.translate(None, delete=_MARKS)) > _MAX_MARKS
    )


def has_mailbox(value: bytes) -> bool:
    """Whether there is an address in it."""
    return bool(_survey(_text(value)).found)


def with_author(value: bytes, new: str) -> bytes:
    """The first address is the new one."""
    text = _text(value)
    return _octets(_replaced(text, _survey(text).found[:1], new))


def with_replaced(value: bytes, old: str, new: str) -> bytes:
    """The old address, case ignored, is the new one wherever it stands."""
    text = _text(value)
    return _octets(_replaced(text, _of(_survey(text), old), new))


def with_added(value: bytes, new: str) -> bytes:
    """The new address stands at the end, unless it is there already."""
    text = _text(value)
    if any(_of(_survey(text), new)):
        return value
    kept = text.rstrip()
    return _octets(f"{kept},\r\n {new}" if kept else f" {new}") + value[len(_octets(kept)) :].strip(b" \t\n")


def without(value: bytes, old: str) -> bytes:
    """The mailboxes with that address, case ignored, are gone with their names and commas; maybe all is."""
    text = _text(value)
    seen = _survey(text)
    gone = _of(seen, old)
    if not gone:
        return value
    cuts = sorted(_cuts(seen, gone))
    return _octets("".join(_between(text, cuts)))


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _octets(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _survey(text: str) -> Survey:
    found = survey(text)
    return _NOTHING if isinstance(found, Unavailable) else found


def _of(seen: Survey, address: str) -> tuple[Place, ...]:
    key = Address.parse(address).key
    return tuple(place for place in seen.found if place.address.key == key)


def _replaced(text: str, places: Iterable[Place], new: str) -> str:
    written, at = [], 0
    for place in places:
        written += [text[at : place.start], new]
        at = place.end
    return "".join([*written, text[at:]])


def _cuts(seen: Survey, gone: tuple[Place, ...]) -> Iterator[tuple[int, int]]:
    """What to cut out: a mailbox with one of the commas beside it, the one that keeps the list in order."""
    dropped = {place.start for place in gone}
    kept_later = False
    places = list(seen.found)
    for number in range(len(seen.items) - 1, -1, -1):
        item = seen.items[number]
        if item.separator != ",":
            kept_later = False
        inside = _inside(places, item)
        leaving = [place for place in inside if place.start in dropped]
        if not leaving or len(leaving) < len(inside):
            # Where commas are missing, the address alone goes: whose the words around it are, nobody knows.
            yield from ((place.start, place.end) for place in leaving)
            kept_later = True
        elif kept_later:
            yield item.start, item.end + 1
        else:
            follows_comma = number and seen.items[number - 1].separator == ","
            yield item.start - bool(follows_comma), item.end


def _inside(places: list[Place], item: Item) -> list[Place]:
    """The places of the last item there is; they are taken out of the list."""
    inside = []
    while places and places[-1].start >= item.start:
        inside.append(places.pop())
    return inside


def _between(text: str, cuts: list[tuple[int, int]]) -> Iterator[str]:
    at = 0
    for start, end in cuts:
        yield text[at:start]
        at = max(at, end)
    yield text[at:]
