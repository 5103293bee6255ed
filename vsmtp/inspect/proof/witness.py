"""A concrete session for what the solver found: texts, addresses, numbers that lie in the cells it chose."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from vsmtp.inspect.proof.formula import Formula
from vsmtp.inspect.proof.lines import ABSENT, LOST, Cell, Numbers, Texts
from vsmtp.inspect.proof.session import Session
from vsmtp.inspect.proof.symbols import Listed, Mailbox, Single, Symbol
from vsmtp.inspect.proof.writing import Wanted, write
from vsmtp.inspect.scene import HELO, Scene
from vsmtp.inspect.world import World
from vsmtp.rules.language import Literal, Op
from vsmtp.rules.regex import Pattern
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.vocabulary.answers import Answer, Scalar
from vsmtp.vocabulary.facts import FACTS
from vsmtp.vocabulary.types import Type

_V4_END: Final = 1 << 32
_DOWN: Final = Unavailable("it is supposed to be unavailable")
# What a session says where nothing else is wanted.
_LOCALS: Final = ("someone", "anyone", "info", "user")
_SENDERS: Final = ("sender", "carl", "anna", "info")
_DOMAINS: Final = ("victim.example", "elsewhere.example", "example.net", "example.com", "a.example")
_SOURCES: Final = ("stranger.example", "example.net", "example.com", "b.example")
_ADDRESSES: Final = tuple(int(ip_address(one)) for one in ("192.0.2.1", "203.0.113.1", "198.51.100.1"))
# Facts that the scene itself settles.
_PLAYED: Final = ("client.", "listener.", "helo.", "tls.", "auth.", "sender.", "rcpt.", "rcpts.", "var.")
_SUPPOSED: Final = frozenset({"rcpt.known", "client.rdns", "client.rdns_valid"})


class NoTextError(Exception):
    """No text was found for a fact; `impossible` are terms that cannot hold together, where that is proved."""

    def __init__(self, name: str, terms: list[Formula], *, is_proved: bool) -> None:
        super().__init__(name)
        self.terms = terms
        self.is_proved = is_proved


@dataclass(slots=True)
class Witness:
    """Reads a session off the solver's model; `delimiter` parts tags from local parts."""

    session: Session
    model: Any
    delimiter: str
    delimited: dict[int, str] = field(default_factory=dict)

    def holds(self, formula: Formula) -> bool:
        """Whether the formula holds in the model."""
        if isinstance(formula, bool):
            return formula
        return bool(self.model.eval(formula, model_completion=True))

    def cell(self, symbol: Single | Listed) -> int:
        """The cell that the solver chose."""
        return int(self.model.eval(symbol.cell, model_completion=True).as_long())

    def scene(self) -> Scene:
        """The session as it is played. Raises NoTextError."""
        cast = self.session.cast
        sender = self._address(cast.sender, _SENDERS, _SOURCES)
        guests = [to for guard, to in cast.recipients if self.holds(guard)]
        recipients: list[Address] = []
        for guest in guests:
            taken = {each.local.casefold() for each in recipients}
            locals_ = tuple(local for local in _LOCALS if local not in taken)
            recipients.append(self._address(guest, locals_, _DOMAINS) or Address("postmaster", ""))
        helo = self._text(cast.helo, (HELO, "mail.example.com", "host.invalid"))
        doors = {door.name.casefold(): door.name for door in self.session.around.doors}
        return Scene(
            self._ip(), listener=doors[cast.door.line.cells[self.cell(cast.door)].text],
            helo=helo, esmtp=self.cell(cast.esmtp) == 1, tls=self.holds(cast.tls),
            user=self._user(), sender=sender or NULL_SENDER, recipients=tuple(recipients),
        )  # fmt: skip

    def _user(self) -> str:
        if not self.holds(self.session.cast.authenticated):
            return ""
        return self._text(self.session.facts.single("auth.user"), ("user", "someone", "a@example.org"))

    def _ip(self) -> IPv4Address | IPv6Address:
        line = self.session.cast.ip.line
        cell = line.cells[self.cell(self.session.cast.ip)]
        number = next((one for one in _ADDRESSES if cell.start <= one < cell.end), int(cell.start))
        return IPv4Address(number) if number < _V4_END else IPv6Address(number - _V4_END)

    # Texts.

    def _text(self, single: Single, usual: tuple[str, ...]) -> str:
        number = self.cell(single)
        cell = single.line.cells[number]
        if not cell.is_open:
            return cell.text
        assert isinstance(single.line, Texts)
        wanted = self._wanted(single, cell)
        text = write(wanted, usual)
        if text is None:
            raise NoTextError(single.name, self._terms(single), is_proved=False)
        return text

    def _wanted(self, single: Single, cell: Cell) -> Wanted:
        assert isinstance(single.line, Texts)
        patterns = {key: self.holds(term) for key, term in single.patterns.items()}
        return Wanted(single.kind, single.line, cell, patterns)

    def _terms(self, single: Single) -> list[Formula]:
        cell = single.cell == self.cell(single)
        said = [term if self.holds(term) else term == False for term in single.patterns.values()]  # noqa: E712
        return [cell, *said]

    def _address(
        self, mailbox: Mailbox, locals_: tuple[str, ...], domains: tuple[str, ...]
    ) -> Address | None:
        if self.cell(mailbox.local) == ABSENT:
            return None
        local = self._local(mailbox, locals_)
        domain = "" if self.cell(mailbox.domain) == ABSENT else self._text(mailbox.domain, domains)
        address = Address(local, domain)
        for (op, operand), term in mailbox.patterns.items():
            if _finds(op, operand, str(address)) != self.holds(term):
                terms = [*self._terms(mailbox.local), *self._terms(mailbox.domain)]
                said = [t if self.holds(t) else t == False for t in mailbox.patterns.values()]  # noqa: E712
                raise NoTextError("address", [*terms, *said], is_proved=False)
        return address

    def _local(self, mailbox: Mailbox, usual: tuple[str, ...]) -> str:
        number = self.cell(mailbox.tag)
        line = mailbox.tag.line
        tagged = number >= 0 and (len(line.cells) > 1 or bool(mailbox.tag.patterns))
        if tagged and self.delimiter and mailbox.local.line.cells[self.cell(mailbox.local)].is_open:
            tag = self._text(mailbox.tag, ("tag", "x", "y"))
            usual = tuple(f"{local}{self.delimiter}{tag}" for local in usual)
        return self._text(mailbox.local, usual)

    # The rest of the world.

    def world(self) -> World:
        """What is supposed: the answers that no client gives, and what is in the message."""
        facts: dict[str, Answer] = {}
        for name, versions in self.session.facts.made.items():
            if not name.startswith(_PLAYED) or name in _SUPPOSED:
                answer = self._answer(name, versions[0])
                if answer is not None:
                    facts[name] = answer
        return World(facts)

    def _answer(self, name: str, symbol: Symbol) -> Answer | None:
        if isinstance(symbol, Mailbox):
            return self._address(symbol, _SENDERS, _SOURCES) or MISSING
        if not isinstance(symbol, Single | Listed):
            return None
        number = self.cell(symbol)
        if number == LOST:
            return _DOWN
        if isinstance(symbol, Listed):
            return tuple(self._elements(name, symbol)) if number >= 0 else ()
        return MISSING if number == ABSENT else self._value(symbol)

    def _value(self, single: Single) -> Scalar:
        cell = single.line.cells[self.cell(single)]
        if single.kind is Type.BOOL:
            return cell.text == "true"
        if isinstance(single.line, Numbers):
            return number_in(cell, single.kind)
        return self._text(single, ("something", "example.net", "else"))

    def _elements(self, name: str, symbol: Listed) -> Iterator[Scalar]:
        """Elements that make true what is said of them, as far as one element for each can."""
        kind = FACTS[name].type if name in FACTS else Type.TEXT
        found = False
        for key, term in symbol.claims.items():
            if isinstance(key, tuple) and self.holds(term):
                for text in _examples(key[0], key[1]):
                    found = True
                    yield _typed(kind, text)
                    break
        if not found:
            yield _typed(kind, "someone@example.net" if kind is Type.ADDRESS else "example.net")


def _examples(op: Op, operands: tuple[object, ...]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, str):
            yield f"x.{operand}" if op is Op.UNDER else operand


def _typed(kind: Type, text: str) -> Scalar:
    try:
        return Address.parse(text) if kind is Type.ADDRESS else text
    except ValueError:
        return Address("someone", text)


def _finds(op: Op, operand: str, text: str) -> bool:
    from vsmtp.rules.predicates import holds  # noqa: PLC0415

    return bool(holds(Literal(op, False, (operand,)), Type.TEXT, text, {}))


def number_in(cell: Cell, kind: Type) -> Scalar:
    """A number of the cell as a fact of this kind holds it."""
    low = cell.start if math.isfinite(cell.start) else min(0.0, cell.end - 1)
    number = math.ceil(low) if math.ceil(low) < cell.end else low
    match kind:
        case Type.DATE:
            return date.fromordinal(max(1, int(number)))
        case Type.INSTANT:
            return datetime.fromtimestamp(number, UTC)
        case _:
            return number


__all__ = ["NoTextError", "Pattern", "Witness", "number_in"]
