"""The domain under which an organization registers its names, by the Public Suffix List."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_LISTS: list[PublicSuffixList] = []


@dataclass(frozen=True, slots=True)
class SuffixesJob:
    """Reading the list, once in a process: it takes some 50 ms, which most servers never need."""

    def run(self) -> None:
        """Read it. Blocks: for a thread."""
        if not _LISTS:
            _LISTS.append(PublicSuffixList())


def is_ready() -> bool:
    """Whether the list was read."""
    return bool(_LISTS)


@lru_cache(maxsize=4096)
def org_domain(domain: str) -> str:
    """`example.co.uk` for `mail.example.co.uk`; a public suffix and an address literal are their own.

    The list must have been read.
    """
    if domain.startswith("["):
        return domain
    return _LISTS[0].privatesuffix(domain.casefold()) or domain
