"""Logins: who may, how, and who judges their passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, PlainValidator

from vsmtp.config.models.section import Section
from vsmtp.config.models.tables import TableReference
from vsmtp.config.models.types import DomainName, Duration, Listed, choice, refusal, text_of

MechanismName: TypeAlias = Literal[
    "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL"
]

_LATER_MECHANISMS: Final = {
    "OAUTHBEARER": "OAUTHBEARER arrives in a later release",
    "XOAUTH2": "XOAUTH2 arrives in a later release",
}
_BACKENDS: Final = "write `table`, `dovecot:/run/dovecot/auth-client` or `saslauthd:/run/saslauthd/mux`"


@dataclass(frozen=True, slots=True)
class BackendPlace:
    """Who judges passwords; `path` is the socket of `dovecot` or `saslauthd`, empty for `table`."""

    kind: Literal["table", "dovecot", "saslauthd"]
    path: str = ""


def _backend(value: object) -> BackendPlace:
    written = text_of(value, "a back end in quotes")
    kind, _, path = written.partition(":")
    if written == "table":
        return BackendPlace("table")
    if kind not in ("dovecot", "saslauthd"):
        raise refusal("bad-choice", f"unknown back end `{kind}`", _BACKENDS)
    if not path.startswith("/") or "\0" in path:
        raise refusal("bad-path", f"`{kind}` needs the path of its socket, from the root", _BACKENDS)
    return BackendPlace("dovecot" if kind == "dovecot" else "saslauthd", path)


class Auth(Section):
    """Logins."""

    mechanisms: Listed[Annotated[MechanismName, choice(MechanismName, _LATER_MECHANISMS)]] = (
        "SCRAM-SHA-256", "PLAIN", "LOGIN",
    )  # fmt: skip
    """The SASL mechanisms offered, of these and `SCRAM-SHA-256-PLUS`, `CRAM-MD5`, `EXTERNAL`. Those of SCRAM
    and `CRAM-MD5` need a table of secrets, `CRAM-MD5` in clear; `EXTERNAL` goes by the client's
    certificate."""
    backend: Annotated[BackendPlace, PlainValidator(_backend)] = BackendPlace("table")
    """Who judges passwords: `table` for the secrets in `users`; `dovecot:/path` or `saslauthd:/path` for the
    one behind that socket. Default: `table`."""
    users: TableReference | None = None
    """The table of users: login to secret, `{SCHEME}text`. A column of type `secret`, else `password` or
    `value`."""
    owners: TableReference | None = None
    """The table of what logins may send from, in MAIL FROM and From: in the column `addresses`, else `value`,
    are addresses with commas or blanks between, `@example.org` for all of a domain, `*` for any. Default:
    everybody sends from the address that the login is; where it has no domain, from that name in all local
    domains."""
    default_domain: DomainName | None = None
    """The domain of logins that have none. Default: they stay without."""
    timeout: Annotated[Duration, Field(gt=0, le=300)] = 10.0
    """How long a back end may take."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """Failed logins after which a connection is closed."""
    max_failures_per_ip: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Failed logins from one address after which none is tried; an IPv6 /64 counts as one."""
    failures_half_life: Annotated[Duration, Field(gt=0)] = 600.0
    """The time after which half of those failures are forgotten."""
