"""By which transport a recipient's mail goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from vsmtp.values.address import Address
from vsmtp.values.reply import Reply

# Deferred, not failed: the administrator who adds the smart host finds the mail still there.
NO_SMARTHOST: Final = Reply(
    451, "4.4.4", "no smart host is configured and MX delivery is not in this release"
)


@dataclass(frozen=True, slots=True)
class Local:
    """Into a mailbox of this server."""


@dataclass(frozen=True, slots=True)
class Smarthost:
    """To another server, which knows the way."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Unroutable:
    """Nowhere, for now; the recipient is deferred with `reply`."""

    reply: Reply


Route: TypeAlias = Local | Smarthost | Unroutable


@dataclass(frozen=True, slots=True)
class Routing:
    """The settings that decide: `local_domains` casefolded, and the smart host if there is one."""

    local_domains: frozenset[str]
    smarthost: Smarthost | None = None

    def route(self, recipient: Address) -> Route:
        """The way of a recipient; a bare `postmaster` is local (RFC 5321 4.5.1)."""
        if not recipient.domain or recipient.domain.casefold() in self.local_domains:
            return Local()
        return self.smarthost or Unroutable(NO_SMARTHOST)
