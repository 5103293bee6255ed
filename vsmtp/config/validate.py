"""What pydantic finds, in the words of an administrator: all of it, with the path of each key at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vsmtp.config.models.settings import Settings
from vsmtp.config.models.tables import LATER_TABLES
from vsmtp.config.models.types import describe, nearest
from vsmtp.config.shape import keys_below, written_path
from vsmtp.values.diagnostic import Fault, KeyPath

_EXPECTED: Final[Mapping[str, str]] = {
    "bool_type": "`true` or `false`",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a string",
    "model_type": "a table",
    "mapping_type": "a table",
    "dict_type": "a table",
    "model_attributes_type": "a table",
}
_LIMITS: Final[Mapping[str, str]] = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
}
# A default that waits for a value which is itself at fault.
_ECHOES: Final = frozenset({"default_factory_not_called"})

# Keys that the configuration will have and this release does not honour: better refused than ignored.
LATER: Final[Mapping[KeyPath, str]] = {
    ("dns",): "DNS arrives in a later release",
    ("dnsbl",): "DNS lists arrive in a later release",
    ("metrics",): "metrics arrive in a later release",
    ("services",): "services arrive in a later release",
    ("server", "aliases"): "aliases arrive in a later release",
    ("server", "workers"): "several workers arrive in a later release",
    ("queue", "bounce_lifetime"): "a lifetime of their own for bounces arrives in a later release",
    ("queue", "warn_after"): "delay notices arrive in a later release",
    ("delivery", "tls"): "delivery to MX hosts arrives in a later release",
    ("delivery", "source"): "source addresses arrive in a later release",
    ("delivery", "ip"): "delivery to MX hosts arrives in a later release",
    ("delivery", "to"): "settings per destination arrive in a later release",
}


def validate(data: Mapping[str, Any], root: Path) -> Settings | tuple[Fault, ...]:
    """The settings, or every fault in them; relative paths become paths below `root`."""
    try:
        return Settings.model_validate(data, context={"root": root})
    except ValidationError as error:
        details = error.errors(include_url=False)
    broken_keys = {detail["loc"][:-1] for detail in details if detail["loc"][-1:] == ("[key]",)}
    return tuple(
        _fault(detail)
        for detail in details
        if detail["type"] not in _ECHOES and not any(_is_below(detail["loc"], key) for key in broken_keys)
    )


def _is_below(path: KeyPath, key: KeyPath) -> bool:
    return path[: len(key)] == key and path[len(key) :] != ("[key]",)


def _fault(detail: ErrorDetails) -> Fault:
    path, kind = written_path(detail["loc"]), detail["type"]
    if path[-1] == "[key]":
        return Fault(path[:-1], kind, detail["msg"], detail["ctx"]["remedy"], at="key")
    if kind == "extra_forbidden":
        return _unknown(path, keys_below(detail["loc"][:-1]))
    if kind == "union_tag_not_found":
        path, kind = (*path, "type"), "missing"
    if kind == "missing":
        remedy = f"write `{path[-1]} = ...` in this table"
        return Fault(path, "missing-key", f"`{path[-1]}` is missing", remedy, at="key")
    return _unknown_type(path, detail["ctx"]) if kind == "union_tag_invalid" else _wrong_value(path, detail)


def _unknown_type(path: KeyPath, context: Mapping[str, str]) -> Fault:
    written, known = context["tag"], context["expected_tags"].replace("'", "`")
    if written in LATER_TABLES:
        return Fault((*path, "type"), "not-yet", LATER_TABLES[written], f"this release knows {known}")
    near = nearest(written, [tag.strip("` ") for tag in known.split(",")])
    remedy = f"did you mean `{near}`?" if near else f"known are {known}"
    return Fault((*path, "type"), "bad-choice", f"unknown word `{written}`", remedy)


def _wrong_value(path: KeyPath, detail: ErrorDetails) -> Fault:
    kind = detail["type"]
    if kind in _EXPECTED:
        return Fault(path, "wrong-type", f"expected {_EXPECTED[kind]}, found {describe(detail['input'])}")
    if kind in _LIMITS:
        limit = _LIMITS[kind].format_map(detail.get("ctx", {}))
        return Fault(path, "out-of-range", f"it must be {limit}")
    code, message = (
        ("out-of-range", "at least one is needed") if kind == "too_short" else (kind, detail["msg"])
    )
    return Fault(path, code, message, detail.get("ctx", {}).get("remedy", ""))


def _unknown(path: KeyPath, known: Sequence[str]) -> Fault:
    key = str(path[-1])
    if path in LATER:
        return Fault(path, "not-yet", f"`{key}` is not in this release", LATER[path], at="key")
    near = nearest(key, known)
    remedy = (
        f"did you mean `{near}`?" if near else f"known here are {', '.join(f'`{name}`' for name in known)}"
    )
    return Fault(path, "unknown-key", f"unknown key `{key}`", remedy, at="key")
