"""What tables said in one transaction: the same question is asked once, whoever asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from vsmtp.facts.questions import RowWanted
from vsmtp.tables.contract import Instant, Lookup, Table, fold
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Found, Missing, Unavailable
from vsmtp.vocabulary.answers import NO_VALUE, UNASKED, Answer, Scalar, Unasked
from vsmtp.vocabulary.tables import FOUND

_NO_TABLE: Final = Unavailable("there is no such table")


class Rows:
    """Rows by table and key. `tables` are all there are; those that can answer at once are not waited for."""

    __slots__ = ("_known", "_tables")

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._known: dict[tuple[str, str], Lookup] = {}

    def find(self, table: str, key: str) -> Lookup | Unasked:
        """What the table says of the key; Unasked where somebody has to ask it."""
        known = self._known.get((table, fold(key)))
        if known is not None:
            return known
        asked = self._tables.get(table)
        if asked is None:
            return _NO_TABLE
        answer = asked.look_up(key) if isinstance(asked, Instant) else UNASKED
        if not isinstance(answer, Unasked):
            self.store(table, key, answer)
        return answer

    def store(self, table: str, key: str, answer: Lookup) -> None:
        """Keep an answer."""
        self._known[table, fold(key)] = answer

    def forget(self, table: str) -> None:
        """The table was written to: ask it anew."""
        for question in [question for question in self._known if question[0] == table]:
            del self._known[question]

    def clear(self) -> None:
        """Another transaction: ask everything anew."""
        self._known.clear()


def column_of(row: Lookup | Unasked, column: str) -> Answer:
    """A column of the row; `found` says whether there is one."""
    match row:
        case Found(cells):
            # A secret goes through as it is: only a login may ask for one (`rules.reading`).
            return True if column == FOUND else cast("Answer", cells.get(column, MISSING))
        case Missing():
            return False if column == FOUND else row
        case _:
            return row


def membership(rows: Rows, table: str, answer: Answer, *, under: bool) -> Answer:
    """Whether a fact's value, or each of its values, is a key of the table; `under`: or below one."""
    if isinstance(answer, NO_VALUE):
        return answer
    if not isinstance(answer, tuple):
        return _is_member(rows, table, answer, under=under)
    found: list[bool] = []
    for value in answer:
        member = _is_member(rows, table, value, under=under)
        if not isinstance(member, bool):
            return member
        found.append(member)
    return tuple(found)


def questions(rows: Rows, table: str, answer: Answer, *, under: bool) -> Iterator[RowWanted]:
    """What is to be asked before `membership` can tell."""
    if isinstance(answer, NO_VALUE):
        return
    for value in answer if isinstance(answer, tuple) else (answer,):
        for key in _keys(value, under=under):
            if isinstance(rows.find(table, key), Unasked):
                yield RowWanted(table, key)


def _is_member(rows: Rows, table: str, value: Scalar, *, under: bool) -> bool | Unavailable | Unasked:
    unknown: Unavailable | Unasked | None = None
    for key in _keys(value, under=under):
        match rows.find(table, key):
            case Found():
                return True
            case Unavailable() | Unasked() as nothing:
                unknown = nothing
            case Missing():
                continue
    return False if unknown is None else unknown


def _keys(value: Scalar, *, under: bool) -> Iterator[str]:
    if not under:
        yield str(value)
        return
    domain = value.domain if isinstance(value, Address) else str(value)
    while domain:
        yield domain
        domain = domain.partition(".")[2]
