"""What a tree names on this machine: files, users, directories; a dict of lints."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from vsmtp.config.models.settings import Settings
from vsmtp.config.models.types import SecretSource
from vsmtp.config.secrets import reveal, secret_path
from vsmtp.inspect.login_tables import missing_columns
from vsmtp.tables.kinds import table_faults
from vsmtp.values.address import upwards
from vsmtp.values.answer import Found, Unavailable
from vsmtp.values.diagnostic import Fault, KeyPath

Environment: TypeAlias = Mapping[str, str]
Lint: TypeAlias = Callable[[Settings, Environment], Iterator[Fault]]


def _unknown_user(settings: Settings, _: Environment) -> Iterator[Fault]:
    lookups: tuple[tuple[str, str | None, Callable[[str], object]], ...] = (
        ("user", settings.server.user, pwd.getpwnam),
        ("group", settings.server.group, grp.getgrnam),
    )
    for key, name, look_up in lookups:
        try:
            if name is not None:
                look_up(name)
        except (KeyError, ValueError):
            remedy = f"create it, or name a {key} that exists"
            yield Fault(
                ("server", key), "unknown-user", f"there is no {key} `{name}` on this machine", remedy
            )


def _nobody_is_postmaster(settings: Settings, _: Environment) -> Iterator[Fault]:
    server = settings.server
    local, _at, domain = server.postmaster.rpartition("@")
    if "postmaster" not in server.model_fields_set or _who_exists(settings, domain) != "system":
        return
    if domain.casefold() not in map(str.casefold, settings.local_domains):
        return
    try:
        pwd.getpwnam(local.casefold())
    except (KeyError, ValueError):
        message = f"there is no user `{local}` on this machine: mail for the postmaster is returned"
        remedy = "name somebody who reads it in `[server] postmaster` (RFC 5321 4.5.1 wants one)"
        yield Fault(("server", "postmaster"), "no-postmaster", message, remedy, severity="warning")


def _who_exists(settings: Settings, domain: str) -> str:
    said = {name.casefold(): one.recipients for name, one in settings.domains.items() if one.recipients}
    return next((said[one] for one in upwards(domain.casefold()) if one in said), settings.server.recipients)


def _bad_certificate(settings: Settings, environment: Environment) -> Iterator[Fault]:
    tls = settings.tls
    if tls.certificate is not None and tls.private_key is not None:
        yield from _certificate(("tls",), tls.certificate, tls.private_key, environment)
    for name, entry in tls.sni.items():
        yield from _certificate(("tls", "sni", name), entry.certificate, entry.private_key, environment)


def _certificate(
    above: KeyPath, chain: Path, source: SecretSource, environment: Environment
) -> Iterator[Fault]:
    unreadable = _unreadable(chain)
    if unreadable:
        yield Fault((*above, "certificate"), "unreadable-file", unreadable, "let the service's user read it")
    path = (*above, "private_key")
    key = secret_path(source, environment)
    if isinstance(key, Unavailable):
        yield Fault(path, "unreadable-file", key.reason, "run `vsmtp check` as the service does")
        return
    unreadable_key = _unreadable(key)
    if unreadable_key:
        yield Fault(path, "unreadable-file", unreadable_key, "let the service's user read it")
    if unreadable or unreadable_key:
        return
    reason = _mismatch(chain, key)
    if reason:
        yield Fault(
            (*above, "certificate"), "bad-certificate", reason, "both are files in PEM, made for each other"
        )


def _unreadable(path: Path) -> str:
    try:
        path.open("rb").close()
    except OSError as error:
        return f"`{path}` cannot be read: {error.strerror or error}"
    return ""


def _mismatch(chain: Path, key: Path) -> str:
    import ssl  # noqa: PLC0415 5 ms that a tree without certificates does not need

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(chain, key, password=b"")  # an encrypted key must fail, not ask the terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"the key `{key}` does not belong to the certificate `{chain}`"
        return f"the certificate `{chain}` or its key `{key}` is not usable PEM, or the key is encrypted"
    return ""


def _unreadable_secret(settings: Settings, environment: Environment) -> Iterator[Fault]:
    for name, relay in settings.relays.items():
        if relay.password is None:
            continue
        match reveal(relay.password, environment):
            case Unavailable(reason):
                remedy = "run `vsmtp check` as the service does"
                yield Fault(("relays", name, "password"), "unreadable-file", reason, remedy)
            case Found():
                continue


def _unwritable_path(settings: Settings, _: Environment) -> Iterator[Fault]:
    targets: list[tuple[KeyPath, Path]] = [(("queue", "path"), settings.queue.path)]
    for n, target in enumerate(settings.logs.to):
        if isinstance(target, Path):
            targets.append((("logs", "to", n), target))
    for path, target in targets:
        reason = _unwritable(target, is_directory=path == ("queue", "path"))
        if reason:
            yield Fault(path, "unwritable-path", reason, "create it, and let the service's user write there")


def _unwritable(target: Path, *, is_directory: bool) -> str:
    try:
        if target.exists():
            if target.is_dir() != is_directory:
                return f"`{target}` is {'not ' if is_directory else ''}a directory"
            writable = os.access(target, os.W_OK | (os.X_OK if is_directory else 0))
            return "" if writable else f"`{target}` cannot be written to"
        above = next(folder for folder in target.parents if folder.exists())
    except OSError as error:
        return f"`{target}` cannot be reached: {error.strerror or error}"
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return ""
    return f"`{target}` cannot be created in `{above}`"


def _bad_table(settings: Settings, _: Environment) -> Iterator[Fault]:
    yield from table_faults(settings.tables)


def _missing_column(settings: Settings, _: Environment) -> Iterator[Fault]:
    yield from missing_columns(settings)


LINTS: Final[Mapping[str, Lint]] = {
    "unknown-user": _unknown_user,
    "no-postmaster": _nobody_is_postmaster,
    "bad-certificate": _bad_certificate,
    "unreadable-secret": _unreadable_secret,
    "unwritable-path": _unwritable_path,
    "bad-table": _bad_table,
    "missing-column": _missing_column,
}


def examine(settings: Settings, environment: Environment) -> tuple[Fault, ...]:
    """Every fault between the settings and this machine, as the process that asks sees it."""
    return tuple(fault for lint in LINTS.values() for fault in lint(settings, environment))
