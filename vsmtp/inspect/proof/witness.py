"""A concrete session for what the solver found: texts, addresses, numbers that lie in the cells it chose."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from vsmtp.inspect.proof.cast import OF_LOGINS
from vsmtp.inspect.proof.formula import Formula, opposite
from vsmtp.inspect.proof.lines import ABSENT, LOST, Cell, Numbers, Texts
from vsmtp.inspect.proof.riddles import Demand, Impossible, Pattern, Whole, solve
from vsmtp.inspect.proof.session import Session
from vsmtp.inspect.proof.symbols import Listed, Mailbox, Single, Symbol
from vsmtp.inspect.proof.writing import Wanted, write
from vsmtp.inspect.scene import HELO, Scene
from vsmtp.inspect.world import World
from vsmtp.rules.constants import ordinal
from vsmtp.rules.language import Literal, Op
from vsmtp.rules.predicates import holds
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
CLIENTS: Final = tuple(
    map(ip_address, ("192.0.2.1", "203.0.113.1", "198.51.100.1", "8.8.8.8", "2001:db8::1"))
)
# Facts that the scene itself settles.
_PLAYED: Final = ("client.", "listener.", "helo.", "tls.", "auth.", "sender.", "rcpt.", "rcpts.", "var.")
_SUPPOSED: Final = frozenset({"rcpt.known", "client.rdns", "client.rdns_valid"})


class NoTextError(Exception):
    """No text was found for a fact; `terms` cannot hold together, if that is proved."""

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
    _written: dict[int, str] = field(default_factory=dict)

    def holds(self, formula: Formula) -> bool:
        """Whether the formula holds in the model."""
        if isinstance(formula, bool):
            return formula
        return bool(self.model.eval(formula, model_completion=True))

    def cell(self, symbol: Single | Listed) -> int:
        """The cell that the solver chose."""
        return int(self.model.eval(symbol.cell, model_completion=True).as_signed_long())

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
        found = next((one for one in CLIENTS if one_in(one, cell)), None)
        number = int(cell.start)
        return found or (IPv4Address(number) if number < _V4_END else IPv6Address(number - _V4_END))

    # Texts.

    def _text(self, single: Single, usual: tuple[str, ...]) -> str:
        """A text of the cell that patterns say of what they should. Raises NoTextError."""
        guess = self._guess(single, usual)
        if guess is not None:
            return guess
        (text,) = self._solve([single], ())
        cell = single.line.cells[self.cell(single)]
        if not self._wanted(single, cell).fits(text):
            raise NoTextError(single.name, self._terms(single), is_proved=False)
        return text

    def _guess(self, single: Single, usual: tuple[str, ...]) -> str | None:
        cell = single.line.cells[self.cell(single)]
        if not cell.is_open:
            return cell.text
        like = [text for number, text in self._written.items() if self._is_like(single, number)]
        text = write(self._wanted(single, cell), (*like, *usual))
        if text is not None:
            self._written[id(single)] = text
        return text

    def _is_like(self, single: Single, other: int) -> bool:
        """Whether the two have the same text."""
        relation = self.session.facts.relations.get(frozenset({id(single), other}))
        return relation is not None and self.holds(relation)

    def _wanted(self, single: Single, cell: Cell) -> Wanted:
        assert isinstance(single.line, Texts)
        patterns = {key: self.holds(term) for key, term in single.patterns.items()}
        return Wanted(single.kind, single.line, cell, patterns)

    def _terms(self, single: Single) -> list[Formula]:
        return [single.cell == self.cell(single), *self._said(single.patterns)]

    def _said(self, patterns: Mapping[tuple[Op, str], Any]) -> list[Formula]:
        return [term if self.holds(term) else opposite(term) for term in patterns.values()]

    def _solve(self, singles: Sequence[Single], whole: Sequence[Pattern]) -> tuple[str, ...]:
        answer = solve([self._demand(single) for single in singles], Whole("@", whole))
        if isinstance(answer, tuple):
            return answer
        if isinstance(answer, Impossible):
            raise NoTextError(singles[0].name, list(answer.terms), is_proved=True)
        terms = [term for single in singles for term in self._terms(single)]
        raise NoTextError(singles[0].name, [*terms, *(term for _, term, _ in whole)], is_proved=False)

    def _demand(self, single: Single) -> Demand:
        number = self.cell(single)
        cell = single.line.cells[number]
        kind = Type.DOMAIN if single.kind is Type.DOMAIN else Type.TEXT
        return Demand(
            kind, cell, single.cell == number, self._demanded(single.patterns) if cell.is_open else ()
        )

    def _demanded(self, patterns: Mapping[tuple[Op, str], Any]) -> tuple[Pattern, ...]:
        said = ((key, term, self.holds(term)) for key, term in patterns.items())
        return tuple((key, term if found else opposite(term), found) for key, term, found in said)

    def _address(
        self, mailbox: Mailbox, locals_: tuple[str, ...], domains: tuple[str, ...]
    ) -> Address | None:
        if self.cell(mailbox.local) == ABSENT:
            return None
        bare = self.cell(mailbox.domain) == ABSENT
        local = self._guess_local(mailbox, locals_)
        domain = "" if bare else self._guess(mailbox.domain, domains)
        if local is not None and domain is not None and self._fits(mailbox, Address(local, domain)):
            return Address(local, domain)
        address = self._solve_address(mailbox, local, domain)
        if not self._fits(mailbox, address):
            terms = [*self._terms(mailbox.local), *self._terms(mailbox.domain), *self._terms(mailbox.tag)]
            raise NoTextError("an address", [*terms, *self._said(mailbox.patterns)], is_proved=False)
        return address

    def _solve_address(self, mailbox: Mailbox, local: str | None, domain: str | None) -> Address:
        """What could not be guessed; all of it where patterns are about the whole."""
        if mailbox.patterns and domain != "":
            return Address(*self._solve([mailbox.local, mailbox.domain], self._demanded(mailbox.patterns)))
        if local is None or mailbox.patterns:
            (local,) = self._solve([mailbox.local], self._demanded(mailbox.patterns))
        if domain is None:
            (domain,) = self._solve([mailbox.domain], ())
        return Address(local, domain)

    def _guess_local(self, mailbox: Mailbox, usual: tuple[str, ...]) -> str | None:
        tag = mailbox.tag
        if self._is_tagged(mailbox) and mailbox.local.line.cells[self.cell(mailbox.local)].is_open:
            text = self._text(tag, ("tag", "x", "y"))
            usual = tuple(f"{local}{self.delimiter}{text}" for local in usual)
        return self._guess(mailbox.local, usual)

    def _is_tagged(self, mailbox: Mailbox) -> bool:
        asked = mailbox.tag.name in self.session.facts.asked
        return asked and bool(self.delimiter) and self.cell(mailbox.tag) >= 0

    def _fits(self, mailbox: Mailbox, address: Address) -> bool:
        """Whether the address is one that can be written, with all that patterns say of it and its parts."""
        try:
            written = Address.parse(str(address))
        except ValueError:
            return False
        parts = [(mailbox.local, address.local)]
        parts += [(mailbox.domain, address.domain)] if address.domain else []
        return (
            written == address
            and all(self._is_in(single, text) for single, text in parts)
            and all(
                finds(op, operand, str(address)) == self.holds(term)
                for (op, operand), term in mailbox.patterns.items()
            )
        )

    def _is_in(self, single: Single, text: str) -> bool:
        cell = single.line.cells[self.cell(single)]
        return self._wanted(single, cell).fits(text) if cell.is_open else text.casefold() == cell.text

    # The rest of the world.

    def world(self) -> World:
        """What is supposed: the answers that no client gives, and what is in the message."""
        facts: dict[str, Answer] = {}
        asked: AbstractSet[str] = self.session.facts.asked
        if not self.holds(self.session.cast.authenticated):
            asked = asked - OF_LOGINS
        for name, versions in self.session.facts.made.items():
            if name in asked and (not name.startswith(_PLAYED) or name in _SUPPOSED):
                answer = self._answer(name, versions[0])
                if answer is not None:
                    facts[name] = answer
        return World({**facts, **dict(self._spelled())})

    def _spelled(self) -> Iterator[tuple[str, Answer]]:
        """Facts that a rule made addresses of in this session: what else they were would be no address."""
        for name, (fires, mailbox) in self.session.facts.spelled.items():
            if name.startswith("lookup:") and self.holds(fires):
                address = self._address(mailbox, _SENDERS, _SOURCES)
                if address is not None:
                    yield name, str(address)

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
            yield _typed(kind, "example.net" if kind is Type.DOMAIN else "someone@victim.example")


def _examples(op: Op, operands: tuple[object, ...]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, str):
            yield f"x.{operand}" if op is Op.UNDER else operand


def _typed(kind: Type, text: str) -> Scalar:
    try:
        return Address.parse(text) if kind is Type.ADDRESS else text
    except ValueError:
        return Address("someone", text)


def finds(op: Op, operand: str, text: str) -> bool:
    """Whether the pattern is found in the text."""
    return bool(holds(Literal(op, False, (operand,)), Type.TEXT, text, {}))


def one_in(address: IPv4Address | IPv6Address, cell: Cell) -> bool:
    """Whether the address lies in the cell."""
    return cell.start <= ordinal(address) < cell.end


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
