"""Whose addresses are whose: what a login may send from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vsmtp.tables.contract import VALUE, Lookup, Row
from vsmtp.values.address import Address
from vsmtp.values.answer import Found, Missing, Unavailable

# The column with the addresses, of a table that has more than one.
ADDRESSES: Final = "addresses"
ANYTHING: Final = "*"
_SEPARATORS: Final = re.compile(r"[,\s]+")
_NO_ADDRESSES: Final = Unavailable(f"the row of a login has no `{ADDRESSES}` and no `{VALUE}`")


@dataclass(frozen=True, slots=True)
class Owners:
    """Who says what a login may send from.

    `table` is the table that does, by login: addresses with commas or blanks between, `@example.org` for all
    of a domain, `*` for all there are. Where it is empty a login owns the address that it is itself, and one
    without a domain that local part in every one of `local_domains` (casefolded). `delimiter` parts a local
    part from its tag: who owns an address owns it with any tag.
    """

    table: str = ""
    local_domains: frozenset[str] = frozenset()
    delimiter: str = ""

    def owns(self, user: str, addresses: tuple[Address, ...], row: Lookup | None) -> bool | Unavailable:
        """Whether all of `addresses` are the user's; `row` is the table's, None without one."""
        match row:
            case None:
                return all(self._is_own(user.casefold(), address) for address in addresses)
            case Found(cells):
                listed = _listed(cells)
                if isinstance(listed, Unavailable):
                    return listed
                return all(self._is_listed(listed, address) for address in addresses)
            case Missing():
                return False
            case Unavailable():
                return row

    def _is_own(self, user: str, address: Address) -> bool:
        keys = (address.key, self._untagged(address))
        if "@" in user:
            return user in keys
        domain = address.domain.casefold()
        return domain in self.local_domains and f"{user}@{domain}" in keys

    def _is_listed(self, listed: frozenset[str], address: Address) -> bool:
        names = {ANYTHING, address.key, self._untagged(address), f"@{address.domain.casefold()}"}
        return not listed.isdisjoint(names)

    def _untagged(self, address: Address) -> str:
        local = address.local.partition(self.delimiter)[0] if self.delimiter else address.local
        return Address(local or address.local, address.domain).key


def _listed(row: Row) -> frozenset[str] | Unavailable:
    text = row.get(ADDRESSES, row.get(VALUE))
    if not isinstance(text, str):
        return _NO_ADDRESSES
    return frozenset(_SEPARATORS.split(text.casefold()))
