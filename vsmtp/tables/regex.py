"""Tables of patterns: the first that occurs in the key counts, and its named groups fill in the value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vsmtp.config.models.tables import Regex
from vsmtp.rules.regex import Pattern, PatternSet, RegexError
from vsmtp.tables.cells import ONE_COLUMN, ContentError
from vsmtp.tables.contract import MAX_KEY, VALUE, Lookup
from vsmtp.tables.files import read_lines
from vsmtp.tables.fixed import entry_rows
from vsmtp.values.answer import MISSING, Found

_SLOT: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A pattern as written, and the text beside it, with `{group}` where a group goes; None for none."""

    pattern: str
    value: str | None


class Patterns:
    """Values by pattern, case ignored."""

    __slots__ = ("_all", "_entries", "_patterns")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = tuple(entries)
        self._patterns = tuple(Pattern(_folded(entry.pattern)) for entry in entries)
        self._all = PatternSet([_folded(entry.pattern) for entry in entries])

    def look_up(self, key: str) -> Lookup:
        """The value of the first pattern that occurs in the key, at once."""
        found = self._all.found(key) if len(key) <= MAX_KEY else []
        if not found:
            return MISSING
        first = min(found)
        value = self._entries[first].value
        if value is None:
            return Found({})
        groups = self._patterns[first].capture(key)
        return Found({VALUE: _SLOT.sub(lambda slot: _fill(slot, groups), value)})

    async def find(self, key: str) -> Lookup:
        """The value of the first pattern that occurs in the key."""
        return self.look_up(key)

    def close(self) -> None:
        """Nothing is held."""


def regex_entries(settings: Regex) -> tuple[Entry, ...]:
    """The patterns in order; raises ContentError for one that is none, or a value with an unknown group."""
    return tuple(_checked(where, entry) for where, entry in _written(settings))


def _written(settings: Regex) -> Iterator[tuple[str, Entry]]:
    if settings.path is None:
        for key, row in entry_rows(settings.entries or (), ONE_COLUMN):
            yield f"the entry `{key}`", Entry(key, str(row[VALUE]) if VALUE in row else None)
        return
    for number, line in read_lines(settings.path):
        pattern, *value = line.split(maxsplit=1)
        yield f"line {number} of `{settings.path.name}`", Entry(pattern, value[0] if value else None)


def _checked(where: str, entry: Entry) -> Entry:
    try:
        groups = Pattern(_folded(entry.pattern)).groups
    except RegexError as error:
        raise ContentError(f"{where} is no pattern: {error}") from None
    for slot in _SLOT.finditer(entry.value or ""):
        if slot[1] is not None and slot[1] not in groups:
            raise ContentError(f"{where} names a group `{slot[1]}` that its pattern does not have")
    return entry


def _folded(pattern: str) -> str:
    return f"(?i:{pattern})"


def _fill(slot: re.Match[str], groups: Mapping[str, str]) -> str:
    return slot[0][0] if slot[1] is None else groups.get(slot[1], "")
