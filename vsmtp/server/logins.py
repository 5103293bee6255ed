"""Who judges logins for all sessions of a worker, and how often a client may fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from secrets import token_bytes, token_urlsafe
from typing import Final

from vsmtp.auth.attempts import FailedLogins
from vsmtp.auth.backends import Backend
from vsmtp.auth.dovecot import DovecotBackend
from vsmtp.auth.from_table import TableBackend
from vsmtp.auth.login import Login
from vsmtp.auth.mechanisms import Setting
from vsmtp.auth.saslauthd import SaslauthdBackend
from vsmtp.config.models.settings import Settings
from vsmtp.facts.subject import TlsState
from vsmtp.tables.contract import Table

_PEPPER: Final = 32
_NONCE: Final = 24


@dataclass(frozen=True, slots=True)
class Logins:
    """The back end and what goes with it.

    `host` is the server's name, `default_domain` that of users without one (empty: they stay without); after
    `attempts` failures a connection is closed; `nonce` gives fresh text for each login.
    """

    backend: Backend
    failed: FailedLogins
    host: str
    default_domain: str
    attempts: int
    nonce: Callable[[], str]

    def begin(self, mechanism: str, tls: TlsState | None, binding: bytes = b"") -> Login:
        """A login over a connection that is encrypted like this, to which `binding` can bind it."""
        external = tls.client_cert if tls is not None else ""
        setting = Setting(self.nonce(), self.host, binding, external)
        return Login(self.backend, mechanism, setting, self.default_domain)


def open_logins(
    settings: Settings, tables: Mapping[str, Table], pool: Executor, clock: Callable[[], float]
) -> Logins | None:
    """Who judges logins, None where no listener takes any; passwords are hashed in the threads of `pool`.

    `clock` never goes back.
    """
    if all(listener.logins == "none" for listener in settings.listeners.values()):
        return None
    auth = settings.auth
    failed = FailedLogins(auth.max_failures_per_ip, auth.failures_half_life, clock)
    backend = _backend(settings, tables, pool)
    domain = auth.default_domain or ""
    return Logins(backend, failed, settings.server.name, domain, auth.attempts, lambda: token_urlsafe(_NONCE))


def _backend(settings: Settings, tables: Mapping[str, Table], pool: Executor) -> Backend:
    auth = settings.auth
    match auth.backend.kind:
        case "table":
            assert auth.users is not None
            return TableBackend(tables[auth.users], pool, token_bytes(_PEPPER))
        case "dovecot":
            return DovecotBackend(auth.backend.path, auth.timeout, os.getpid())
        case "saslauthd":
            return SaslauthdBackend(auth.backend.path, auth.timeout, auth.default_domain or "")
