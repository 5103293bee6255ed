"""Reading the choice of a transport."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast, get_args

from vsmtp.config.models.delivery import OutboundTls
from vsmtp.config.models.types import SECRET_KINDS, SecretSource, parse_host_port
from vsmtp.rules.effects import Effect, Forward, ForwardHost, ForwardRelay, Maildir, NoDelivery
from vsmtp.rules.readers.given import Given
from vsmtp.rules.template import Slot, Template
from vsmtp.rules.urls import parse_url
from vsmtp.values.secret import Secret

_MAX_PORT: Final = 65535
_SMTP_PORT: Final = 25
_HOME: Final = "{home}"


def forward(given: Given) -> Effect | None:
    """`"@relay"`, `"smtp://host:port"`, or `{ host, port, tls, user, password }`."""
    if isinstance(given.raw, Mapping):
        return _host(given)
    if isinstance(given.raw, str) and given.raw.startswith("@"):
        name = given.raw[1:]
        return ForwardRelay(name) if given.reading.declared("relay", name, given.path) else None
    url = given.text()
    if url.constant is not None and isinstance(given.raw, str):
        try:
            parse_url(url.constant)
        except ValueError as error:
            given.wrong("bad-host-port", str(error), "write `smtp://host:port`, or `@name` of a relay")
    return Forward(url)


def maildir(given: Given) -> Effect | None:
    """A path: absolute, or beginning with `{home}` or with a column of a table."""
    if not isinstance(given.raw, str) or not given.raw:
        given.wrong("wrong-type", "`maildir` is a path in quotes")
        return None
    in_home = given.raw.startswith(_HOME)
    path = Given(given.reading, given.raw.removeprefix(_HOME), given.path, given.groups).text()
    if _climbs(path) or not (in_home or _is_absolute(path)):
        remedy = 'write `"/srv/mail/{rcpt.domain}/{rcpt.local}"` or `"{home}/Maildir"`'
        given.wrong("bad-path", "a Maildir's path is absolute and does not climb with `..`", remedy)
    return Maildir(path, in_home)


def no_delivery(given: Given) -> Effect | None:
    """`true`."""
    if given.raw is not True:
        given.wrong("wrong-type", "`no_delivery` is `true`, or not there")
    return NoDelivery()


def _host(given: Given) -> Effect | None:
    fields = given.fields(("host",), ("port", "tls", "user", "password"))
    if fields is None:
        return None
    for one, other in (("user", "password"), ("password", "user")):
        if one in fields and other not in fields:
            message = f"`{other}` is missing: a login and its password belong together"
            given.reading.key_fault(given.path, "missing-key", message)
            return None
    port = fields["port"].whole(1, _MAX_PORT) if "port" in fields else _SMTP_PORT
    tls = fields["tls"].choice(get_args(OutboundTls), "`tls`") if "tls" in fields else "may"
    user = fields["user"].text() if "user" in fields else None
    password = _password(fields["password"]) if "password" in fields else None
    host = _host_name(fields["host"])
    if port is None or tls is None or (user is not None and password is None):
        return None
    return ForwardHost(host, port, cast("OutboundTls", tls), user, password)


def _host_name(given: Given) -> Template:
    host = given.text()
    if host.constant is not None and isinstance(given.raw, str):
        try:
            parse_host_port(f"[{host.constant}]:25" if ":" in host.constant else f"{host.constant}:25")
        except ValueError as error:
            given.wrong("bad-host-port", str(error))
    return host


def _password(given: Given) -> Template | SecretSource | None:
    """A column of type `secret` as `"{user.password}"`, or a secret as everywhere in the tree."""
    if isinstance(given.raw, str):
        template = given.reading.credential(given.raw, given.path, given.groups)
        if len(template.parts) == 1 and isinstance(template.parts[0], Slot):
            return template
    elif isinstance(given.raw, Mapping) and len(given.raw) == 1:
        kind, text = next(iter(given.raw.items()))
        if kind == "value" and isinstance(text, str):
            return SecretSource("value", "", Secret(text))
        if kind in SECRET_KINDS and isinstance(text, str) and (kind != "file" or text.startswith("/")):
            return SecretSource(kind, text)
    remedy = (
        'write `{ file = "/..." }`, `{ env = "..." }`, `{ credential = "..." }` or a column, `"{user.key}"`'
    )
    given.wrong("bad-secret", "a password says where it is kept; a file's path is absolute here", remedy)
    return None


def _climbs(path: Template) -> bool:
    text = "".join(part if isinstance(part, str) else "x" for part in path.parts)
    return "\0" in text or ".." in text.split("/")


def _is_absolute(path: Template) -> bool:
    first = path.parts[0] if path.parts else ""
    return first.startswith("/") if isinstance(first, str) else first.fact.startswith("lookup:")
