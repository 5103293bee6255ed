"""Facts that effects change: what the server's book of facts does, in a literal world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vsmtp.rules import effects
from vsmtp.rules.evaluate import Fired
from vsmtp.rules.language import Binding
from vsmtp.rules.template import Template, render_text
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, Unavailable
from vsmtp.vocabulary.answers import NO_VALUE, UNASKED, Answer
from vsmtp.vocabulary.tables import Column, Membership, hidden_of

Rows = dict[str, dict[str, Any]]
DOWN = Unavailable("the table is down")


class Book:
    """Answers from dicts. `slow` facts are Unasked until fetched, those of tables anew after a change.

    Of `rows` None is a table that is down. `fetched` are the facts asked for, in order.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer],
        rows: Mapping[str, Rows | None] | None = None,
        bindings: tuple[Binding, ...] = (),
        slow: frozenset[str] = frozenset(),
    ) -> None:
        self.answers = dict(answers)
        self.rows = {name: None if row is None else dict(row) for name, row in (rows or {}).items()}
        self.bindings = bindings
        self.slow = set(slow)
        self.fetched: list[str] = []
        self._all_slow = slow

    def ask(self, name: str) -> Answer:
        return UNASKED if name in self.slow else self._answer(name)

    def fetch(self, names: frozenset[str]) -> None:
        assert names
        assert names <= self.slow, "what is known is not asked again"
        self.fetched += names
        self.slow -= names

    def apply(self, fired: Fired) -> None:
        for effect in fired.effects:
            self._carry_out(effect, fired)

    def _answer(self, name: str) -> Answer:
        match hidden_of(name):
            case Column(number, column):
                return self._column(self.bindings[number], column)
            case Membership(table, fact, under):
                return self._membership(table, self._answer(fact), under=under)
            case None:
                return self.answers.get(name, MISSING)

    def _column(self, binding: Binding, column: str) -> Answer:
        rows = self.rows[binding.table]
        asked = [self._answer(name) for name in binding.key.facts]
        if rows is None or any(isinstance(answer, Unavailable) for answer in asked):
            return DOWN
        row = rows.get("".join(self._piece(part) for part in binding.key.parts).casefold())
        if column == "found":
            return row is not None
        found: Answer = (row or {}).get(column, MISSING)
        return found

    def _piece(self, part: Any) -> str:
        answer = part if isinstance(part, str) else self._answer(part.fact)
        return "" if isinstance(answer, Missing) else str(answer)

    def _membership(self, table: str, answer: Answer, *, under: bool) -> Answer:
        if isinstance(answer, NO_VALUE):
            return answer
        rows = self.rows[table]
        if rows is None:
            return DOWN
        if isinstance(answer, tuple):
            return tuple(_is_in(rows, str(item), under=under) for item in answer)
        return _is_in(rows, str(answer), under=under)

    def _carry_out(self, effect: effects.Effect, fired: Fired) -> None:
        match effect:
            case effects.SetVariables(values):
                for name, value in values:
                    self._change(name, _text(value, fired) if isinstance(value, Template) else value)
            case effects.AddVariables(amounts):
                for name, amount in amounts:
                    before = self.answers.get(name, MISSING)
                    self._change(name, (before if isinstance(before, int | float) else 0) + amount)
            case effects.TableSet(table, key, row):
                columns = {name: _text(v, fired) if isinstance(v, Template) else v for name, v in row}
                self._write(table, _text(key, fired), columns)
            case effects.TableRemove(table, key):
                self._write(table, _text(key, fired), None)
            case _:
                self._edit(effect, fired)

    def _edit(self, effect: effects.Effect, fired: Fired) -> None:
        """What effects change of the message and its envelope."""
        match effect:
            case effects.AddHeader(name, value):
                self._append(f"message.headers.{name.lower()}", _text(value, fired))
            case effects.AddRcpt(address) if text := _text(address, fired):
                self._append("rcpts.domain", Address.parse(text).domain)
            case effects.RewriteSender(address):
                text = _text(address, fired)
                self._change("sender.address", Address.parse(text) if text else MISSING)
                self._change("sender.domain", Address.parse(text).domain if text else MISSING)
            case _:
                pass

    def _change(self, name: str, answer: Answer) -> None:
        self.answers[name] = answer
        self.slow.discard(name)
        self._forget_tables()

    def _forget_tables(self) -> None:
        self.slow |= {each for each in self._all_slow if ":" in each}

    def _append(self, name: str, value: str) -> None:
        before = self.answers.get(name, MISSING)
        if not isinstance(before, Unavailable):
            self._change(name, (*(before if isinstance(before, tuple) else ()), value))

    def _write(self, table: str, key: str, row: dict[str, Any] | None) -> None:
        rows = self.rows[table]
        if rows is not None:
            rows.pop(key.casefold(), None)
            if row is not None:
                rows[key.casefold()] = row
            self._forget_tables()


def _is_in(rows: Rows, value: str, *, under: bool) -> bool:
    key = value.casefold()
    labels = key.rpartition("@")[2].split(".")
    return any(".".join(labels[n:]) in rows for n in range(len(labels))) if under else key in rows


def _text(template: Template, fired: Fired) -> str:
    return render_text(template, fired.facts)
