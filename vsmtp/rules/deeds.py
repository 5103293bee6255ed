"""Reading `do`: the list of a rule's effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from vsmtp.message.fields import MAX_NAME, is_field_name
from vsmtp.rules.effects import (
    AddHeader,
    Effect,
    Log,
    PrependHeader,
    RemoveHeader,
    RenameHeader,
    SetHeader,
)
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.rules.template import Template
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.actions import EFFECTS, LATER_EFFECTS, LOG_LEVELS, Level


def read_effects(reading: Reading, raw: object, path: KeyPath, groups: frozenset[str]) -> tuple[Effect, ...]:
    """The effects in order; faults are recorded and what is wrong left out."""
    if not isinstance(raw, list):
        reading.fault(path, "wrong-type", '`do` is a list of effects: `do = [ { log = "..." } ]`')
        return ()
    effects = (_read_one(reading, item, (*path, n), groups) for n, item in enumerate(raw))
    return tuple(effect for effect in effects if effect is not None)


def _read_one(reading: Reading, raw: object, path: KeyPath, groups: frozenset[str]) -> Effect | None:
    if not isinstance(raw, Mapping) or len(raw) != 1:
        reading.fault(path, "wrong-type", 'an effect is a table with one key: `{ log = "..." }`')
        return None
    name, operand = next(iter(raw.items()))
    here = (*path, name)
    if name in LATER_EFFECTS:
        reading.key_fault(here, "effect-not-allowed", f"the effect `{name}` comes with a later release")
    elif name not in EFFECTS:
        reading.key_fault(here, "unknown-key", f"unknown effect `{name}`", did_you_mean(name, EFFECTS))
    elif reading.stage is not None and reading.stage not in EFFECTS[name]:
        message = f"`{name}` is no effect of the stage `{reading.stage.label}`"
        reading.key_fault(here, "effect-not-allowed", message)
    else:
        return _READERS[name](reading, operand, here, groups)
    return None


def _fields(reading: Reading, raw: object, path: KeyPath, keys: tuple[str, ...]) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping):
        shape = ", ".join(f'{key} = "..."' for key in keys)
        reading.fault(path, "wrong-type", f"`{path[-1]}` is a table: `{{ {shape} }}`")
        return None
    for key in raw:
        if key not in keys:
            reading.key_fault((*path, key), "unknown-key", f"unknown key `{key}`", did_you_mean(key, keys))
    missing = [key for key in keys if key not in raw]
    if missing:
        reading.key_fault(path, "missing-key", f"`{path[-1]}` needs `{missing[0]}`")
        return None
    return dict(raw)


def _field_name(reading: Reading, raw: object, path: KeyPath) -> str | None:
    if isinstance(raw, str) and is_field_name(raw):  # what a glob adds to a name is printable too
        return raw
    what = "a header field's name is printable ASCII without spaces and colons"
    reading.fault(path, "wrong-type", f"{what}, at most {MAX_NAME} characters")
    return None


def _named_value(
    make: Callable[[str, Template], Effect],
) -> Callable[[Reading, object, KeyPath, frozenset[str]], Effect | None]:
    def read(reading: Reading, raw: object, path: KeyPath, groups: frozenset[str]) -> Effect | None:
        fields = _fields(reading, raw, path, ("name", "value"))
        if fields is None:
            return None
        name = _field_name(reading, fields["name"], (*path, "name"))
        value = reading.template(fields["value"], (*path, "value"), groups)
        return make(name, value) if name else None

    return read


def _rename(reading: Reading, raw: object, path: KeyPath, _groups: frozenset[str]) -> Effect | None:
    fields = _fields(reading, raw, path, ("name", "to"))
    if fields is None:
        return None
    name = _field_name(reading, fields["name"], (*path, "name"))
    to = _field_name(reading, fields["to"], (*path, "to"))
    return RenameHeader(name, to) if name and to else None


def _remove(reading: Reading, raw: object, path: KeyPath, _groups: frozenset[str]) -> Effect | None:
    if isinstance(raw, Mapping):
        fields = _fields(reading, raw, path, ("name",))
        if fields is None:
            return None
        raw, path = fields["name"], (*path, "name")
    glob = _field_name(reading, raw, path)
    return RemoveHeader(glob) if glob else None


def _log(reading: Reading, raw: object, path: KeyPath, groups: frozenset[str]) -> Effect | None:
    if isinstance(raw, str):
        return Log("info", reading.template(raw, path, groups))
    fields = _fields(reading, {"level": "info", **raw} if isinstance(raw, Mapping) else raw, path, _LOG)
    if fields is None:
        return None
    level = fields["level"]
    if level not in LOG_LEVELS:
        remedy = did_you_mean(str(level), LOG_LEVELS)
        message = "a level is one of " + ", ".join(f"`{name}`" for name in LOG_LEVELS)
        reading.fault((*path, "level"), "wrong-type", message, remedy)
        return None
    text = reading.template(fields["text"], (*path, "text"), groups)
    return Log(cast("Level", level), text)


_LOG: Final = ("level", "text")
_READERS: Final[Mapping[str, Callable[[Reading, object, KeyPath, frozenset[str]], Effect | None]]] = {
    "add_header": _named_value(AddHeader),
    "prepend_header": _named_value(PrependHeader),
    "set_header": _named_value(SetHeader),
    "rename_header": _rename,
    "remove_header": _remove,
    "log": _log,
}
