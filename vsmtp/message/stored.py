"""Header edits as text, to be kept with a recipient until its copy is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Final

import orjson

from vsmtp.message.edits import (
    AddField,
    AddMailbox,
    Edit,
    PrependField,
    RemoveField,
    RemoveMailbox,
    RenameField,
    ReplaceAuthor,
    ReplaceMailbox,
    SetField,
)

_KINDS: Final[dict[str, type[Edit]]] = {
    "add": AddField,
    "prepend": PrependField,
    "set": SetField,
    "rename": RenameField,
    "remove": RemoveField,
    "author": ReplaceAuthor,
    "mailbox": ReplaceMailbox,
    "add-mailbox": AddMailbox,
    "remove-mailbox": RemoveMailbox,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def dump(edits: Sequence[Edit]) -> str:
    """The edits as a JSON array; empty for none."""
    return orjson.dumps([(_NAMES[type(edit)], *astuple(edit)) for edit in edits]).decode() if edits else ""


def load(text: str) -> tuple[Edit, ...]:
    """The edits that `dump` wrote."""
    return tuple(_KINDS[kind](*values) for kind, *values in orjson.loads(text)) if text else ()
