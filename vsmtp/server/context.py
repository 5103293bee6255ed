"""What is kept with a message in the queue, so that later rules know what earlier ones knew and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

import orjson

from vsmtp.effects.transports import Way
from vsmtp.facts import subject
from vsmtp.facts.subject import Variable
from vsmtp.message.edits import Edit
from vsmtp.message.stored import dump, load
from vsmtp.rules.evaluate import Position
from vsmtp.server.notes import as_json, variable_of, way_as_json, way_of_json
from vsmtp.values.answer import MISSING, Missing, Unavailable

# How a context says that there is a decision record.
REMARKED: Final = '"remarked":true'

Known: TypeAlias = str | bool | int | float | tuple[str, ...] | Missing | Unavailable


@dataclass(slots=True)
class Visitor:
    """Who brings the mail: what rules know of the client, its address as text, the session's name."""

    subject: subject.Connection
    address: str
    session: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the rules of `postqueue` are to go on: at a rule that deferred, or after one that held mail."""

    position: Position
    after: bool


# Whether the rules of a group have been gone through: True, or where they stopped.
Passed: TypeAlias = Stop | bool


@dataclass(slots=True)
class Context:
    """What is kept with a message.

    `connection` is who brought it, None for mail that this server made; `known` are facts that were asked
    before the 250; `edits` and `way` what `postqueue` said of all recipients; `passed` how far `postqueue`
    has come, by group, the root table's own key being empty; `top` the highest recipient's number given;
    `released` says that it was held and let go; `remarked` that there is a decision record.
    """

    connection: subject.Connection | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    way: Way | None = None
    passed: dict[str, Passed] = field(default_factory=dict)
    top: int = -1
    released: bool = False
    remarked: bool = False


def write_visit(visitor: Visitor) -> str:
    """The context of mail of which nothing is to be kept but who brought it, as JSON."""
    return orjson.dumps(_of_connection(visitor.subject, visitor.address)).decode()


def write_context(context: Context) -> str:
    """The context as JSON."""
    said = {} if context.connection is None else _of_connection(context.connection)
    if context.variables:
        said["vars"] = {name: as_json(value) for name, value in context.variables.items()}
    if context.known:
        said["known"] = {name: _known_as_json(value) for name, value in context.known.items()}
    if context.edits:
        said["edits"] = dump(context.edits)
    if context.way is not None:
        said["way"] = way_as_json(context.way)
    if context.passed:
        said["passed"] = {key: _passed_as_json(value) for key, value in context.passed.items()}
        said["top"] = context.top
    if context.released:
        said["released"] = True
    if context.remarked:
        said["remarked"] = True
    return orjson.dumps(said).decode()


def read_context(text: str) -> Context:
    """The context that `write_context` wrote."""
    said = orjson.loads(text)
    way = said.get("way")
    return Context(
        _connection_of(said) if "kind" in said else None,
        {name: variable_of(value) for name, value in said.get("vars", {}).items()},
        {name: _known_of_json(value) for name, value in said.get("known", {}).items()},
        load(said.get("edits", "")),
        way_of_json(way) if way else None,
        {key: _passed_of_json(value) for key, value in said.get("passed", {}).items()},
        said.get("top", -1),
        said.get("released", False),
        said.get("remarked", False),
    )


def _of_connection(connection: subject.Connection, address: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {
        "ip": address or str(connection.client_ip or ""),
        "port": connection.client_port,
        "listener": connection.listener_name,
        "listener_port": connection.listener_port,
        "kind": connection.listener_kind,
        "trusted": connection.trusted,
        "helo": connection.helo_name,
        "esmtp": connection.esmtp,
    }
    if connection.authenticated:
        said["user"], said["mechanism"] = connection.user, connection.mechanism
    if connection.tls is not None:
        said["tls"] = astuple(connection.tls)
    return said


def _connection_of(kept: dict[str, Any]) -> subject.Connection:
    return subject.Connection(
        ip_address(kept["ip"]) if kept["ip"] else None, kept["port"], kept["listener"], kept["listener_port"],
        kept["kind"], kept["trusted"], helo_name=kept["helo"], esmtp=kept["esmtp"],
        authenticated="user" in kept, user=kept.get("user", ""), mechanism=kept.get("mechanism", ""),
        auth_success=True if "user" in kept else None, attempt=1 if "user" in kept else 0,
        tls=subject.TlsState(*kept["tls"]) if "tls" in kept else None,
    )  # fmt: skip


_MISSING: Final = {"missing": True}


def _known_as_json(value: Known) -> Any:
    match value:
        case Missing():
            return _MISSING
        case Unavailable(reason):
            return {"unavailable": reason}
        case tuple():
            return list(value)
        case _:
            return value


def _known_of_json(value: Any) -> Known:
    match value:
        case dict():
            return Unavailable(value["unavailable"]) if "unavailable" in value else MISSING
        case list():
            return tuple(value)
        case _:
            known: Known = value
            return known


def _passed_as_json(passed: Passed) -> Any:
    return [passed.after, passed.position] if isinstance(passed, Stop) else passed


def _passed_of_json(value: Any) -> Passed:
    if isinstance(value, list):
        return Stop(tuple((table, rule) for table, rule in value[1]), value[0])
    return bool(value)
