"""A fault in the configuration: first by the path of its key, then with its place in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault named by where it stands in the settings, not yet in a file.

    `path` is `("rules", "rcpt", 3, "when", "spf.reslt")`-like: table keys and array indices, dotted keys
    taken apart. `at` says whether the caret belongs under the key or its value. `code` is a stable word
    (`unknown-key`). `message` is lower case, one line, no full stop; `help` is the remedy, or empty.
    """

    path: KeyPath
    code: str
    message: str
    help: str = ""
    at: Literal["key", "value"] = "value"
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Place:
    """A span in a source file: `line` and `column` count from 1, in characters; `length` is at least 1."""

    file: str
    line: int
    column: int
    length: int = 1
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A fault with its place, ready to be printed; `place` is None where no file is at fault."""

    severity: Severity
    code: str
    message: str
    help: str
    place: Place | None
