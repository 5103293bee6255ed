"""Who exists in the local domains."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vsmtp.facts.subject import Recipient
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Unasked

REMEMBERED: Final = 10_000
FRESH: Final = 60.0


@dataclass(frozen=True, slots=True)
class LocalMail:
    """Which domains are ours, casefolded, and what parts a local part from its tag."""

    domains: frozenset[str]
    delimiter: str


class Recipients:
    """Tells whether an address exists.

    `everybody`: every address of a local domain does; else those whose local part, less its tag, is a user of
    the system, and the postmaster, who always does (RFC 5321 4.5.1) and reads mail at `postmaster`. `clock`
    gives monotonic seconds: what was found is believed for a minute.
    """

    def __init__(
        self, about: LocalMail, postmaster: Address, *, everybody: bool, clock: Callable[[], float]
    ) -> None:
        self._local_domains = about.domains
        self._delimiter = about.delimiter
        self._postmaster = postmaster
        self._everybody = everybody
        self._clock = clock
        self._known: dict[str, tuple[float, bool]] = {}

    def meet(self, address: Address, index: int) -> Recipient:
        """The recipient as rules see it, with what is known of it without asking anybody."""
        return Recipient(address, index, self._recall(address))

    def keeper(self, address: Address) -> Address:
        """Where mail for a recipient goes: its own address, but the postmaster's to whoever that is."""
        if not address.domain or (not self._everybody and self._is_postmaster(address)):
            return self._postmaster
        return address

    def _is_postmaster(self, address: Address) -> bool:
        return self._user(address) == "postmaster" and address.domain.casefold() in self._local_domains

    def look_up(self, address: Address) -> bool | Unavailable:
        """Ask the system. Blocks: the users may be kept by a server elsewhere."""
        user = self._user(address)
        try:
            pwd.getpwnam(user)
            found = True
        except KeyError:
            found = False
        except OSError as fault:
            return Unavailable(f"the users of the system are unavailable: {fault}")
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[user] = (self._clock(), found)
        return found

    def _recall(self, address: Address) -> bool | Missing | Unasked:
        if address.domain.casefold() not in self._local_domains:
            return MISSING
        if self._everybody or self._is_postmaster(address):
            return True
        when, found = self._known.get(self._user(address), (float("-inf"), False))
        return found if self._clock() - when < FRESH else UNASKED

    def _user(self, address: Address) -> str:
        local = address.local.casefold()
        return (local.partition(self._delimiter)[0] or local) if self._delimiter else local
