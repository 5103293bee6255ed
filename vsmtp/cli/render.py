"""Diagnostics as text for people and as JSON for programs (`style.md`, "Diagnostics")."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias
from unicodedata import combining, east_asian_width

from vsmtp.values.diagnostic import Diagnostic, Place
from vsmtp.values.legible import legible

Format: TypeAlias = Literal["text", "json"]

# A line longer than this is shown only around the fault.
_WIDTH: Final = 160
_BEFORE: Final = 60


def render(diagnostics: Sequence[Diagnostic], form: Format) -> str:
    """The whole report, ended by a line end: every diagnostic in the order given, and how many there were."""
    if form == "json":
        return json.dumps(_report(diagnostics), ensure_ascii=False, indent=2) + "\n"
    return "".join(f"{as_text(diagnostic)}\n" for diagnostic in diagnostics) + summary(diagnostics) + "\n"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`, or `sound`."""
    counts = [(_count(diagnostics, severity), severity) for severity in ("error", "warning")]
    said = [f"{count} {severity}{'s' if count > 1 else ''}" for count, severity in counts if count]
    return ", ".join(said) or "sound"


def as_text(diagnostic: Diagnostic) -> str:
    """One diagnostic: place and message, the source line with a caret, help; no line end after the last."""
    head = f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}"
    lines = [head]
    if diagnostic.place is not None:
        place = diagnostic.place
        lines = [f"{printable(place.file)}:{place.line}:{place.column}: {head}"]
        if place.source:
            lines += _excerpt(place)
    if diagnostic.help:
        lines.append(f"help: {printable(diagnostic.help)}")
    return "\n".join(lines)


def _excerpt(place: Place) -> list[str]:
    source, start = place.source, place.column - 1
    end = max(start + 1, min(start + place.length, len(source)))
    cut = 0
    if len(source) > _WIDTH:
        cut = max(0, start - _BEFORE)
        source = source[cut : cut + _WIDTH]
        start, end = start - cut, min(end - cut, _WIDTH)
    marked = _columns(source[start:end]) + max(0, end - len(source))
    indent = "".join("\t" if letter == "\t" else " " * _columns(letter) for letter in source[:start])
    return [f"{place.line:>5} | {printable(source)}", f"      | {indent}{'^' * max(1, marked)}"]


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    wide = sum(1 for letter in text if east_asian_width(letter) in "WF")
    return len(text) + wide - sum(1 for letter in text if combining(letter))


def printable(text: str) -> str:
    """The text without what could give orders to a terminal: a tree or a client's mail may hold anything."""
    return legible(text, besides="\t")


def _report(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    return {
        "diagnostics": [_as_object(diagnostic) for diagnostic in diagnostics],
        "errors": _count(diagnostics, "error"),
        "warnings": _count(diagnostics, "warning"),
    }


def _as_object(diagnostic: Diagnostic) -> dict[str, Any]:
    place = diagnostic.place
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "length": place.length if place else None,
        "doc": f"docs/diagnostics/{diagnostic.code}.md",
    }


def _count(diagnostics: Sequence[Diagnostic], severity: str) -> int:
    return sum(1 for diagnostic in diagnostics if diagnostic.severity == severity)
