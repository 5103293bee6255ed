"""Names in the settings of tables and relays that nobody has declared; a dict of lints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, TypeAlias

from vsmtp.config.models.settings import Settings
from vsmtp.config.models.tables import Chain, Union
from vsmtp.config.models.types import RelayName, nearest
from vsmtp.values.diagnostic import Fault, KeyPath

Lint: TypeAlias = Callable[[Settings], Iterator[Fault]]


def _unknown_relay(settings: Settings) -> Iterator[Fault]:
    match settings.delivery.smarthost:
        case RelayName(name) if name not in settings.relays:
            remedy = _remedy("relays", name, settings.relays)
            yield Fault(("delivery", "smarthost"), "unknown-relay", f"unknown relay `{name}`", remedy)
        case _:
            return


def _unknown_recipients(settings: Settings) -> Iterator[Fault]:
    places: list[tuple[KeyPath, str]] = [(("server", "recipients"), settings.server.recipients)]
    places += [
        (("domains", name, "recipients"), domain.recipients)
        for name, domain in settings.domains.items()
        if domain.recipients is not None
    ]
    for path, written in places:
        if written.startswith("@"):
            yield from _table(settings, written[1:], path)


def _unknown_login_tables(settings: Settings) -> Iterator[Fault]:
    for key, name in (("users", settings.auth.users), ("owners", settings.auth.owners)):
        if name is not None:
            yield from _table(settings, name, ("auth", key))


def _unknown_member(settings: Settings) -> Iterator[Fault]:
    for name, table in settings.tables.items():
        for n, member in enumerate(_members(settings, name)):
            path: KeyPath = ("tables", name, "tables", n)
            yield from _table(settings, member, path)
            if _leads_to(settings, member, name, frozenset()):
                message = f"`@{name}` is made of `@{member}`, which is made of `@{name}`"
                yield Fault(path, "bad-table", message, f"leave `@{member}` out of this {table.type}")


def _members(settings: Settings, name: str) -> tuple[str, ...]:
    match settings.tables.get(name):
        case Union(tables=members) | Chain(tables=members):
            return members
        case _:
            return ()


def _leads_to(settings: Settings, start: str, goal: str, seen: frozenset[str]) -> bool:
    return start == goal or any(
        _leads_to(settings, member, goal, seen | {start})
        for member in _members(settings, start)
        if member not in seen
    )


def _table(settings: Settings, name: str, path: KeyPath) -> Iterator[Fault]:
    """The fault where the table is not there."""
    if name not in settings.tables:
        remedy = _remedy("tables", name, settings.tables)
        yield Fault(path, "unknown-table", f"there is no table `@{name}`", remedy)


def _remedy(section: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, tuple(known))
    return f"did you mean `@{near}`?" if near else f"declare it: `[{section}.{name}]`"


REFERENCE_LINTS: Final[Mapping[str, Lint]] = {
    "unknown-member": _unknown_member,
    "unknown-relay": _unknown_relay,
    "unknown-recipients": _unknown_recipients,
    "unknown-login-tables": _unknown_login_tables,
}
