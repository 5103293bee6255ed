"""Tables: what the administrator's world knows, by key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import Duration, Listed, TreePath, choice, describe, refusal, text_of

ColumnType: TypeAlias = Literal["text", "number", "size", "duration", "bool", "secret"]
SearchForm: TypeAlias = Literal["address", "untagged", "domain"]
Cell: TypeAlias = str | int | float | bool
Entries: TypeAlias = tuple[str, ...] | Mapping[str, Mapping[str, Cell] | Cell]

# Kinds that the configuration will have and this release does not.
LATER_TABLES: Final[Mapping[str, str]] = dict.fromkeys(
    ("mysql", "postgresql", "ldap", "redis", "memcached", "socketmap", "tcp", "http", "dns"),
    "tables on the network arrive in a later release",
)
# Tables that every tree has.
BUILT_IN: Final = frozenset({"local_domains", "relay_domains", "trusted"})

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# What a lookup says of itself is asked like a column.
_TAKEN: Final = frozenset({"found"})


def _name(value: object) -> str:
    written = text_of(value, "a name")
    if _NAME.fullmatch(written) is None:
        raise refusal("bad-table", f"`{written}` is no name for a table", "use letters, digits, `-` and `_`")
    if written in BUILT_IN:
        raise refusal("bad-table", f"every tree has a table `{written}` already", "choose another name")
    return written


def _column(value: object) -> str:
    written = text_of(value, "the name of a column")
    if _WORD.fullmatch(written) is None or written in _TAKEN:
        remedy = "use letters, digits and `_`; `found` is what a lookup says of itself"
        raise refusal("bad-table", f"`{written}` is no name for a column", remedy)
    return written


def _scalar(value: object) -> bool:
    return isinstance(value, (str, int, float))


def _entries(value: object) -> Entries:
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    if not isinstance(value, dict):
        message = f"expected a list of keys, or a table of keys and values, found {describe(value)}"
        raise refusal("wrong-type", message)
    for key, entry in value.items():
        if not _scalar(entry) and not (isinstance(entry, dict) and all(map(_scalar, entry.values()))):
            raise refusal("wrong-type", f"expected a value or a row for `{key}`, found {describe(entry)}")
    return value


def _delimiter(value: str) -> str:
    if len(value) != 1 or value in '"\r\n\0' or not value.isascii():
        raise refusal("bad-delimiter", "the delimiter of columns is one character, and not a quote")
    return value


def _none_twice(value: tuple[str, ...]) -> tuple[str, ...]:
    for n, name in enumerate(value):
        if name in value[:n]:
            raise refusal("bad-table", f"the column `{name}` is named twice", "name each column once")
    return value


TableName: TypeAlias = Annotated[str, PlainValidator(_name)]
ColumnName: TypeAlias = Annotated[str, PlainValidator(_column)]
ColumnKind: TypeAlias = Annotated[ColumnType, choice(ColumnType)]
Search: TypeAlias = Listed[Annotated[SearchForm, choice(SearchForm)]]
Delimiter: TypeAlias = Annotated[str, AfterValidator(_delimiter)]


def _reference(value: object) -> str:
    written = text_of(value, 'the name of a table, like `"@users"`')
    return written.removeprefix("@")


TableReference: TypeAlias = Annotated[str, PlainValidator(_reference)]


class Inline(Section):
    """Entries that stand in the tree itself."""

    type: Literal["inline"]
    """`inline`."""
    entries: Annotated[Entries, PlainValidator(_entries)]
    """`["a", "b"]`: keys alone; `{ a = "x" }`: keys and the value of the one column `value`;
    `{ a = { home = "/a" } }`: keys and rows."""
    columns: Mapping[ColumnName, ColumnKind] = {}
    """The type of each column: `text`, `number`, `size`, `duration`, `bool`, `secret`. Default: `value`, a
    text."""
    search: Search = ()
    """The forms of an address to look for, in order: `address`, `untagged`, `domain`. Default: the key as it
    is."""


class ListFile(Section):
    """A file of keys, one a line; a line that begins with `#` is a comment."""

    type: Literal["list"]
    """`list`."""
    path: TreePath
    """The file. It is read when the server starts."""
    search: Search = ()
    """The forms of an address to look for, in order: `address`, `untagged`, `domain`. Default: the key as it
    is."""


class Csv(Section):
    """A file of rows (RFC 4180). It is read again when it changes; rules can write to it where it says so."""

    type: Literal["csv"]
    """`csv`."""
    path: TreePath
    """The file, in UTF-8. Replace it whole (`mv new old`): a file that is half written is half read."""
    key: ColumnName | None = None
    """The column of the key. Default: the first."""
    header: Listed[ColumnName] = ()
    """The names of the columns, for a file whose first line does not name them."""
    delimiter: Delimiter = ","
    """What stands between two cells."""
    columns: Mapping[ColumnName, ColumnKind] = {}
    """The types of columns: `text`, `number`, `size`, `duration`, `bool`, `secret`. Default: `text`."""
    search: Search = ()
    """The forms of an address to look for, in order: `address`, `untagged`, `domain`. Default: the key as it
    is."""
    writable: bool = False
    """Whether rules may set and remove rows. The whole file is written anew each time."""

    @model_validator(mode="after")
    def _key_is_named(self) -> Self:
        _none_twice(self.header)
        missing = [name for name in (self.key, *self.columns) if name and name not in self.header]
        if self.header and missing:
            remedy = "name it in `header`"
            raise refusal("bad-table", f"there is no column `{missing[0]}` in `header`", remedy)
        return self


class Cidr(Section):
    """Networks; an address is found in the smallest network that holds it."""

    type: Literal["cidr"]
    """`cidr`."""
    path: TreePath | None = None
    """A file of networks, one a line, each with its value behind it, if any; a line that begins with `#` is a
    comment. It is read when the server starts."""
    entries: Annotated[Entries, PlainValidator(_entries)] | None = None
    """The networks themselves: `["192.0.2.0/24"]`, or `{ "192.0.2.0/24" = "office" }`."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_one_of(self)
        return self


