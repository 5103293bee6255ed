"""Finding out what rules want to know and the book does not: users, rows of tables, parts of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from vsmtp.facts.answers import FactBook
from vsmtp.facts.mime import SurveyJob
from vsmtp.facts.organization import SuffixesJob
from vsmtp.facts.questions import Found, Question, RecipientKnown, RowWanted
from vsmtp.tables.contract import Table
from vsmtp.values.address import Address
from vsmtp.values.answer import Missing, Unavailable

# Who tells whether a user exists; blocks.
Users: TypeAlias = Callable[[Address], bool | Missing | Unavailable]

# A key may be made of a row that is found by a key, and so on; not without end.
_ROUNDS: Final = 16
_NO_TABLE: Final = Unavailable("there is no such table")


@dataclass(frozen=True, slots=True)
class Fetching:
    """Asks `users` and the jobs of the book in threads, `tables` as they want to be asked."""

    users: Users
    tables: Mapping[str, Table] = field(default_factory=dict)

    async def fetch(self, book: FactBook, name: str) -> None:
        """The book can answer for that fact; what it wants for it is asked side by side."""
        for _ in range(_ROUNDS):
            questions = book.wanted(name)
            if not questions:
                return
            answers = await asyncio.gather(*(self._ask(question) for question in questions))
            for question, answer in zip(questions, answers, strict=True):
                book.store(question, answer)

    async def _ask(self, question: Question) -> Found:
        match question:
            case RecipientKnown(address):
                return await asyncio.to_thread(self.users, address)
            case RowWanted(table, key):
                asked = self.tables.get(table)
                return _NO_TABLE if asked is None else await asked.find(key)
            case SurveyJob() | SuffixesJob():
                return await asyncio.to_thread(question.run)
