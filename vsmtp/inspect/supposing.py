"""Reading a world: what is supposed of facts, tables, users, DNS and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

from vsmtp.config.merge import Document, locate_fault, merge
from vsmtp.config.read import read
from vsmtp.inspect.form import Form, UnfitError, as_flag, as_table, as_text, as_texts
from vsmtp.inspect.world import Row, World, Zone
from vsmtp.rules.reading import did_you_mean
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.values.diagnostic import Diagnostic, Fault
from vsmtp.values.units import parse_duration, parse_size
from vsmtp.vocabulary.answers import Answer, Scalar
from vsmtp.vocabulary.facts import FACTS, FAMILY_NAMES, Fact, find_fact
from vsmtp.vocabulary.types import Type

_SUPPOSED: Final = Unavailable("it is supposed to be unavailable")


def read_world(path: Path) -> World | tuple[Diagnostic, ...]:
    """The world that a file describes, or everything that is wrong with it."""
    document = read(path)
    if isinstance(document, Diagnostic):
        return (document,)
    faults: list[Fault] = []
    form = Form(document.values, (), faults)
    world = world_of(form)
    return in_file(document, faults) or world


def in_file(document: Document, faults: list[Fault]) -> tuple[Diagnostic, ...]:
    """The faults with their places in the document."""
    origin = merge([document])[0]
    return tuple(locate_fault(origin, fault) for fault in faults)


def world_of(form: Form) -> World:
    """The world in a table; faults are recorded in the form, which is closed afterwards."""
    facts = dict(_facts(form.below("facts")))
    tables: dict[str, Mapping[str, Row] | None] = dict(_tables(form.below("tables")))
    for key, answer in (("absent", MISSING), ("unavailable", _SUPPOSED)):
        below = form.below(key)
        names = below.texts("facts")
        facts.update({fact.name: answer for fact in _named(below, names)})
        if key == "unavailable":
            tables.update(dict.fromkeys(below.texts("tables")))
        below.close()
    users = form.read("users", None, lambda raw: frozenset(name.casefold() for name in as_texts(raw)))
    world = World(facts, tables, users, _zone(form), form.read("time", None, as_moment))
    form.close()
    return world


def as_moment(raw: object) -> datetime:
    """A moment of TOML, or one of ISO 8601 in quotes; a date alone is its midnight."""
    if isinstance(raw, str):
        try:
            return datetime.fromisoformat(raw)
        except ValueError:
            raise ValueError(f"`{raw}` is no time: write `2026-03-01T09:30:00+01:00`") from None
    if isinstance(raw, datetime):
        return raw
    if isinstance(raw, date):
        return datetime.combine(raw, time())
    raise ValueError("a time is wanted here: `2026-03-01T09:30:00+01:00`")


def _named(form: Form, names: tuple[str, ...]) -> Iterator[Fact]:
    for name in names:
        fact = find_fact(name)
        if fact is None:
            form.fault("facts", "unknown-fact", f"unknown fact `{name}`", _meant(name))
        else:
            yield fact


def _meant(name: str) -> str:
    return did_you_mean(name, (*FACTS, *FAMILY_NAMES))


def _facts(form: Form, prefix: str = "") -> Iterator[tuple[str, Answer]]:
    for key in form.each():
        name = f"{prefix}{key}"
        fact = find_fact(name)
        if fact is not None:
            yield fact.name, _answer(form, key, fact)
        elif form.is_table(key):
            yield from _facts(form.below(key), f"{name}.")
        else:
            path = (*form.path, key)
            form.faults.append(Fault(path, "unknown-fact", f"unknown fact `{name}`", _meant(name), at="key"))


def _answer(form: Form, key: str, fact: Fact) -> Answer:
    nothing: Answer = MISSING
    return form.read(key, nothing, partial(fact_value, fact))


def fact_value(fact: Fact, raw: object) -> Answer:
    """A value of the fact as rules hold it; raises ValueError with a reason."""
    values = tuple(_scalar(fact, one) for one in (raw if isinstance(raw, list) else [raw]))
    if fact.many:
        return values
    if isinstance(raw, list):
        raise UnfitError(f"`{fact.name}` has one value")
    return values[0]


def _scalar(fact: Fact, raw: Any) -> Scalar:
    try:
        value = _CONVERSIONS[fact.type](raw)
    except (ValueError, TypeError) as reason:
        raise ValueError(f"`{fact.name}` has the type `{fact.type.value}`: {reason}") from None
    if fact.choices and value not in fact.choices:
        raise ValueError(f"`{fact.name}` is one of {', '.join(f'`{choice}`' for choice in fact.choices)}")
    return value


def _number(raw: object) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise UnfitError("a number is wanted")
    return raw


def _clock(raw: object) -> int:
    moment = raw if isinstance(raw, time) else time.fromisoformat(as_text(raw))
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _date(raw: object) -> date:
    return raw if type(raw) is date else date.fromisoformat(as_text(raw))


_CONVERSIONS: Final[Mapping[Type, Callable[[Any], Scalar]]] = {
    Type.IP: lambda raw: ip_address(as_text(raw)),
    Type.NETWORK: lambda raw: ip_network(as_text(raw)),
    Type.ADDRESS: lambda raw: Address.parse(as_text(raw)),
    Type.DOMAIN: as_text,
    Type.TEXT: as_text,
    Type.NUMBER: _number,
    Type.SIZE: lambda raw: parse_size(raw) if isinstance(raw, str) else int(_number(raw)),
    Type.DURATION: lambda raw: parse_duration(raw) if isinstance(raw, str) else float(_number(raw)),
    Type.HOUR: _number,
    Type.CLOCK: _clock,
    Type.DATE: _date,
    Type.INSTANT: as_moment,
    Type.BOOL: as_flag,
}


def _tables(form: Form) -> Iterator[tuple[str, Mapping[str, Row]]]:
    for name in form.each():
        rows = form.below(name)
        yield name, {key.casefold(): rows.read(key, {}, _row) for key in rows.each()}


def _row(raw: object) -> Row:
    row: dict[str, Any] = raw if isinstance(raw, dict) else {"value": raw}
    for value in row.values():
        if not isinstance(value, str | int | float | bool):
            raise UnfitError("a row is a value, or a table of texts, numbers, `true` and `false`")
    return row


def _zone(form: Form) -> Zone:
    dns = form.below("dns")
    return {name.casefold(): dns.read(name, {}, as_table) for name in dns.each()}
