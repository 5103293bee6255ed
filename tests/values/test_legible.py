from __future__ import annotations

import pytest

from vsmtp.values.legible import legible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a plain line, grüße", "a plain line, grüße"),
        ("\x1b[2Jgone", "\N{REPLACEMENT CHARACTER}[2Jgone"),
        ("a\tb\nc", "a\tb\N{REPLACEMENT CHARACTER}c"),
        ("\u202eright to left", "\N{REPLACEMENT CHARACTER}right to left"),
    ],
)
def test_what_is_not_printable_is_replaced(text: str, shown: str) -> None:
    assert legible(text, besides="\t") == shown


def test_nothing_replaced_is_the_text_itself() -> None:
    text = "as it came"
    assert legible(text, instead="?") is text
