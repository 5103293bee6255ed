"""What stands behind an effect's key, and what reading it takes: None is said of what cannot be used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vsmtp.message.fields import MAX_NAME, is_field_name
from vsmtp.rules.effects import Assigned
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.rules.template import Template
from vsmtp.values.address import Address
from vsmtp.values.diagnostic import KeyPath
from vsmtp.values.units import parse_duration

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Given:
    """A value of TOML at its path; `groups` are those of the rule's `matches`."""

    reading: Reading
    raw: object
    path: KeyPath
    groups: frozenset[str]

    @property
    def key(self) -> str:
        """The key it stands behind."""
        return str(self.path[-1])

    def inner(self, key: str | int, raw: object) -> Given:
        """A part of it."""
        return Given(self.reading, raw, (*self.path, key), self.groups)

    def wrong(self, code: str, message: str, remedy: str = "") -> None:
        """Record what is wrong with the value."""
        self.reading.fault(self.path, code, message, remedy)

    def fields(self, needed: Sequence[str], more: Sequence[str] = ()) -> dict[str, Given] | None:
        """The parts of a table that has all `needed` keys, perhaps some of `more`, and no other."""
        if not isinstance(self.raw, Mapping):
            shape = ", ".join(f'{key} = "..."' for key in needed)
            self.wrong("wrong-type", f"`{self.key}` is a table: `{{ {shape} }}`")
            return None
        known = (*needed, *more)
        for key in self.raw:
            if key not in known:
                remedy = did_you_mean(key, known)
                self.reading.key_fault((*self.path, key), "unknown-key", f"unknown key `{key}`", remedy)
        missing = [key for key in needed if key not in self.raw]
        if missing:
            self.reading.key_fault(self.path, "missing-key", f"`{self.key}` needs `{missing[0]}`")
            return None
        return {key: self.inner(key, raw) for key, raw in self.raw.items() if key in known}

    def text(self) -> Template:
        """A text with facts in it; an empty one where it is none."""
        return self.reading.template(self.raw, self.path, self.groups)

    def assigned(self) -> Assigned:
        """A number, `true`, `false`, or a text with facts in it."""
        return self.raw if isinstance(self.raw, bool | int | float) else self.text()

    def address(self) -> Template:
        """A mail address with facts in it, checked where it has none."""
        template = self.text()
        if template.constant:
            try:
                Address.parse(template.constant)
            except ValueError as error:
                self.wrong("bad-address", f"`{template.constant}` is not a mail address: {error}")
        elif template.constant == "" and isinstance(self.raw, str):
            self.wrong("bad-address", "a mail address is wanted here")
        return template

    def word(self, what: str) -> str | None:
        """A name that an administrator chose."""
        if isinstance(self.raw, str) and _WORD.fullmatch(self.raw):
            return self.raw
        self.wrong("wrong-type", f"{what} is made of letters, digits, `_` and `-`")
        return None

    def field_name(self) -> str | None:
        """The name of a header field, or a glob for such names: what a glob adds is printable too."""
        if isinstance(self.raw, str) and is_field_name(self.raw):
            return self.raw
        what = "a header field's name is printable ASCII without spaces and colons"
        self.wrong("wrong-type", f"{what}, at most {MAX_NAME} characters")
        return None

    def choice(self, words: Sequence[str], what: str) -> str | None:
        """One of these words."""
        if isinstance(self.raw, str) and self.raw in words:
            return self.raw
        listed = ", ".join(f"`{word}`" for word in words)
        self.wrong("wrong-type", f"{what} is one of {listed}", did_you_mean(str(self.raw), words))
        return None

    def flag(self) -> bool:
        """`true` or `false`."""
        if not isinstance(self.raw, bool):
            self.wrong("wrong-type", f"`{self.key}` is `true` or `false`")
        return self.raw is True

    def number(self) -> int | float | None:
        """A number."""
        if isinstance(self.raw, int | float) and not isinstance(self.raw, bool):
            return self.raw
        self.wrong("wrong-type", f"`{self.key}` is a number")
        return None

    def whole(self, low: int, high: int) -> int | None:
        """A whole number between these two."""
        if isinstance(self.raw, int) and not isinstance(self.raw, bool) and low <= self.raw <= high:
            return self.raw
        self.wrong("out-of-range", f"`{self.key}` is a whole number from {low} to {high}")
        return None

    def duration(self) -> float | None:
        """A duration in seconds."""
        if not isinstance(self.raw, str):
            self.wrong("wrong-type", "a duration is a text like `30s` or `36d`")
            return None
        try:
            return parse_duration(self.raw)
        except (ValueError, OverflowError) as error:
            self.wrong("bad-duration", str(error))
            return None
