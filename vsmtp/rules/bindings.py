"""Reading `lookup`: which names a rule, or every rule, has for rows of tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vsmtp.rules.lookups import Bound, bound
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.facts import RESERVED
from vsmtp.vocabulary.types import OPERATOR_NAMES, QUANTIFIERS

_KEYS: Final = ("table", "key")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN: Final = RESERVED | OPERATOR_NAMES | QUANTIFIERS


def read_lookups(reading: Reading, raw: object, path: KeyPath) -> Mapping[str, Bound]:
    """The names that a table of lookups binds; a later one's key may use an earlier one's row.

    They are in the reading's scope afterwards. Faults are recorded and what is wrong left out.
    """
    if not isinstance(raw, Mapping):
        reading.fault(
            path, "wrong-type", '`lookup` is a table: `lookup.user = { table = "...", key = "..." }`'
        )
        return {}
    for var, lookup in raw.items():
        row = _read_one(reading, var, lookup, (*path, var))
        if row is None:
            reading.unbound |= {var}
        else:
            reading.scope = {**reading.scope, var: row}
    return reading.scope


def _read_one(reading: Reading, var: str, raw: object, path: KeyPath) -> Bound | None:
    if _VARIABLE.fullmatch(var) is None or var in _TAKEN:
        why = "facts or tests are called so" if var in _TAKEN else "a name is letters, digits and `_`"
        reading.key_fault(
            path, "reserved-name", f"no lookup can be called `{var}`: {why}", "call it otherwise"
        )
        return None
    if not isinstance(raw, Mapping):
        reading.fault(path, "wrong-type", 'a lookup is a table: `{ table = "...", key = "{rcpt.address}" }`')
        return None
    for key in raw:
        if key not in _KEYS:
            reading.key_fault((*path, key), "unknown-key", f"unknown key `{key}`", did_you_mean(key, _KEYS))
    for key in _KEYS:
        if key not in raw:
            reading.key_fault(path, "missing-key", f"a lookup has a `{key}`", f"add `{key} = ...`")
            return None
    return _bind(reading, var, raw, path)


def _bind(reading: Reading, var: str, raw: Mapping[str, object], path: KeyPath) -> Bound | None:
    table, known = raw["table"], reading.known
    traits = known.dynamic.get(table) if isinstance(table, str) else None
    key = reading.template(raw["key"], (*path, "key"), frozenset())
    if not isinstance(table, str):
        reading.fault((*path, "table"), "wrong-type", "a table's name is wanted here")
    elif traits is None:
        remedy = did_you_mean(table, known.dynamic) or f"declare it: `[tables.{table}]`"
        reading.fault((*path, "table"), "unknown-table", f"there is no table `{table}` to look in", remedy)
    else:
        return bound(var, known.bindings.bind(var, table, key), traits)
    return None
