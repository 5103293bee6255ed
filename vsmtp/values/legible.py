"""Text from anywhere made fit to be shown: what gives orders to a terminal or breaks a line is replaced."""

from __future__ import annotations


def legible(text: str, besides: str = "", instead: str = "\N{REPLACEMENT CHARACTER}") -> str:
    """The text with `instead` for each character that is neither printable nor one of `besides`."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in besides else instead for letter in text)
