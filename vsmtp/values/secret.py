"""A secret's text, which never prints itself."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """Text that must not reach a log, a reply or a traceback: its `repr` and `str` are `***`."""

    text: str = field(repr=False)

    def __repr__(self) -> str:
        """`***`."""
        return "***"

    __str__ = __repr__
