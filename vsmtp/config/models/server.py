"""Who this server is, whom it knows and whom it trusts; where it listens."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from vsmtp.config.models.domains import RecipientsOf
from vsmtp.config.models.section import Section
from vsmtp.config.models.types import (
    DomainName,
    Endpoint,
    HostPort,
    Listed,
    Mailbox,
    Network,
    Rate,
    RateLimit,
    Size,
    choice,
    describe,
    refusal,
    text_of,
)

ListenerKind: TypeAlias = Literal["relay", "submission", "submissions", "lmtp", "lmtps"]
InboundTls: TypeAlias = Literal["none", "may", "required"]
InboundAuth: TypeAlias = Literal["none", "may", "required"]
ClientCertificates: TypeAlias = Literal["none", "ask", "require"]

# TLS comes before the first word (RFC 8314 3.3).
IMPLICIT_TLS: Final = frozenset({"submissions", "lmtps"})
# Mail from people, who say who they are (RFC 6409 4.3).
SUBMISSION: Final = frozenset({"submission", "submissions"})
LMTP: Final = frozenset({"lmtp", "lmtps"})

_LATER_KINDS: Final = {
    "delegation": "delegation arrives in a later release",
    "policy": "the policy service arrives in a later release",
}


def _timezone(value: object) -> str:
    written = text_of(value, "a time zone in quotes")
    if written == "system":
        return written
    from zoneinfo import ZoneInfo  # noqa: PLC0415 most trees never ask for it

    try:
        ZoneInfo(written)
    except (ValueError, OSError, KeyError):
        raise refusal(
            "bad-timezone", f"unknown time zone `{written}`", "write a name like `Europe/Berlin`, or `system`"
        ) from None
    return written


def _delimiter(value: str) -> str:
    if len(value) > 1 or value in ("@", '"', " ") or not value.isascii():
        raise refusal("bad-delimiter", "the delimiter is one character, or empty for none")
    return value


def _user(value: object) -> str:
    if isinstance(value, int):
        raise refusal("wrong-type", f"expected a name, found {describe(value)}")
    return text_of(value, "a name in quotes")


def _own_domain(data: dict[str, Any]) -> tuple[str, ...]:
    return (data["name"],) if "name" in data else ()


def _own_postmaster(data: dict[str, Any]) -> str:
    domains = data.get("local_domains") or (data.get("name"),)
    return f"postmaster@{domains[0]}" if domains[0] else ""


class Server(Section):
    """The server as a whole."""

    name: DomainName
    """The server's own name: greeting, EHLO, Received. Default: the full name of the host."""
    user: Annotated[str, BeforeValidator(_user)] | None = None
    """The system user the server runs as when it is started by root. Default: who starts it."""
    group: Annotated[str, BeforeValidator(_user)] | None = None
    """The system group the server runs as. Default: the user's own group."""
    local_domains: Listed[DomainName] = Field(default_factory=_own_domain)
    """Domains whose mail is delivered here. Lists in several files add up. Default: the server's name."""
    relay_domains: Listed[DomainName] = ()
    """Domains whose mail is taken from anybody and passed on. Lists in several files add up."""
    recipients: RecipientsOf = "system"
    """Who exists in the local domains: `system` for the users of this machine, `any` for everybody,
    `"@table"` for the addresses that are keys of a table."""
    recipient_delimiter: Annotated[str, AfterValidator(_delimiter)] = "+"
    """What parts a tag from a local part: `user+tag`. Empty for no tags."""
    postmaster: Mailbox = Field(default_factory=_own_postmaster)
    """Who the postmaster is: where mail for a bare `postmaster` goes, and, unless everybody exists there, for
    the postmaster of a local domain. Default: postmaster at the first local domain."""
    trusted: Listed[Network] = ()
    """Clients that may relay. Lists in several files add up. Default: none."""
    timezone: Annotated[str, BeforeValidator(_timezone)] = "system"
    """The zone in which rules tell the time: `system`, or a name like `Europe/Berlin`."""
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Connections at the same time, over all listeners."""
    max_connections_per_ip: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Connections at the same time from one address; an IPv6 /64 counts as one, trusted ones are exempt."""
    max_connection_rate: RateLimit = Rate(600, 60.0)
    """New connections from one address: `"600/m"` (`/s`, `/m`, `/h`), or `"none"` for any number. An IPv6 /64
    counts as one, trusted ones are exempt."""
    max_message_rate: RateLimit = None
    """Messages begun from one address, counted likewise; those over it get 450. Default: any number."""
    max_message_size: Annotated[Size, Field(ge=1024)] = 25 * 2**20
    """The largest message that is taken, announced as SIZE."""


class Listener(Section):
    """A service at one or more addresses. Without any listener there is `mx`, on port 25 of all addresses."""

    address: Annotated[Listed[Endpoint], Field(min_length=1)]
    """Where to listen: `192.0.2.1:25`, `[::]:25`."""
    kind: Annotated[ListenerKind, choice(ListenerKind, _LATER_KINDS)] = "relay"
    """What is spoken there: `relay` is mail from other servers and from trusted clients, `submission` mail
    from people, `lmtp` local mail from other servers; `submissions` and `lmtps` are those under TLS from the
    first octet on."""
    tls: Annotated[InboundTls, choice(InboundTls)] | None = None
    """STARTTLS: `none`, `may`, or `required` before any mail. Default: `required` for `submission`; for other
    kinds `may` where there is a certificate, else `none`."""
    client_certificates: Annotated[ClientCertificates, choice(ClientCertificates)] = "none"
    """Whether a client is asked for a certificate of its own, which `[tls] client_ca` must vouch for: `ask`
    takes clients that show none, `require` does not. Rules see whose it is as `tls.client_cert`."""
    auth: Annotated[InboundAuth, choice(InboundAuth)] | None = None
    """Logins: `none`, `may`, or `required` before any mail. Default: `required` for `submission` and
    `submissions`, else `none`."""
    auth_without_tls: bool = False
    """Whether clients may log in without TLS, where others on the way can read their mail and passwords."""
    proxy_protocol_from: Listed[Network] = ()
    """Networks of proxies that must begin with a PROXY header (version 1 or 2), which says who the client
    is; nobody else may."""
    xclient_from: Listed[Network] = ()
    """Networks of proxies that may say by XCLIENT who the client is; whoever was named names nobody else."""

    @property
    def is_implicit(self) -> bool:
        """Whether TLS comes before the first word."""
        return self.kind in IMPLICIT_TLS

    @property
    def logins(self) -> InboundAuth:
        """Whether clients may log in, or have to."""
        return self.auth or ("required" if self.kind in SUBMISSION else "none")

    @property
    def wants_login(self) -> bool:
        """Whether nobody may send mail without a login."""
        return self.logins == "required"

    def starttls(self, *, has_certificate: bool) -> InboundTls:
        """How it stands with STARTTLS, where the server has a certificate or has none."""
        if self.is_implicit:
            return "none"
        if self.tls is not None:
            return self.tls
        if self.kind == "submission":
            return "required"
        return "may" if has_certificate else "none"


MX: Final = Listener.model_construct(
    address=(HostPort("0.0.0.0", 25), HostPort("::", 25)), kind="relay"  # noqa: S104 a mail server
)  # fmt: skip
