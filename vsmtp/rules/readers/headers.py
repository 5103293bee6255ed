"""Reading the effects on header fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Final

from vsmtp.rules.effects import Effect, RemoveHeader, RenameHeader
from vsmtp.rules.readers.given import Given
from vsmtp.rules.template import Template

# RFC 5321 4.4: nobody changes or deletes the trace of a message, and only servers write it. Loops are found
# by it, too.
_TRACE: Final = ("Received", "Return-Path")


def named_value(make: Callable[[str, Template], Effect]) -> Callable[[Given], Effect | None]:
    """A reader of `{ name = "X-Spam-Flag", value = "YES" }`."""

    def read(given: Given) -> Effect | None:
        fields = given.fields(("name", "value"))
        if fields is None:
            return None
        name, value = _name(fields["name"]), fields["value"].text()
        return make(name, value) if name else None

    return read


def rename(given: Given) -> Effect | None:
    """`{ name = "X-A", to = "X-B" }`."""
    fields = given.fields(("name", "to"))
    if fields is None:
        return None
    name, to = _name(fields["name"]), _name(fields["to"])
    return RenameHeader(name, to) if name and to else None


def remove(given: Given) -> Effect | None:
    """`"X-Spam-*"`, or the same as `{ name = "X-Spam-*" }`."""
    if isinstance(given.raw, Mapping):
        fields = given.fields(("name",))
        if fields is None:
            return None
        given = fields["name"]
    glob = given.field_name()
    if glob and _is_traceless(given, re.compile(translate(glob.lower()))):
        return RemoveHeader(glob)
    return None


def _name(given: Given) -> str | None:
    name = given.field_name()
    return name if name and _is_traceless(given, re.compile(re.escape(name.lower()))) else None


def _is_traceless(given: Given, names: re.Pattern[str]) -> bool:
    """Whether no field of the trace goes by such names; else a fault."""
    for field in _TRACE:
        if names.fullmatch(field.lower()):
            message = f"`{field}` says which way a message came: rules leave it as it is"
            given.wrong("protected-header", message, "write a field of your own: `X-...`")
            return False
    return True
