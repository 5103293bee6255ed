"""What a rule does besides deciding: frozen values, what each changes, and what it has to know exactly.

A field marked `EXACT` holds an address, a key, a host or a path: where a fact in it is unavailable the rule
is left undecided, for a guess would send mail astray. Other texts print `unavailable` (`rules.md`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Final, TypeAlias

from vsmtp.config.models.delivery import OutboundTls
from vsmtp.config.models.types import SecretSource
from vsmtp.rules.template import Template
from vsmtp.values.units import format_duration
from vsmtp.vocabulary.actions import Level

EXACT: Final = {"exact": True}
# What a variable or a column becomes.
Assigned: TypeAlias = Template | bool | int | float


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
class RewriteFrom:
    """Another address for the first mailbox of From; its display name stays."""

    address: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class RewriteTo:
    """Another address wherever To or Cc has the old one; display names stay."""

    old: Template = field(metadata=EXACT)
    new: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class AddTo:
    """One more address in To."""

    address: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class RemoveTo:
    """Away with an address wherever To or Cc has it."""

    address: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class AddRcpt:
    """One more recipient, whom nobody else sees; `notify` are the DSN words for it, lower case."""

    address: Template = field(metadata=EXACT)
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveRcpt:
    """One recipient less."""

    address: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class RewriteRcpt:
    """Another address for this recipient."""

    address: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class RewriteSender:
    """Another envelope sender; empty is the null sender."""

    address: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class Forward:
    """To the server of a URL: `smtp://host:port`, `smtps://` or `lmtp://`."""

    url: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class ForwardRelay:
    """To the server declared as `[relays.<name>]`."""

    relay: str


@dataclass(frozen=True, slots=True)
class ForwardHost:
    """To a host, with a login or without; `user` and `password` are both there or both None."""

    host: Template = field(metadata=EXACT)
    port: int
    tls: OutboundTls
    user: Template | None = field(default=None, metadata=EXACT)
    password: Template | SecretSource | None = field(default=None, metadata=EXACT)


@dataclass(frozen=True, slots=True)
class Maildir:
    """Into a Maildir. With `in_home` the path goes on from the home of the recipient's system user."""

    path: Template = field(metadata=EXACT)
    in_home: bool = False


@dataclass(frozen=True, slots=True)
class NoDelivery:
    """Nowhere: the recipient is done with, no report is made."""


@dataclass(frozen=True, slots=True)
class SetVariables:
    """Variables by the names they are asked by, `var.x` or `rcpt.var.x`, and what they become, in order."""

    values: tuple[tuple[str, Assigned], ...]


@dataclass(frozen=True, slots=True)
class AddVariables:
    """Amounts to add to variables, each named as it is asked by; an absent one is 0."""

    amounts: tuple[tuple[str, int | float], ...]


@dataclass(frozen=True, slots=True)
class TableSet:
    """A row in a table, in place of the key's own unless `if_absent`; forgotten after `expire` seconds.

    `expire` None: the table's own.
    """

    table: str
    key: Template = field(metadata=EXACT)
    row: tuple[tuple[str, Assigned], ...] = field(metadata=EXACT)
    if_absent: bool = False
    expire: float | None = None


@dataclass(frozen=True, slots=True)
class TableAdd:
    """An amount added to a column of a row, at once and by nobody in between; an absent one is 0."""

    table: str
    key: Template = field(metadata=EXACT)
    column: str
    amount: int
    expire: float | None = None


@dataclass(frozen=True, slots=True)
class TableRemove:
    """A row less in a table."""

    table: str
    key: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class Count:
    """One event more for the key of a limiter, which is counted only where the key's facts are there."""

    limiter: str
    key: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class Write:
    """The message into a file of this name below the export directory."""

    path: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class Dump:
    """What is known of session and mail, as JSON, into a file of this name below the export directory."""

    path: Template = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class Notify:
    """A message to somebody, made of texts."""

    to: Template = field(metadata=EXACT)
    subject: Template
    text: Template


@dataclass(frozen=True, slots=True)
class Log:
    """A line in the log."""

    level: Level
    text: Template


HeaderEffect: TypeAlias = AddHeader | PrependHeader | SetHeader | RenameHeader | RemoveHeader
AddressEffect: TypeAlias = RewriteFrom | RewriteTo | AddTo | RemoveTo
EnvelopeEffect: TypeAlias = AddRcpt | RemoveRcpt | RewriteRcpt | RewriteSender
TransportEffect: TypeAlias = Forward | ForwardRelay | ForwardHost | Maildir | NoDelivery
VariableEffect: TypeAlias = SetVariables | AddVariables
TableEffect: TypeAlias = TableSet | TableAdd | TableRemove
ExportEffect: TypeAlias = Write | Dump
Effect: TypeAlias = (
    HeaderEffect | AddressEffect | EnvelopeEffect | TransportEffect | VariableEffect | TableEffect
    | ExportEffect | Count | Notify | Log
)  # fmt: skip

