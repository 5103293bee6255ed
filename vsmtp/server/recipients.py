"""Who exists in the local domains."""

from __future__ import annotations

import asyncio
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from vsmtp.facts.subject import Recipient
from vsmtp.tables.contract import Instant, Lookup, Table
from vsmtp.values.address import Address, upwards
from vsmtp.values.answer import MISSING, Found, Missing, Unavailable
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.answers import UNASKED, Unasked
from vsmtp.vocabulary.replies import REPLIES

REMEMBERED: Final = 10_000
FRESH: Final = 60.0
SYSTEM: Final = "system"
ANYBODY: Final = "any"
NO_SUCH_USER: Final = REPLIES["no_such_user"]
POSTMASTER: Final = "postmaster"


@dataclass(frozen=True, slots=True)
class LocalMail:
    """Which domains are ours, casefolded, and what parts a local part from its tag."""

    domains: frozenset[str]
    delimiter: str


def is_system_user(name: str) -> bool:
    """Whether the system has a user of that name. Blocks; raises OSError where it cannot say."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Users:
    """Who exists: `system` for users of the system, `any` for everybody, `@name` for the keys of a table.

    `by_domain` (casefolded; the nearest parent's where a domain has none) goes before `default`; `tables` are
    those that are open; `exists` tells of users of the system.
    """

    default: str = SYSTEM
    by_domain: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    exists: Callable[[str], bool] = is_system_user

    def of(self, domain: str) -> str:
        """Who exists in a domain, casefolded."""
        if self.by_domain:
            return next(
                (self.by_domain[one] for one in upwards(domain) if one in self.by_domain), self.default
            )
        return self.default


class Recipients:
    """Tells whether an address exists.

    Of `users` of the system it is the local part, less its tag, that counts. The postmaster always exists
    (RFC 5321 4.5.1) and, but where everybody does, reads mail at `postmaster`. `clock` gives monotonic
    seconds: what the system said is believed for a minute.
    """

    def __init__(
        self, about: LocalMail, postmaster: Address, users: Users, clock: Callable[[], float]
    ) -> None:
        self._local_domains = about.domains
        self._delimiter = about.delimiter
        self._postmaster = postmaster
        self._users = users
        self._clock = clock
        self._known: dict[str, tuple[float, bool]] = {}

    def meet(self, address: Address, index: int) -> Recipient:
        """The recipient as rules see it, with what is known of it without asking anybody."""
        return Recipient(address, index, self._recall(address))

    def is_local(self, domain: str) -> bool:
        """Whether mail for the domain is delivered here."""
        return domain.casefold() in self._local_domains

    def keeper(self, address: Address) -> Address:
        """Where mail for a recipient goes: its own address, but the postmaster's to whoever that is."""
        if not address.domain:
            return self._postmaster
        if len(address.local) < len(POSTMASTER):
            return address
        return self._postmaster if self._is_postmaster(address) else address

    async def find_out(self, address: Address) -> bool | Missing | Unavailable:
        """Whether the address exists; the loop goes on meanwhile."""
        known = self._recall(address)
        if not isinstance(known, Unasked):
            return known
        who = self._who(address)
        if who.startswith("@"):
            return _is_row(await self._users.tables[who[1:]].find(str(address)))
        return await asyncio.get_running_loop().run_in_executor(None, self.look_up, address)

    async def verify(self, text: str) -> Reply | None:
        """The answer to VRFY: None where nothing can be said of what was asked."""
        try:
            address = Address.parse(text.removeprefix("<").removesuffix(">"))
        except ValueError:
            return None
        known = await self.find_out(address)
        if not isinstance(known, bool):
            return None
        return Reply(250, "2.1.5", f"<{address}>") if known else NO_SUCH_USER

    def look_up(self, address: Address) -> bool | Unavailable:
        """Ask the system. Blocks: the users may be kept by a server elsewhere."""
        user = self._user(address)
        try:
            found = self._users.exists(user)
        except OSError as fault:
            return Unavailable(f"the users of the system are unavailable: {fault}")
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[user] = (self._clock(), found)
        return found

    def _recall(self, address: Address) -> bool | Missing | Unavailable | Unasked:
        domain = address.domain.casefold()
        if domain not in self._local_domains:
            return MISSING
        who = self._users.of(domain)
        if who == ANYBODY or self._is_postmaster(address):
            return True
        if who.startswith("@"):
            return self._recall_row(who[1:], str(address))
        when, found = self._known.get(self._user(address), (float("-inf"), False))
        return found if self._clock() - when < FRESH else UNASKED

    def _recall_row(self, name: str, key: str) -> bool | Unavailable | Unasked:
        table = self._users.tables.get(name)
        if table is None:
            return Unavailable(f"there is no table `{name}`")
        answer = table.look_up(key) if isinstance(table, Instant) else UNASKED
        return answer if isinstance(answer, Unasked) else _is_row(answer)

    def _who(self, address: Address) -> str:
        return self._users.of(address.domain.casefold())

    def _is_postmaster(self, address: Address) -> bool:
        """Whether it is the postmaster of a domain of ours where not everybody exists."""
        return (
            len(address.local) >= len(POSTMASTER)
            and self._user(address) == POSTMASTER
            and self.is_local(address.domain)
            and self._who(address) != ANYBODY
        )

    def _user(self, address: Address) -> str:
        local = address.local.casefold()
        return (local.partition(self._delimiter)[0] or local) if self._delimiter else local


def _is_row(answer: Lookup) -> bool | Unavailable:
    return answer if isinstance(answer, Unavailable) else isinstance(answer, Found)
