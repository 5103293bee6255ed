"""The whole configuration, checked."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from vsmtp.config.models.auth import Auth
from vsmtp.config.models.delivery import Delivery, Relay
from vsmtp.config.models.domains import Domain, DomainKey
from vsmtp.config.models.limiters import Exports, Limiter, LimiterName
from vsmtp.config.models.logs import Logs
from vsmtp.config.models.quarantines import Quarantine
from vsmtp.config.models.queue import Queue
from vsmtp.config.models.rules import Lookup, Rules, RuleTables
from vsmtp.config.models.section import Section
from vsmtp.config.models.server import MX, Listener, Server
from vsmtp.config.models.smtp import Smtp
from vsmtp.config.models.tables import TableName, TableSettings
from vsmtp.config.models.tls import Tls


class Settings(Section):
    """All tables of the tree; every one has a default."""

    version_requirement: str | None = None
    """The releases this tree is written for: `">=1.0,<2"`. Checked before anything else."""
    server: Server
    """The server as a whole."""
    listeners: Mapping[str, Listener] = Field(default={"mx": MX}, min_length=1)
    """Where it listens: `[listeners.mx]`. Default: `mx`, on port 25 of all addresses."""
    smtp: Smtp = Smtp()
    """The SMTP dialogue."""
    auth: Auth = Auth()
    """Logins."""
    tls: Tls = Tls()
    """Certificates."""
    tables: Mapping[TableName, TableSettings] = {}
    """What the administrator's world knows, by key: `[tables.name]`."""
    rules: Rules = Rules()
    """The rules: `[[rules.rcpt]]`."""
    chains: Mapping[str, RuleTables] = {}
    """Rules that others jump to: `[[chains.name]]`."""
    lookups: Mapping[str, Lookup] = {}
    """Rows that every rule may ask of, by the name that rules call them: `[lookups.name]`."""
    invariants: RuleTables = ()
    """What must hold of every session: `[[invariants]]` with `name`, the conditions of a rule and `expect`,
    `rejected` or `accepted`. Proved by `vsmtp prove` and `vsmtp check`."""
    queue: Queue = Queue()
    """The queue."""
    delivery: Delivery = Delivery()
    """How mail is delivered."""
    relays: Mapping[str, Relay] = {}
    """Servers that take our mail: `[relays.name]`."""
    domains: Mapping[DomainKey, Domain] = {}
    """What holds for single domains: `[domains."example.org"]`."""
    quarantines: Mapping[str, Quarantine] = {}
    """Where rules keep mail back: `[quarantines.name]`."""
    limiters: Mapping[LimiterName, Limiter] = {}
    """What is counted in sliding windows: `[limiters.name]`."""
    exports: Exports = Exports()
    """Where rules write files."""
    logs: Logs = Logs()
    """The log."""

    @property
    def local_domains(self) -> tuple[str, ...]:
        """The domains whose mail is delivered here, wherever they were named."""
        return (*self.server.local_domains, *self._of_class("local"))

    @property
    def relay_domains(self) -> tuple[str, ...]:
        """The domains whose mail is passed on, wherever they were named."""
        return (*self.server.relay_domains, *self._of_class("relay"))

    @property
    def has_certificate(self) -> bool:
        """Whether TLS can be offered."""
        return self.tls.certificate is not None and self.tls.private_key is not None

    def _of_class(self, wanted: str) -> tuple[str, ...]:
        return tuple(name for name, domain in self.domains.items() if domain.class_ == wanted)
