"""What a rule does besides deciding: edits of the header, lines in the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.rules.template import Template
from vsmtp.vocabulary.actions import Level


@dataclass(frozen=True, slots=True)
class AddHeader:
    """A field at the end of the header."""

    name: str
    value: Template


@dataclass(frozen=True, slots=True)
class PrependHeader:
    """A field at the top of the header."""

    name: str
    value: Template


@dataclass(frozen=True, slots=True)
class SetHeader:
    """This field in place of all of that name; one at the end if there were none."""

    name: str
    value: Template


@dataclass(frozen=True, slots=True)
class RenameHeader:
    """Another name for all fields of a name."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class RemoveHeader:
    """Away with all fields whose name the glob covers."""

    glob: str


@dataclass(frozen=True, slots=True)
class Log:
    """A line in the log."""

    level: Level
    text: Template


HeaderEffect: TypeAlias = AddHeader | PrependHeader | SetHeader | RenameHeader | RemoveHeader
Effect: TypeAlias = HeaderEffect | Log


def templates(effect: Effect) -> tuple[Template, ...]:
    """The templates in an effect."""
    match effect:
        case AddHeader(_, template) | PrependHeader(_, template) | SetHeader(_, template) | Log(_, template):
            return (template,)
        case RenameHeader() | RemoveHeader():
            return ()


def headers_changed(effect: Effect) -> frozenset[str]:
    """The header fields, lower case, that may be others afterwards; `*` for any."""
    match effect:
        case AddHeader(name) | PrependHeader(name) | SetHeader(name):
            return frozenset({name.lower()})
        case RenameHeader(name, to):
            return frozenset({name.lower(), to.lower()})
        case RemoveHeader(glob):
            return frozenset({"*" if set(glob) & set("*?[") else glob.lower()})
        case Log():
            return frozenset()


def describe(effect: Effect) -> str:
    """A few words for a dry run's log line."""
    match effect:
        case AddHeader(name, value) | PrependHeader(name, value) | SetHeader(name, value):
            kind = {AddHeader: "add", PrependHeader: "prepend", SetHeader: "set"}[type(effect)]
            return f"{kind} header {name}: {value}"
        case RenameHeader(name, to):
            return f"rename header {name} to {to}"
        case RemoveHeader(glob):
            return f"remove header {glob}"
        case Log(_, text):
            return f"log {text}"
