"""One file of the tree: its octets become a document, or a diagnostic."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import tomli

from vsmtp.config.locate import MAX_DEPTH, Node, locate
from vsmtp.config.merge import Document, Origin, place_of
from vsmtp.values.diagnostic import Diagnostic, Place
from vsmtp.values.legible import legible

_LIMIT: Final = 2**63
_DIGITS: Final = re.compile(r"[0-9_]+")
_HUGE: Final = "a whole number needs more than 64 bits"


def read(path: Path) -> Document | Diagnostic:
    """Read a file as TOML 1.1; whatever is wrong with it is a diagnostic at its place."""
    name = legible(str(path))
    try:
        octets = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"`{name}` cannot be read: {reason}"
        return Diagnostic(
            "error", "unreadable-file", message, "let the service's user read it", Place(name, 1, 1)
        )
    try:
        return parse(name, octets.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return _not_utf8(name, octets, error.start)


def parse(name: str, text: str) -> Document | Diagnostic:
    """Read the text of the file `name`."""
    try:
        values = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        return _broken(name, text, error)
    except ValueError:
        return _too_long(name, text)
    except RecursionError:
        return _too_deep(name)
    places = locate(text)
    if places.deepest > MAX_DEPTH:
        return _too_deep(name)
    document = Document(name, values, places)
    for node in _huge(values, places.root):
        return Diagnostic("error", "syntax", _HUGE, "", place_of(Origin(document, node, None), at_key=False))
    return document


def _huge(value: Any, node: Node) -> Iterator[Node]:
    # TOML promises 64 bits; arithmetic on more could fail anywhere behind.
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _huge(below, node.children[name])
    elif isinstance(value, list):
        for n, below in enumerate(value):
            yield from _huge(below, node.children[n])
    elif isinstance(value, int) and not -_LIMIT <= value < _LIMIT:
        yield node


def _too_long(name: str, text: str) -> Diagnostic:
    # The interpreter refuses to read decimal numbers of thousands of digits, without saying where they stand.
    longest = max(_DIGITS.finditer(text), key=lambda match: len(match[0]))
    before = text[: longest.start()]
    column = len(before) - (before.rfind("\n") + 1) + 1
    source = text[longest.start() - column + 1 : longest.end()]
    place = Place(name, before.count("\n") + 1, column, len(longest[0]), source)
    return Diagnostic("error", "syntax", _HUGE, "", place)


def _too_deep(name: str) -> Diagnostic:
    message = f"tables and lists are nested deeper than {MAX_DEPTH} levels"
    return Diagnostic("error", "syntax", message, "", Place(name, 1, 1))


def _broken(name: str, text: str, error: tomli.TOMLDecodeError) -> Diagnostic:
    lines = text.replace("\r\n", "\n").split("\n")
    line = min(error.lineno, len(lines))
    reason = error.msg[:1].lower() + error.msg[1:]
    source = lines[line - 1]
    column = min(error.colno, len(source) + 1)
    return Diagnostic(
        "error", "syntax", f"this is not TOML: {reason}", "", Place(name, line, column, 1, source)
    )


def _not_utf8(name: str, octets: bytes, start: int) -> Diagnostic:
    before = octets[:start]
    line = before.count(b"\n") + 1
    first = before.rfind(b"\n") + 1
    end = octets.find(b"\n", start)
    source = octets[first : end if end >= 0 else None].decode("utf-8", "replace").rstrip("\r")
    column = len(octets[first:start].decode("utf-8")) + 1
    message = f"the octet 0x{octets[start]:02x} is not UTF-8"
    return Diagnostic(
        "error", "not-utf8", message, "save the file as UTF-8", Place(name, line, column, 1, source)
    )
