"""Faults between the settings of logins and those of back ends and listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from vsmtp.config.models.settings import Settings
from vsmtp.values.diagnostic import Fault, KeyPath

Lint: TypeAlias = Callable[[Settings], Iterator[Fault]]

# Mechanisms in which the server must know the secret itself, or what was made of it.
_OF_TABLES: Final = frozenset({"CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"})


def _no_users(settings: Settings) -> Iterator[Fault]:
    auth = settings.auth
    if auth.backend.kind != "table" or auth.users is not None:
        return
    for name, listener in settings.listeners.items():
        if listener.logins != "none":
            message = f"clients of listener `{name}` log in, and there is no table of users"
            remedy = 'name it: `users = "@users"` in `[auth]`, or another `backend`'
            key = "auth" if "auth" in listener.model_fields_set else "kind"
            yield Fault(("listeners", name, key), "no-users", message, remedy)


def _unfit_mechanism(settings: Settings) -> Iterator[Fault]:
    auth = settings.auth
    if auth.backend.kind == "table" or "mechanisms" not in auth.model_fields_set:
        return
    for n, mechanism in enumerate(auth.mechanisms):
        if mechanism in _OF_TABLES:
            message = f"`{mechanism}` needs secrets that `{auth.backend.kind}` does not tell"
            remedy = "leave it out: `PLAIN` and `LOGIN` do with any back end"
            yield Fault(("auth", "mechanisms", n), "unfit-mechanism", message, remedy)


def _login_in_clear(settings: Settings) -> Iterator[Fault]:
    for name, listener in settings.listeners.items():
        path: KeyPath = ("listeners", name, "auth_without_tls")
        if listener.logins == "none":
            continue
        if listener.auth_without_tls:
            if not listener.is_implicit:
                message = f"passwords for listener `{name}` may be seen by others on their way"
                yield Fault(path, "clear-login", message, "leave it out", severity="warning")
        elif (
            not listener.is_implicit and listener.starttls(has_certificate=settings.has_certificate) == "none"
        ):
            message = f"nobody can log in at listener `{name}`: there is no TLS, and without it none is taken"
            remedy = "offer TLS; or, where nobody listens on the way, `auth_without_tls = true`"
            key = "auth" if "auth" in listener.model_fields_set else "kind"
            yield Fault(("listeners", name, key), "no-login", message, remedy)


LOGIN_LINTS: Final[Mapping[str, Lint]] = {
    "no-users": _no_users,
    "unfit-mechanism": _unfit_mechanism,
    "login-in-clear": _login_in_clear,
}
