"""What somebody has to find out for rules, because it takes I/O: the server asks, the book remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.facts.mime import SurveyJob
from vsmtp.facts.organization import SuffixesJob
from vsmtp.message.mime.survey import Survey
from vsmtp.tables.contract import Lookup
from vsmtp.values.address import Address
from vsmtp.values.answer import Missing, Unavailable


@dataclass(frozen=True, slots=True)
class RecipientKnown:
    """Does this user exist? The answer is True, False, Missing (no local domain) or Unavailable."""

    address: Address


@dataclass(frozen=True, slots=True)
class RowWanted:
    """What does this table say of the key? The answer is what its `find` gives."""

    table: str
    key: str


# The jobs are to be `run` in a thread; what that gives is the answer.
Question: TypeAlias = RecipientKnown | RowWanted | SurveyJob | SuffixesJob
Found: TypeAlias = bool | Missing | Unavailable | Lookup | Survey | None
