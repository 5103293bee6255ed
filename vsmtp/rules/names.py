"""The names that rules may use and that other sections of the configuration declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """What is declared, by kind; None where nobody says, and then every name is taken.

    `limiters` are by name the template of what each counts by: `{"per_user": "{auth.user}"}`.
    """

    limiters: Mapping[str, str] | None = None
    quarantines: frozenset[str] | None = None
    services: frozenset[str] | None = None
    relays: frozenset[str] | None = None
