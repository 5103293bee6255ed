"""The domain under which an organization registers its names, by the Public Suffix List."""

from __future__ import annotations

from functools import lru_cache

from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=4096)
def org_domain(domain: str) -> str:
    """`example.co.uk` for `mail.example.co.uk`; a public suffix and an address literal are their own."""
    if domain.startswith("["):
        return domain
    return _suffixes().privatesuffix(domain.casefold()) or domain


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    # Read when the first rule asks: it takes some 50 ms, which most servers never need.
    return PublicSuffixList()
