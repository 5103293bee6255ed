"""Many documents become one, and every value remembers where it came from (`config.md`, "Order and merge").

Tables merge key by key. A scalar or list set again replaces, with a note; four lists add up; arrays of tables
are appended; a table that is a choice is replaced whole when the choice changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vsmtp.config.locate import Node, Places, Span
from vsmtp.values.diagnostic import Diagnostic, Fault, KeyPath, Place
from vsmtp.values.legible import legible

ADDITIVE: Final = frozenset({
    ("server", "local_domains"), ("server", "relay_domains"), ("server", "trusted"), ("rules", "disable"),
})  # fmt: skip
_SECRET_KINDS: Final = frozenset({"file", "env", "credential", "value"})
_MAX_MESSAGE: Final = 400
_ABOUT_FACTS: Final = frozenset({"unknown-fact", "fact-too-early"})
_CONDITIONS: Final = frozenset({"when", "unless", "any"})


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: `name` as the administrator would say it, its values and their places."""

    name: str
    values: dict[str, Any]
    places: Places


@dataclass(slots=True, eq=False)
class Origin:
    """A value of the merged tree, and the node of the document that set it last."""

    document: Document
    node: Node
    value: Any
    children: dict[str | int, Origin] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value as tomli would have given it, had all been one document."""
        match self.value:
            case dict():
                return {name: child.plain() for name, child in self.children.items()}
            case list():
                return [child.plain() for child in self.children.values()]
            case _:
                return self.value


def merge(documents: Sequence[Document]) -> tuple[Origin | None, tuple[Diagnostic, ...]]:
    """Lay the documents over each other, later ones on top; None when there are none."""
    notes: list[Diagnostic] = []
    merged: Origin | None = None
    for document in documents:
        over = _grow(document, document.places.root, document.values)
        merged = over if merged is None else _lay(merged, over, (), notes)
    return merged, tuple(notes)


def _grow(document: Document, node: Node, value: Any) -> Origin:
    origin = Origin(document, node, value)
    if isinstance(value, dict):
        origin.children = {name: _grow(document, node.children[name], below) for name, below in value.items()}
    elif isinstance(value, list):
        origin.children = {n: _grow(document, node.children[n], below) for n, below in enumerate(value)}
    return origin


def _lay(base: Origin, over: Origin, path: KeyPath, notes: list[Diagnostic]) -> Origin:
    match base.value, over.value:
        case dict(), dict() if not _other_choice(base, over):
            for name, child in over.children.items():
                below = base.children.get(name)
                base.children[name] = child if below is None else _lay(below, child, (*path, name), notes)
            return base
        case list(), list() if path in ADDITIVE or _are_tables(base, over):
            for child in over.children.values():
                base.children[len(base.children)] = child
            return base
        case _:
            notes.append(_set_again(base, over, path))
            return over


def _other_choice(base: Origin, over: Origin) -> bool:
    if "type" in over.children:
        return "type" not in base.children or base.children["type"].value != over.children["type"].value
    before, after = base.children.keys(), over.children.keys()
    return bool(before) and bool(after) and before | after <= _SECRET_KINDS and before != after


def _are_tables(base: Origin, over: Origin) -> bool:
    below = [*base.children.values(), *over.children.values()]
    return bool(over.children) and all(isinstance(child.value, dict) for child in below)


def _set_again(base: Origin, over: Origin, path: KeyPath) -> Diagnostic:
    before = place_of(base, at_key=True)
    name = dotted(path)
    remedy = f"the value of {before.file}:{before.line} no longer counts"
    return Diagnostic("note", "set-again", f"`{name}` is set again", remedy, place_of(over, at_key=True))


def dotted(path: KeyPath) -> str:
    """A path as one would write it: `rules.rcpt[3].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def place_of(origin: Origin, *, at_key: bool) -> Place:
    """Where the key or the value stands; a value without text of its own is shown by its key."""
    node = origin.node
    span = node.value
    if node.key and (at_key or span is None):
        span = node.key[node.part]
    return _place(origin.document, span or (0, 0))


def locate_fault(root: Origin | None, fault: Fault) -> Diagnostic:
    """The fault with its place: of what it names, or of the nearest table around it that was written."""
    place = _fault_place(root, fault)
    return Diagnostic(fault.severity, fault.code, _one_line(fault.message), _one_line(fault.help), place)


def _one_line(text: str) -> str:
    # Messages quote what was written, which may be long and have lines.
    clean = legible(text)
    return clean if len(clean) <= _MAX_MESSAGE else clean[: _MAX_MESSAGE - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _fault_place(root: Origin | None, fault: Fault) -> Place | None:
    origin, depth = descend(root, fault.path)
    if origin is None or depth == 0:
        return None
    if depth < len(fault.path):
        return place_of(origin, at_key=True)
    if fault.at == "key" and fault.code in _ABOUT_FACTS and origin.node.key:
        return _place(origin.document, _whole_fact(origin.node, fault.path))
    return place_of(origin, at_key=fault.at == "key")


def descend(root: Origin | None, path: KeyPath) -> tuple[Origin | None, int]:
    """The deepest value on the path that was written, and how many steps of the path lead to it."""
    origin, depth = root, 0
    while origin is not None and depth < len(path) and path[depth] in origin.children:
        origin = origin.children[path[depth]]
        depth += 1
    return origin, depth


def _whole_fact(node: Node, path: KeyPath) -> Span:
    # `when.spf.reslt`: the fact's name is all that follows `when`, as far as it was written in one key.
    words = [n for n, part in enumerate(path) if part in _CONDITIONS or isinstance(part, int)]
    parts = len(path) - 1 - words[-1] if words else 1
    first = max(0, node.part - parts + 1)
    return node.key[first][0], node.key[node.part][1]


def _place(document: Document, span: Span) -> Place:
    line, column = document.places.line_column(span[0])
    return Place(document.name, line, column, max(1, span[1] - span[0]), document.places.line(line))
