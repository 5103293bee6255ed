"""Who comes to a session: client, door, login, sender, each of them any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vsmtp.inspect.proof.around import Around, Duty, span_of
from vsmtp.inspect.proof.facts import PARTS, Facts
from vsmtp.inspect.proof.formula import Formula, both, every, implies, opposite, some
from vsmtp.inspect.proof.lines import ABSENT, Numbers, Ranges, Texts
from vsmtp.inspect.proof.symbols import Mailbox, Single, Stated
from vsmtp.rules.language import Interval
from vsmtp.vocabulary.facts import FACTS

OF_LOGINS: Final = frozenset({"sender.owned", "message.from_owned"})
_LOGIN: Final = ("auth.user", "auth.domain", "auth.mechanism", "auth.success", "auth.attempt")
_TLS: Final = ("tls.version", "tls.cipher", "tls.sni", "tls.client_cert")


@dataclass(slots=True)
class Cast:
    """Who plays: the symbols that a concrete session is read from."""

    ip: Single
    door: Single
    trusted: Formula
    stranger: Formula
    authenticated: Formula
    helo: Single
    esmtp: Single
    tls: Formula
    sender: Mailbox
    recipients: list[tuple[Formula, Mailbox]] = field(default_factory=list)


def enter(around: Around, facts: Facts) -> Cast:
    """Whoever comes, by whatever door, and says whatever it likes."""
    return _Entrance(around, facts).cast()


class _Entrance:
    """Puts the facts in their places that a session has before its first rule."""

    def __init__(self, around: Around, facts: Facts) -> None:
        self._around = around
        self._facts = facts
        self._names = facts.names

    def cast(self) -> Cast:
        facts = self._facts
        ip = facts.single("client.ip")
        self._names.always(ip.cell >= 0)
        facts.place(FACTS["client.net"], ip)
        trusted = some(within(ip, span_of(network)) for network in self._around.trusted)
        trusted = self._names.named("trusted", trusted)
        authenticated = self._names.claim("authenticated")
        stranger = self._names.named("stranger", both(opposite(trusted), opposite(authenticated)))
        facts.place(FACTS["client.trusted"], Stated(trusted))
        facts.place(FACTS["client.stranger"], Stated(opposite(trusted)))
        door = self._connect()
        tls = self._encryption(door)
        sender = facts.mailbox(PARTS["sender"])
        facts.put_mailbox("sender", sender)
        follow_tag(sender, self._around.delimiter)
        facts.put_mailbox("author", facts.mailbox(PARTS["author"]))
        helo = facts.single("helo.name")
        esmtp = facts.single("helo.esmtp")
        for name in ("helo.name", "helo.literal", "helo.esmtp"):
            self._names.always(facts.single(name).cell >= 0)
        self._bracketed(helo)
        self._login(door, authenticated)
        return Cast(ip, door, trusted, stranger, authenticated, helo, esmtp, tls, sender)

    def _connect(self) -> Single:
        name, kind, port = (self._facts.single(f"listener.{key}") for key in ("name", "kind", "port"))
        self._names.always(
            some(
                every(
                    (
                        name.is_text(door.name.casefold()),
                        kind.is_text(door.kind),
                        within(port, door.span),
                    )
                )
                for door in self._around.doors
            )
        )
        return name

    def _encryption(self, door: Single) -> Formula:
        facts = self._facts
        active = self._names.claim("tls")
        self._duty(door, active, {each.name: each.tls for each in self._around.doors})
        facts.place(FACTS["tls.active"], Stated(active))
        for name in _TLS:
            self._names.always(implies(opposite(active), facts.single(name).cell == ABSENT))
        return active

    def _duty(self, door: Single, done: Formula, duties: Mapping[str, Duty]) -> None:
        """What a listener does not offer is not done; what it demands is, before any mail."""
        for name, duty in duties.items():
            if duty != "may":
                here = door.is_text(name.casefold())
                self._names.always(implies(here, done if duty == "required" else opposite(done)))

    def _bracketed(self, helo: Single) -> None:
        """Address literals are names that begin with a bracket."""
        literal = self._facts.single("helo.literal").cell == 1
        for number, cell in enumerate(helo.line.cells):
            if cell.text:
                bracket = cell.text.startswith("[")
                self._names.always(implies(helo.cell == number, literal if bracket else opposite(literal)))

    def _login(self, door: Single, authenticated: Formula) -> None:
        """A login that succeeded, one that failed, or none."""
        facts = self._facts
        success = facts.single("auth.success")
        duties = {each.name: each.logins for each in self._around.doors}
        self._duty(door, success.cell >= 0, {name: duty for name, duty in duties.items() if duty == "none"})
        self._duty(door, authenticated, {name: duty for name, duty in duties.items() if duty == "required"})
        for name in OF_LOGINS:
            self._names.always(implies(opposite(authenticated), facts.single(name).cell == ABSENT))
        self._names.always(authenticated == (success.cell == 1))
        for name in _LOGIN:
            self._names.always(implies(success.cell == ABSENT, facts.single(name).cell == ABSENT))
        self._names.always(implies(success.cell >= 0, facts.single("auth.attempt").cell >= 0))


def follow_tag(mailbox: Mailbox, delimiter: str) -> None:
    """Of a local part that is known the tag is, too: `delimiter` parts them; empty: there are no tags."""
    tags = mailbox.tag.line
    assert isinstance(tags, Texts)
    for number, cell in enumerate(mailbox.local.line.cells):
        if cell.is_open:
            continue
        tag = cell.text.partition(delimiter)[2] if delimiter else ""
        place = tags.place(tag)
        tagged = (
            mailbox.tag.cell == (tags.usual if place is None else place)
            if tag
            else mailbox.tag.cell == ABSENT
        )
        mailbox.names.always(implies(mailbox.local.cell == number, tagged))


def within(symbol: Single, span: Interval) -> Formula:
    """The number lies in the interval, whose ends are ends of cells."""
    assert isinstance(symbol.line, Numbers)
    ranges: Ranges = symbol.line.between(span)
    return some(both(symbol.cell >= low, symbol.cell <= high) for low, high in ranges)
