"""What formats share: the colours of what becomes of mail, and texts made safe for markup."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from vsmtp.inspect.drawing.picture import Tone
from vsmtp.values.legible import legible

# Behind the verdict, and of its letters and frame.
FILLS: Final[Mapping[Tone, str]] = {
    "good": "#dafbe1",
    "bad": "#ffebe9",
    "later": "#fff1d6",
    "away": "#fbefff",
    "on": "#ddf4ff",
    "none": "#ffffff",
}
LETTERS: Final[Mapping[Tone, str]] = {
    "good": "#116329",
    "bad": "#a40e26",
    "later": "#7d4e00",
    "away": "#6639ba",
    "on": "#0550ae",
    "none": "#57606a",
}


def marked_up(text: str) -> str:
    """Fit for XML and its kin, which have no place for control characters."""
    return escape(legible(text))
