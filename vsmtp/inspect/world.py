"""The world as somebody supposes it: answers given in a file in place of asking for them.

`explain --world FILE` and `[test.world]` share this one reading. What is not supposed is asked for as the
server would ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from vsmtp.vocabulary.answers import Answer, Facts

Row: TypeAlias = Mapping[str, str | int | float | bool]
Zone: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class World:
    """What is supposed.

    `facts` are answers by the name of the fact, absent and unavailable ones among them. `tables` stand in
    place of the tree's of the same name: rows by casefolded key, or None for a table that is down. `users`
    are the users of the system, None for those of this machine. `dns` is a zone as `vsmtp verify --dns` takes
    it.
    """

    facts: Mapping[str, Answer] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Row] | None] = field(default_factory=dict)
    users: frozenset[str] | None = None
    dns: Zone = field(default_factory=dict)
    time: datetime | None = None

    def over(self, below: World) -> World:
        """This world, and where it says nothing, the one below."""
        return World(
            {**below.facts, **self.facts},
            {**below.tables, **self.tables},
            below.users if self.users is None else self.users,
            {**below.dns, **self.dns},
            self.time or below.time,
        )


class Supposed:
    """Facts with a world's answers in place of their own."""

    __slots__ = ("_facts", "_given")

    def __init__(self, facts: Facts, world: World) -> None:
        self._facts = facts
        self._given = world.facts

    def ask(self, name: str) -> Answer:
        """What is supposed, or else what the facts say."""
        given = self._given.get(name)
        return self._facts.ask(name) if given is None else given
