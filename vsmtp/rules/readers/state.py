"""Reading the effects on what is remembered: variables, rows of tables, and the counts of limiters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vsmtp.rules.effects import (
    AddVariables,
    Count,
    Effect,
    SetVariables,
    TableAdd,
    TableRemove,
    TableSet,
)
from vsmtp.rules.readers.given import Given
from vsmtp.rules.reading import did_you_mean
from vsmtp.rules.template import Template
from vsmtp.vocabulary.tables import TableTraits
from vsmtp.vocabulary.types import Type

# A recipient's variables stand in a table of their own: `{ set = { rcpt = { x = 1 } } }` gives `rcpt.var.x`.
_OF_RECIPIENT: Final = "rcpt"
# The column of a table that has but one, and what is added where nothing else is said.
_VALUE: Final = "value"
_MOST: Final = 2**53


def set_variables(given: Given) -> Effect | None:
    """`{ x = "a", spam = true, rcpt = { y = 1 } }`."""
    found = list(_variables(given, "var"))
    values = tuple((name, part.assigned()) for name, part in found)
    return SetVariables(values) if values else None


def add_variables(given: Given) -> Effect | None:
    """`{ score = 2 }`."""
    amounts = []
    for name, part in _variables(given, "var"):
        amount = part.number()
        fact = part.reading.fact(name, part.path, "key")
        if fact is not None and fact.type is Type.TEXT and part.reading.known.variables is not None:
            message = f"`{name}` is a text somewhere else: nothing can be added to it"
            part.wrong("wrong-type", message, "set it to numbers only")
        elif amount is not None and fact is not None:
            amounts.append((name, amount))
    return AddVariables(tuple(amounts)) if amounts else None


def table_set(given: Given) -> Effect | None:
    """`{ table, key, row = { n = 1 }, if_absent = true, expire = "36d" }`; a lone value is the column."""
    fields = given.fields(("table", "key", "row"), ("if_absent", "expire"))
    traits = _writable(fields["table"]) if fields else None
    if fields is None or traits is None:
        return None
    row = fields["row"]
    parts = (
        [(key, row.inner(key, raw)) for key, raw in row.raw.items()]
        if isinstance(row.raw, Mapping)
        else [(_VALUE, row)]
    )
    known = [(key, part) for key, part in parts if _has_column(part, key, traits)]
    return TableSet(
        str(fields["table"].raw),
        fields["key"].text(),
        tuple((key, part.assigned()) for key, part in known),
        "if_absent" in fields and fields["if_absent"].flag(),
        fields["expire"].duration() if "expire" in fields else None,
    )


def table_add(given: Given) -> Effect | None:
    """`{ table, key, column = "hits", amount = 1, expire = "1d" }`."""
    fields = given.fields(("table", "key"), ("column", "amount", "expire"))
    traits = _writable(fields["table"]) if fields else None
    if fields is None or traits is None:
        return None
    column = fields["column"].word("a column's name") if "column" in fields else _VALUE
    amount = fields["amount"].whole(-_MOST, _MOST) if "amount" in fields else 1
    if column is None or amount is None or not _has_column(fields.get("column", given), column, traits):
        return None
    expire = fields["expire"].duration() if "expire" in fields else None
    return TableAdd(str(fields["table"].raw), fields["key"].text(), column, amount, expire)


def table_remove(given: Given) -> Effect | None:
    """`{ table, key }`."""
    fields = given.fields(("table", "key"))
    if fields is None or _writable(fields["table"]) is None:
        return None
    return TableRemove(str(fields["table"].raw), fields["key"].text())


def count(given: Given) -> Effect | None:
    """The name of a limiter."""
    name = given.word("a limiter's name")
    if name is None or not given.reading.declared("limiter", name, given.path):
        return None
    key = (given.reading.known.names.limiters or {}).get(name)
    return Count(name, Template(()) if key is None else given.inner(0, key).text())


def _variables(given: Given, prefix: str) -> Iterator[tuple[str, Given]]:
    """Each variable by the name it is asked by; one that this stage does not have is a fault and left out."""
    if not isinstance(given.raw, Mapping):
        given.wrong("wrong-type", f"`{given.key}` is a table of variables: `{{ x = 1 }}`")
        return
    for key, raw in given.raw.items():
        part = given.inner(key, raw)
        if isinstance(raw, Mapping) and key == _OF_RECIPIENT and prefix == "var":
            yield from _variables(part, "rcpt.var")
        elif isinstance(raw, Mapping):
            part.wrong("wrong-type", "a variable is a text, a number, `true` or `false`")
        elif Given(given.reading, key, part.path, given.groups).word("a variable's name") is not None:
            name = f"{prefix}.{key}"
            if given.reading.fact(name, part.path, "key") is not None:
                yield name, part


def _writable(given: Given) -> TableTraits | None:
    """The traits of a table that rules may write to, else a fault."""
    name = given.word("a table's name")
    if name is None:
        return None
    dynamic = given.reading.known.dynamic
    traits = dynamic.get(name)
    writable = [other for other in dynamic if dynamic[other].writable]
    if traits is None and name not in given.reading.known.tables:
        remedy = did_you_mean(name, writable) or f"declare it: `[tables.{name}]`"
        given.wrong("unknown-table", f"there is no table `{name}`", remedy)
        return None
    if traits is None or not traits.writable:
        remedy = 'one of `type = "sqlite"` or `"csv"` with `writable = true` can be'
        given.wrong("not-writable", f"the table `{name}` cannot be written to", remedy)
        return None
    return traits


def _has_column(given: Given, column: str, traits: TableTraits) -> bool:
    if not traits.columns or column in traits.columns:
        return True
    remedy = did_you_mean(column, traits.columns)
    given.reading.key_fault(given.path, "unknown-key", f"the table has no column `{column}`", remedy)
    return False
