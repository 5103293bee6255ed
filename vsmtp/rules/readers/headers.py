"""Reading the effects on header fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vsmtp.rules.effects import Effect, RemoveHeader, RenameHeader
from vsmtp.rules.readers.given import Given
from vsmtp.rules.template import Template


def named_value(make: Callable[[str, Template], Effect]) -> Callable[[Given], Effect | None]:
    """A reader of `{ name = "X-Spam-Flag", value = "YES" }`."""

    def read(given: Given) -> Effect | None:
        fields = given.fields(("name", "value"))
        if fields is None:
            return None
        name, value = fields["name"].field_name(), fields["value"].text()
        return make(name, value) if name else None

    return read


def rename(given: Given) -> Effect | None:
    """`{ name = "X-A", to = "X-B" }`."""
    fields = given.fields(("name", "to"))
    if fields is None:
        return None
    name, to = fields["name"].field_name(), fields["to"].field_name()
    return RenameHeader(name, to) if name and to else None


def remove(given: Given) -> Effect | None:
    """`"X-Spam-*"`, or the same as `{ name = "X-Spam-*" }`."""
    if isinstance(given.raw, Mapping):
        fields = given.fields(("name",))
        if fields is None:
            return None
        given = fields["name"]
    glob = given.field_name()
    return RemoveHeader(glob) if glob else None
