"""Three-valued logic: True, False, and None for what nobody can know (`rules.md`, "What is not known")."""

from __future__ import annotations

from collections.abc import Iterable


def all_of(claims: Iterable[bool | None]) -> bool | None:
    """False if one is; else unknown if one is; else true."""
    unknown = False
    for claim in claims:
        if claim is False:
            return False
        unknown = unknown or claim is None
    return None if unknown else True


def any_of(claims: Iterable[bool | None]) -> bool | None:
    """True if one is; else unknown if one is; else false."""
    return opposite(all_of(opposite(claim) for claim in claims))


def opposite(claim: bool | None) -> bool | None:  # noqa: FBT001 a truth value is what it is about
    """Not so; unknown stays unknown."""
    return None if claim is None else not claim
