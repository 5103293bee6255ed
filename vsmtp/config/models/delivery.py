"""Where mail goes from here."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import (
    Host,
    SecretPlace,
    Smarthost,
    check_template,
    choice,
    refusal,
    text_of,
)
from vsmtp.values.address import parse_domain

Local: TypeAlias = Literal["maildir"]
OutboundTls: TypeAlias = Literal["none", "may", "required", "verified"]

_LATER_LOCAL: Final = {"mbox": "delivery to mbox files arrives in a later release"}
_LATER_TLS: Final = {"dane": "DANE arrives in a later release"}
_MAILDIR_NAMES: Final = ("home", "user", "rcpt.local", "rcpt.domain", "rcpt.address")


def _local(value: object) -> object:
    if isinstance(value, str) and value.startswith("lmtp:"):
        raise refusal(
            "not-yet", "delivery over LMTP arrives in a later release", "this release knows `maildir`"
        )
    return value


def _maildir(value: object, info: ValidationInfo) -> str:
    written = check_template(text_of(value, "a path in quotes"), _MAILDIR_NAMES)
    if not written or "\0" in written or ".." in written.split("/"):
        raise refusal("bad-path", "the path is empty" if not written else "the path must not climb with `..`")
    if written.startswith("~"):
        raise refusal("bad-path", "`~` means nothing here", "write `{home}` for the user's home")
    if not any("{" + name + "}" in written for name in ("home", "user", "rcpt.local", "rcpt.address")):
        remedy = "use `{home}`, `{user}`, `{rcpt.local}` or `{rcpt.address}`"
        raise refusal("bad-template", "all users would share this Maildir", remedy)
    if written.startswith(("/", "{home}")):
        return written
    root = str((info.context or {}).get("root", "."))
    return root.replace("{", "{{").replace("}", "}}") + "/" + written


def _helo(value: object) -> str:
    written = check_template(text_of(value, "a name in quotes"), ("server.name",))
    if written != "{server.name}":
        try:
            parse_domain(written)
        except ValueError as error:
            raise refusal("bad-domain", f"`{written}` is not a name for HELO: {error}") from None
    return written


class Delivery(Section):
    """How mail is delivered."""

    local: Annotated[Local, choice(Local, _LATER_LOCAL), BeforeValidator(_local)] = "maildir"
    """How mail for local domains is kept."""
    maildir: Annotated[str, BeforeValidator(_maildir)] = "{home}/Maildir"
    """The Maildir of a recipient: `{home}` and `{user}` of the system user, `{rcpt.local}` (without tag),
    `{rcpt.domain}`, `{rcpt.address}`. A relative path is relative to the tree."""
    smarthost: Smarthost | None = None
    """Where mail for other domains goes: `"@name"` of a `[relays.name]`, or `host:port`. Default: nowhere."""
    max_per_destination: Annotated[int, Field(ge=1, le=1000)] = 20
    """Connections at the same time to one destination."""
    helo: Annotated[str, BeforeValidator(_helo)] = "{server.name}"
    """The name in our EHLO."""


class Relay(Section):
    """A server that takes our mail."""

    host: Host
    """Its name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    """Its port; 587 for submission."""
    tls: Annotated[OutboundTls, choice(OutboundTls, _LATER_TLS)] = "may"
    """`none`; `may`: if offered; `required`: with any certificate; `verified`: with a valid one."""
    user: str | None = None
    """The login, where one is needed."""
    password: SecretPlace | None = None
    """Its password: `{ file = "..." }`, `{ env = "..." }` or `{ credential = "..." }`."""
