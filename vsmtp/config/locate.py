"""Where each key and value of a TOML text stands.

tomli reads a document and gives values without places. This scanner reads the same text once more and
gives places without values. It expects text that tomli has accepted, so it judges nothing: it only has to
find where keys and values begin and end. Every token is matched once, by patterns that never go back, and
open brackets wait on a list instead of the call stack: time is linear in the text and depth is harmless.

The result is a tree of nodes in the shape of the parsed document, so that long dotted keys cost no more than
their length.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, TypeAlias

import tomli

from vsmtp.values.diagnostic import KeyPath

# Everything that walks a tree may recurse; no configuration needs more.
MAX_DEPTH: Final = 64

# No possessive groups: those of Python 3.11.2 go wrong around lookaheads. These loops are unambiguous anyway.
_GAP: Final = re.compile(r"(?:[ \t\n,]+|#[^\n]*)*")
_KEY_PART: Final = re.compile(r"""[ \t]*("[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\n]*'|[A-Za-z0-9_\-]+)[ \t]*""")
_SCALAR: Final = re.compile(
    r'"""[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*"""(?:"{0,2})'
    r"|'''[^']*(?:'(?!'')[^']*)*'''(?:'{0,2})"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\n]*'"
    r"|\d{4}-\d\d-\d\d(?:[ ]\d[^\s,\]}#]*|[^\s,\]}#]*)"
    r"|[^\s,\]}#]+"
)

Span: TypeAlias = tuple[int, int]


@dataclass(slots=True, eq=False)
class Node:
    """One key or list item: where it stands, and what is below it.

    `key` holds the spans of the parts of the key as written, shared by all nodes it names, and `part` says
    which of them is this node's; the key of a list item is empty. `value` is the span of the value, or None
    for a table that has no text of its own (headers, dotted keys, arrays of tables).
    """

    depth: int
    key: tuple[Span, ...] = ()
    part: int = 0
    value: Span | None = None
    children: dict[str | int, Node] = field(default_factory=dict)
    is_tables: bool = False

    def child(self, name: str | int, key: tuple[Span, ...] = (), part: int = 0) -> Node:
        """The node below this one, made when it is not there yet."""
        found = self.children.get(name)
        if found is None:
            found = self.children[name] = Node(self.depth + 1, key, part)
        return found

    def paths(self, above: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
        """This node and all below it with their paths, in the order of the text."""
        yield above, self
        for name, node in self.children.items():
            yield from node.paths((*above, name))


@dataclass(frozen=True, slots=True)
class Places:
    """The nodes of one text; `text` has LF line ends, as tomli sees them."""

    text: str
    root: Node
    deepest: int
    _starts: list[int]

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]


def locate(text: str) -> Places:
    """Find every key and value of a text that tomli accepts."""
    plain = text.replace("\r\n", "\n")
    scanner = _Scanner(plain)
    scanner.document()
    lengths = (len(line) + 1 for line in plain.split("\n")[:-1])
    return Places(plain, scanner.root, scanner.deepest, list(accumulate(lengths, initial=0)))


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.root = Node(0)
        self.deepest = 0

    def document(self) -> None:
        table, at = self.root, 0
        while True:
            at = self._skip(at)
            if at >= len(self.text):
                return
            if self.text[at] == "[":
                table, at = self._header(at)
            else:
                node, at = self._pair(table, at)
                at = self._value(node, at)

    def _skip(self, at: int) -> int:
        gap = _GAP.match(self.text, at)
        return gap.end() if gap else at

    def _header(self, at: int) -> tuple[Node, int]:
        brackets = 2 if self.text.startswith("[[", at) else 1
        names, spans, at = self._key(at + brackets)
        node = self.root
        for n, name in enumerate(names):
            last = n == len(names) - 1
            node = self._child(node, name, spans, n)
            if last and brackets == 1:
                node.key, node.part = spans, n  # a table that an earlier header only implied is named here
            if last and brackets == 2:  # noqa: PLR2004 the two brackets of an array of tables
                node.is_tables = True
                node = self._child(node, len(node.children), spans, n)
            elif node.is_tables:
                node = node.children[len(node.children) - 1]
        return node, at + brackets

    def _pair(self, table: Node, at: int) -> tuple[Node, int]:
        names, spans, at = self._key(at)
        node = table
        for n, name in enumerate(names):
            node = self._child(node, name, spans, n)
        return node, self._skip(at + 1)

    def _child(self, node: Node, name: str | int, key: tuple[Span, ...] = (), part: int = 0) -> Node:
        child = node.child(name, key, part)
        self.deepest = max(self.deepest, child.depth)
        return child

    def _key(self, at: int) -> tuple[list[str], tuple[Span, ...], int]:
        names: list[str] = []
        spans: list[Span] = []
        while True:
            part = _KEY_PART.match(self.text, at)
            assert part is not None, "tomli accepted the key"
            names.append(_name(part[1]))
            spans.append(part.span(1))
            at = part.end()
            if not self.text.startswith(".", at):
                return names, tuple(spans), at
            at += 1

    def _value(self, node: Node, at: int) -> int:
        # Open arrays and inline tables: node, start, closing bracket.
        waiting: list[tuple[Node, int, str]] = []
        while True:
            opener = self.text[at]
            if opener in "[{":
                waiting.append((node, at, "]" if opener == "[" else "}"))
                at += 1
            else:
                scalar = _SCALAR.match(self.text, at)
                assert scalar is not None, "tomli accepted the value"
                node.value = scalar.span()
                at = scalar.end()
            while waiting:
                above, start, closer = waiting[-1]
                at = self._skip(at)
                if self.text[at] != closer:
                    break
                at += 1
                above.value = (start, at)
                waiting.pop()
            if not waiting:
                return at
            node, at = self._next(above, closer, at)

    def _next(self, above: Node, closer: str, at: int) -> tuple[Node, int]:
        if closer == "]":
            return self._child(above, len(above.children)), at
        return self._pair(above, at)


def _name(written: str) -> str:
    match written[0]:
        case "'":
            return written[1:-1]
        case '"':
            if "\\" not in written:
                return written[1:-1]
            name: str = tomli.loads(f"name = {written}")["name"]
            return name
        case _:
            return written