class Regex(Section):
    """Patterns (RE2, case ignored, anywhere in the key); the first that is found counts."""

    type: Literal["regex"]
    """`regex`."""
    path: TreePath | None = None
    """A file of patterns, one a line, each with its value behind it, if any; a line that begins with `#` is a
    comment. It is read when the server starts."""
    entries: Annotated[Entries, PlainValidator(_entries)] | None = None
    """The patterns themselves: `["^a"]`, or `{ '^(?P<who>.*)@old$' = "{who}@new" }`: the value can name the
    groups of its pattern."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_one_of(self)
        return self


class Sqlite(Section):
    """An SQLite database: a table of it, or a query."""

    type: Literal["sqlite"]
    """`sqlite`."""
    path: TreePath
    """The database. One that is `writable` is made when it is not there."""
    query: str | None = None
    """A query with one parameter, `:key`. Default: the columns `columns` of `table`."""
    table: ColumnName = "entries"
    """The table in the database, where there is no `query`."""
    key: ColumnName = "key"
    """The column of the key, where there is no `query`. Keys stand there in lower case."""
    columns: Mapping[ColumnName, ColumnKind] = {}
    """The type of each column: `text`, `number`, `size`, `duration`, `bool`, `secret`. Default: `value`, a
    text."""
    search: Search = ()
    """The forms of an address to look for, in order: `address`, `untagged`, `domain`. Default: the key as it
    is."""
    cache: Duration | None = None
    """How long an answer is remembered, where the table is not `writable`. Default: not at all."""
    timeout: Annotated[Duration, Field(gt=0, le=300)] = 5.0
    """How long an answer may take."""
    writable: bool = False
    """Whether rules may set and remove rows."""
    expire: Duration | None = None
    """When a row that is written is forgotten, if the rule does not say. Default: never."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.writable and self.query is not None:
            raise refusal("bad-table", "a query cannot be written to", "use `table`, `key` and `columns`")
        if self.writable and self.cache is not None:
            raise refusal("bad-table", "a table that is written to is not cached", "leave out `cache`")
        if self.expire is not None and not self.writable:
            raise refusal("bad-table", "`expire` is for rows that rules write", "write `writable = true`")
        return self


class Union(Section):
    """Several tables as one: they are asked in order, and the first that has the key counts."""

    type: Literal["union"]
    """`union`."""
    tables: Annotated[Listed[TableReference], Field(min_length=1)]
    """Their names: `["@staff", "@guests"]`."""


class Chain(Section):
    """Several tables one after the other: what the first has is the key for the second."""

    type: Literal["chain"]
    """`chain`."""
    tables: Annotated[Listed[TableReference], Field(min_length=1)]
    """Their names, in order. All but the last have one column, or one called `value`."""


def _check_one_of(section: Cidr | Regex) -> None:
    if (section.path is None) == (section.entries is None):
        raise refusal("bad-table", "either `path` or `entries` is needed", "write one of the two")


AnyTable: TypeAlias = Inline | ListFile | Csv | Cidr | Regex | Sqlite | Union | Chain
TableSettings: TypeAlias = Annotated[AnyTable, Field(discriminator="type")]
Tables: TypeAlias = Mapping[TableName, TableSettings]
