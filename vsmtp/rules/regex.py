"""Administrators' regular expressions, in linear time: the one module that imports RE2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import re2  # type: ignore[import-untyped]  # the package has no stubs

_MEMORY: Final = 64 << 20


class RegexError(ValueError):
    """The text is no pattern that RE2 knows; the reason is its own."""


class Pattern:
    """One pattern; raises RegexError with RE2's reason when it is none."""

    __slots__ = ("_compiled", "groups")

    def __init__(self, pattern: str) -> None:
        try:
            self._compiled: Any = re2.compile(pattern, _options())
        except re2.error as error:
            reason = error.args[0] if error.args else ""
            text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise RegexError(text) from None
        self.groups: Final[tuple[str, ...]] = tuple(self._compiled.groupindex)

    def finds(self, text: str) -> bool:
        """Whether it occurs anywhere in the text."""
        return self._compiled.search(_sendable(text)) is not None

    def capture(self, text: str) -> dict[str, str]:
        """What the named groups of the first occurrence hold; groups that took no part are left out."""
        match = self._compiled.search(_sendable(text))
        if match is None:
            return {}
        return {name: value for name, value in match.groupdict().items() if value is not None}


class PatternSet:
    """Many patterns tried in one pass over the text.

    RE2 answers "none" when a set's automaton outgrows its memory, and its binding cannot tell that from the
    truth. So the empty pattern, which occurs in every text, is the first of the set: where even that one is
    missing from the answer, each pattern is tried by itself.
    """

    __slots__ = ("_patterns", "_set", "_single")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        self._single: list[Pattern] | None = None
        self._set: Any = re2.Set.SearchSet(_options())
        for pattern in ("", *patterns):
            self._set.Add(pattern)
        self._set.Compile()

    def found(self, text: str) -> list[int]:
        """The indices of the patterns that occur in the text, in no order."""
        numbers: list[int] = self._set.Match(_sendable(text))
        if not numbers:
            return self._one_by_one(text)
        return [number - 1 for number in numbers if number]

    def _one_by_one(self, text: str) -> list[int]:
        if self._single is None:
            self._single = [Pattern(pattern) for pattern in self._patterns]
        return [n for n, pattern in enumerate(self._single) if pattern.finds(text)]


def escape(text: str) -> str:
    """A pattern for the text as such."""
    escaped: str = re2.escape(text)
    return escaped


def _sendable(text: str) -> str:
    # RE2 works on UTF-8, which lone surrogates (octets that were no text) are not part of.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = _MEMORY
    return options