_BINDING: Final = (
    AddRcpt, RemoveRcpt, RewriteRcpt, RewriteSender, Forward, ForwardRelay, ForwardHost, Maildir, NoDelivery,
    TableSet, TableAdd, TableRemove,
)  # fmt: skip


def templates(effect: Effect) -> tuple[Template, ...]:
    """All templates in an effect."""
    return tuple(found for each in fields(effect) for found in _templates_in(getattr(effect, each.name)))


def exact_templates(effect: Effect) -> tuple[Template, ...]:
    """Those among them in which an unavailable fact leaves the rule undecided."""
    exact = (each.name for each in fields(effect) if each.metadata.get("exact"))
    return tuple(found for name in exact for found in _templates_in(getattr(effect, name)))


def is_binding(effect: Effect) -> bool:
    """Whether a rule with this effect, left undecided, defers rather than being skipped (`rules.md`)."""
    return isinstance(effect, _BINDING)


def changes(effect: Effect) -> frozenset[str]:
    """What facts may be others afterwards.

    Names (`var.x`, `rate.<limiter>`), all below a name (`sender.*`, `rcpt.*`, `rcpts.*`), a header field in
    lower case or any (`header:subject`, `header:*`), what a table says (`table:<name>`).
    """
    match effect:
        case AddHeader() | PrependHeader() | SetHeader() | RenameHeader() | RemoveHeader():
            return frozenset(f"header:{name}" for name in _headers_changed(effect))
        case SetVariables(pairs) | AddVariables(pairs):
            return frozenset(name for name, _ in pairs)
        case TableSet(table) | TableAdd(table) | TableRemove(table):
            return frozenset({f"table:{table}"})
        case Count(limiter):
            return frozenset({f"rate.{limiter}"})
        case _:
            return _ALWAYS_CHANGES.get(type(effect), frozenset())


_ALWAYS_CHANGES: Final[dict[type[Effect], frozenset[str]]] = {
    RewriteFrom: frozenset({"header:from"}),
    RewriteTo: frozenset({"header:to", "header:cc"}),
    AddTo: frozenset({"header:to"}),
    RemoveTo: frozenset({"header:to", "header:cc"}),
    AddRcpt: frozenset({"rcpts.*"}),
    RemoveRcpt: frozenset({"rcpts.*"}),
    RewriteRcpt: frozenset({"rcpt.*", "rcpts.*"}),
    RewriteSender: frozenset({"sender.*"}),
}


def _headers_changed(effect: HeaderEffect) -> frozenset[str]:
    match effect:
        case AddHeader(name) | PrependHeader(name) | SetHeader(name):
            return frozenset({name.lower()})
        case RenameHeader(name, to):
            return frozenset({name.lower(), to.lower()})
        case RemoveHeader(glob):
            return frozenset({"*" if set(glob) & set("*?[") else glob.lower()})


def describe(effect: Effect) -> str:
    """A few words for a dry run's log line: the key as a rule writes it, and what was written there."""
    if isinstance(effect, ForwardRelay):
        return f"forward @{effect.relay}"
    words = (_word(getattr(effect, each.name)) for each in fields(effect))
    return " ".join([_KEYS[type(effect)], *(word for word in words if word)])


_KEYS: Final[dict[type[Effect], str]] = {
    AddHeader: "add_header", PrependHeader: "prepend_header", SetHeader: "set_header",
    RenameHeader: "rename_header", RemoveHeader: "remove_header",
    RewriteFrom: "rewrite_from", RewriteTo: "rewrite_to", AddTo: "add_to", RemoveTo: "remove_to",
    AddRcpt: "add_rcpt", RemoveRcpt: "remove_rcpt", RewriteRcpt: "rewrite_rcpt",
    RewriteSender: "rewrite_sender",
    Forward: "forward", ForwardRelay: "forward", ForwardHost: "forward", Maildir: "maildir",
    NoDelivery: "no_delivery",
    SetVariables: "set", AddVariables: "add",
    TableSet: "table_set", TableAdd: "table_add", TableRemove: "table_remove", Count: "count",
    Write: "write", Dump: "dump", Notify: "notify", Log: "log",
}  # fmt: skip


def _word(value: object) -> str:
    match value:
        case None | bool() | SecretSource():  # a secret's place is nobody's business in a log
            return ""
        case tuple():
            return ", ".join(_assignment(item) for item in value)
        case float():
            return format_duration(value)
        case _:
            return str(value)


def _assignment(item: object) -> str:
    return f"{item[0]} = {item[1]}" if isinstance(item, tuple) else str(item)


def _templates_in(value: object) -> Iterator[Template]:
    match value:
        case Template():
            yield value
        case tuple():
            for item in value:
                yield from _templates_in(item)
