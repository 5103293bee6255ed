"""What rules have said of a recipient alone, as text that is kept with it in the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from vsmtp.config.models.types import HostPort, SecretSource
from vsmtp.effects.transports import Login, ToHost, ToMaildir, ToNobody, ToRelay, Way
from vsmtp.facts.subject import Variable
from vsmtp.message.edits import Edit
from vsmtp.message.stored import dump, load
from vsmtp.values.answer import Unavailable
from vsmtp.values.secret import Secret

_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Notes:
    """Header edits for this recipient's copy, the way it goes if a rule chose one, its variables by `x`.

    `original` is the address as the client gave it, where rules or the postmaster's made another of it;
    `shared` are variables of the mail that only the rules for this recipient's group have set.
    """

    edits: tuple[Edit, ...] = ()
    way: Way | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    original: str = ""
    shared: Mapping[str, Variable] = field(default_factory=dict)


NOTHING: Final = Notes()


def write_notes(notes: Notes) -> str:
    """The notes as JSON; empty where there is nothing to say."""
    if notes is NOTHING:
        return ""
    said: dict[str, Any] = {}
    if notes.edits:
        said["edits"] = dump(notes.edits)
    if notes.way is not None:
        said["way"] = way_as_json(notes.way)
    if notes.variables:
        said["vars"] = {name: as_json(value) for name, value in notes.variables.items()}
    if notes.original:
        said["original"] = notes.original
    if notes.shared:
        said["shared"] = {name: as_json(value) for name, value in notes.shared.items()}
    return orjson.dumps(said).decode() if said else ""


def read_notes(text: str) -> Notes:
    """The notes that `write_notes` wrote, or the header edits that earlier releases did."""
    if not text:
        return NOTHING
    if text.startswith("["):
        return Notes(load(text))
    said = orjson.loads(text)
    way = said.get("way")
    return Notes(
        load(said.get("edits", "")),
        way_of_json(way) if way else None,
        {name: variable_of(value) for name, value in said.get("vars", _NOTHING).items()},
        said.get("original", ""),
        {name: variable_of(value) for name, value in said.get("shared", _NOTHING).items()},
    )


def as_json(value: Variable) -> Any:
    """A variable's value as JSON can hold it."""
    return {"unavailable": value.reason} if isinstance(value, Unavailable) else value


def variable_of(value: Any) -> Variable:
    """The value that `as_json` made this of."""
    return Unavailable(value["unavailable"]) if isinstance(value, dict) else value


def way_as_json(way: Way) -> dict[str, Any]:
    """A way as JSON can hold it. A password that came out of a table is in it: the queue is for us alone."""
    match way:
        case ToRelay(name):
            return {"relay": name}
        case ToMaildir(path, in_home):
            return {"maildir": path, "home": in_home}
        case ToNobody():
            return {"nobody": True}
        case ToHost(scheme, where, tls, login):
            written = {"host": where.host, "port": where.port, "scheme": scheme, "tls": tls}
            return {**written, **_login_as_json(login)} if login else written


def _login_as_json(login: Login) -> dict[str, Any]:
    match login.password:
        case Secret(text):
            return {"user": login.user, "password": text}
        case SecretSource(kind, text, value):
            place = value.text if value is not None else text
            return {"user": login.user, "secret": [kind, place]}


def way_of_json(said: Mapping[str, Any]) -> Way:
    """The way that `way_as_json` made this of."""
    if "relay" in said:
        return ToRelay(said["relay"])
    if "maildir" in said:
        return ToMaildir(said["maildir"], said["home"])
    if "nobody" in said:
        return ToNobody()
    return ToHost(said["scheme"], HostPort(said["host"], said["port"]), said["tls"], _login_of(said))


def _login_of(said: Mapping[str, Any]) -> Login | None:
    if "user" not in said:
        return None
    if "password" in said:
        return Login(said["user"], Secret(said["password"]))
    kind, place = said["secret"]
    source = SecretSource(kind, "", Secret(place)) if kind == "value" else SecretSource(kind, place)
    return Login(said["user"], source)
