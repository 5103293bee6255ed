"""Texts with facts in them: `{fact}`, `{fact|default}`, `{{` for a brace.

A value that a client chose can never leave its place: control characters, line ends among them, become a
space, so it starts no line of a reply, a header or a log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from vsmtp.values.address import Address
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.vocabulary.answers import Facts, Scalar, Unasked, Value
from vsmtp.vocabulary.facts import Fact, find_fact
from vsmtp.vocabulary.types import Type

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[!-9;-z~]+)+"
_PIECE: Final = re.compile(r"\{\{|\{([^{}]*)\}|\{")
_REFERENCE: Final = re.compile(rf"\{{({_NAME})\}}")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the fact's text goes; `default` where it is absent.

    `fact` is the name it is asked by; `known` is what the catalogue or the rules say of it, None of
    `match.<group>` and until the rules were read.
    """

    fact: str
    default: str = ""
    known: Fact | None = None

    def __str__(self) -> str:
        """As an administrator would write it."""
        name = self.known.label if self.known is not None else self.fact
        return f"{{{name}|{self.default}}}" if self.default else f"{{{name}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """A text in pieces: fixed ones and slots."""

    parts: tuple[str | Slot, ...]

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts it names, in order, `match.<group>` among them."""
        return tuple(part.fact for part in self.parts if isinstance(part, Slot))

    @property
    def known(self) -> tuple[Fact, ...]:
        """What is known of those facts."""
        return tuple(part.known for part in self.parts if isinstance(part, Slot) and part.known is not None)

    @property
    def constant(self) -> str | None:
        """The whole text if no fact is in it."""
        return None if self.facts else "".join(part for part in self.parts if isinstance(part, str))

    def __str__(self) -> str:
        """As an administrator would write it."""
        return "".join(part.replace("{", "{{") if isinstance(part, str) else str(part) for part in self.parts)


def parse_template(text: str) -> Template:
    """Take a text apart; raises ValueError on a brace left open or a slot without a name."""
    parts: list[str | Slot] = []
    end = 0
    for piece in _PIECE.finditer(text):
        parts.append(text[end : piece.start()])
        end = piece.end()
        if piece[0] == "{{":
            parts.append("{")
        elif piece[1] is None:
            raise ValueError("`{` without its `}`; a brace as such is written `{{`")
        else:
            parts.append(_slot(piece[1]))
    parts.append(text[end:])
    return Template(tuple(part for part in parts if part != ""))


def reference(text: str) -> str | None:
    """The fact's name if the text is wholly `{fact}`."""
    match = _REFERENCE.fullmatch(text)
    return match[1] if match else None


def render_text(template: Template, facts: Facts) -> str:
    """The text with its facts filled in; one that is unavailable prints as `unavailable`."""
    return "".join(part if isinstance(part, str) else _fill(part, facts) for part in template.parts)


def text_of(value: Value, kind: Type = Type.TEXT) -> str:
    """A value as printed: lists with commas, moments as ISO 8601, times of day as `14:30:00`, 6.0 as 6."""
    if isinstance(value, tuple):
        return ", ".join(_scalar_text(item, kind) for item in value)
    return _scalar_text(value, kind)


def one_line(text: str) -> str:
    """The text without anything that could end a line: runs of control characters become one space."""
    return _CONTROL.sub(" ", text)


def _slot(inner: str) -> Slot:
    name, _, default = inner.partition("|")
    if re.fullmatch(_NAME, name.strip()) is None:
        raise ValueError(f"`{{{inner}}}` names no fact; a brace as such is written `{{{{`")
    return Slot(name.strip(), default, find_fact(name.strip()))


def _fill(slot: Slot, facts: Facts) -> str:
    answer = facts.ask(slot.fact)
    match answer:
        case Missing():
            return slot.default
        case Unavailable() | Unasked():
            return "unavailable"
        case _:
            kind = slot.known.type if slot.known is not None else Type.TEXT
            return one_line(text_of(answer, kind)) or slot.default


def _scalar_text(value: Scalar, kind: Type) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if kind is Type.CLOCK:
            return f"{value // 3600:02}:{value // 60 % 60:02}:{value % 60:02}"
        case datetime() | date():
            return value.isoformat()
        case float():
            return f"{value:.12g}"  # 6 points, not 6.0; 0.3, not 0.30000000000000004
        case int() | str() | Address():
            return str(value)
        case IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            return str(value)
