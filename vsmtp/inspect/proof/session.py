"""Any session of any client, from its connection to the delivery of its mail, as one formula.

The session has one greeting, one MAIL, up to two recipients and one message. A *loose* one may besides have
had other greetings, recipients and moments before: what they leave behind in variables, rates and clocks is
anything. If no loose session does a thing, no session does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, TypeAlias

from vsmtp.inspect.proof.deeds import Deeds, Leak
from vsmtp.inspect.proof.facts import PARTS, Facts
from vsmtp.inspect.proof.formula import Formula, Names, both, either, every, implies, opposite, some
from vsmtp.inspect.proof.gather import Lines, all_rules
from vsmtp.inspect.proof.lines import ABSENT, Numbers, Ranges, Texts
from vsmtp.inspect.proof.symbols import Mailbox, Single, Stated, outside
from vsmtp.inspect.proof.walk import Ends, Walker
from vsmtp.rules.constants import ordinal
from vsmtp.rules.graph import Graph
from vsmtp.rules.language import Interval, Op, Rule
from vsmtp.rules.language import Literal as Operator
from vsmtp.vocabulary.facts import FACTS, Fact
from vsmtp.vocabulary.stages import Stage

Duty: TypeAlias = Literal["none", "may", "required"]
Network: TypeAlias = IPv4Network | IPv6Network
_V4_END: Final = 1 << 32
_FIRST: Final = Interval(1, 2)
_SECOND: Final = Interval(2, 3)
# Facts that another moment may make others.
_PASSING: Final = ("time.", "rate.")
_LOGIN: Final = ("auth.user", "auth.domain", "auth.mechanism", "auth.success", "auth.attempt")
OF_LOGINS: Final = frozenset({"sender.owned", "message.from_owned"})
_TLS: Final = ("tls.version", "tls.cipher", "tls.sni", "tls.client_cert")


@dataclass(frozen=True, slots=True)
class Door:
    """A listener: whether sessions on it may be, or have to be, encrypted and logged in before any mail."""

    name: str
    port: int
    kind: str
    tls: Duty = "none"
    logins: Duty = "none"


@dataclass(frozen=True, slots=True)
class Around:
    """What the tree says of its server, domains in lower case."""

    graph: Graph
    local: frozenset[str]
    relay: frozenset[str]
    trusted: Sequence[Network]
    doors: Sequence[Door]
    delimiter: str = "+"

    @property
    def ours(self) -> frozenset[str]:
        """The domains that anybody may send mail to."""
        return self.local | self.relay


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


class Session:
    """The formula: `names.facts` hold in every session; what else is asked of it stands in the fields.

    `relayed`: a stranger's recipient outside was taken; `leaks` are the effects that turn a stranger's mail
    into mail for an outside address of its choice. `accepted`: the recipient and then the message were.
    """

    def __init__(
        self, around: Around, extra: Sequence[Rule] = (), lines: Lines | None = None, *, loose: bool = False
    ) -> None:
        self.around = around
        self.loose = loose
        self.names = Names()
        self.facts = Facts(self.names, lines or self._lines(extra))
        self.deeds = Deeds(self.facts, around.graph, around.ours)
        self.relayed: Formula = False
        self.accepted: Formula = False
        self.taken: Formula = False
        self.kept: Formula = False
        self.claims: list[Formula] = []
        self.cast = self._enter()
        self._play(extra)

    @property
    def leaks(self) -> list[Leak]:
        """What effects do, each with its formula."""
        return [
            Leak(every((leak.formula, self._unknown, self.accepted)), leak.rule, leak.what)
            for leak in self.deeds.leaks
        ]

    @property
    def _unknown(self) -> Formula:
        """A stranger, and one without a certificate that the administrator's own authority has signed."""
        return both(self.cast.stranger, self.facts.single("tls.client_cert").cell == ABSENT)

    def _lines(self, extra: Sequence[Rule]) -> Lines:
        around = self.around
        lines = Lines((*all_rules(around.graph), *extra))
        for name in ("rcpt.domain", "sender.domain"):
            lines.add(name, Op.IS, *around.ours)
            lines.add(name, Op.UNDER, *around.graph.domains)
        for name in ("rcpt.local", "sender.local"):
            lines.add(name, Op.IS, "postmaster")
        ends = (0, _V4_END, *(end for span in map(_span, around.trusted) for end in (span.start, span.end)))
        spans = [_span(network) for network in around.trusted] + [Interval(end, end + 1) for end in ends[:2]]
        lines.add_spans("client.ip", Operator(Op.IS, False, tuple(spans)))
        lines.add("listener.name", Op.IS, *(door.name.casefold() for door in around.doors))
        lines.add("listener.kind", Op.IS, *(door.kind for door in around.doors))
        ports = tuple(Interval(door.port, door.port + 1) for door in around.doors)
        lines.add_spans("listener.port", Operator(Op.IS, False, ports))
        lines.add_spans("rcpt.index", Operator(Op.IS, False, (_FIRST, _SECOND)))
        return lines

    # Who comes.

    def _enter(self) -> Cast:
        facts = self.facts
        ip = facts.single("client.ip")
        self.names.always(ip.cell >= 0)
        facts.place(FACTS["client.net"], ip)
        trusted = some(_within(ip, _span(network)) for network in self.around.trusted)
        trusted = self.names.named("trusted", trusted)
        authenticated = self.names.claim("authenticated")
        stranger = self.names.named("stranger", both(opposite(trusted), opposite(authenticated)))
        facts.place(FACTS["client.trusted"], Stated(trusted))
        facts.place(FACTS["client.stranger"], Stated(opposite(trusted)))
        door = self._connect()
        tls = self._encryption(door)
        sender = facts.mailbox(PARTS["sender"])
        facts.put_mailbox("sender", sender)
        self._tagged(sender)
        facts.put_mailbox("author", facts.mailbox(PARTS["author"]))
        helo = facts.single("helo.name")
        esmtp = facts.single("helo.esmtp")
        for name in ("helo.name", "helo.literal", "helo.esmtp"):
            self.names.always(facts.single(name).cell >= 0)
        self._bracketed(helo)
        self._login(door, authenticated)
        return Cast(ip, door, trusted, stranger, authenticated, helo, esmtp, tls, sender)

    def _connect(self) -> Single:
        name, kind, port = (self.facts.single(f"listener.{key}") for key in ("name", "kind", "port"))
        self.names.always(
            some(
                every(
                    (
                        name.is_text(door.name.casefold()),
                        kind.is_text(door.kind),
                        _within(port, Interval(door.port, door.port + 1)),
                    )
                )
                for door in self.around.doors
            )
        )
        return name

    def _encryption(self, door: Single) -> Formula:
        facts = self.facts
        active = self.names.claim("tls")
        self._duty(door, active, {each.name: each.tls for each in self.around.doors})
        facts.place(FACTS["tls.active"], Stated(active))
        for name in _TLS:
            self.names.always(implies(opposite(active), facts.single(name).cell == ABSENT))
        return active

    def _duty(self, door: Single, done: Formula, duties: Mapping[str, Duty]) -> None:
        """What a listener does not offer is not done; what it demands is, before any mail."""
        for name, duty in duties.items():
            if duty != "may":
                here = door.is_text(name.casefold())
                self.names.always(implies(here, done if duty == "required" else opposite(done)))

    def _bracketed(self, helo: Single) -> None:
        """Address literals are names that begin with a bracket."""
        literal = self.facts.single("helo.literal").cell == 1
        for number, cell in enumerate(helo.line.cells):
            if cell.text:
                bracket = cell.text.startswith("[")
                self.names.always(implies(helo.cell == number, literal if bracket else opposite(literal)))

    def _login(self, door: Single, authenticated: Formula) -> None:
        """A login that succeeded, one that failed, or none."""
        facts = self.facts
        success = facts.single("auth.success")
        duties = {each.name: each.logins for each in self.around.doors}
        self._duty(door, success.cell >= 0, {name: duty for name, duty in duties.items() if duty == "none"})
        self._duty(door, authenticated, {name: duty for name, duty in duties.items() if duty == "required"})
        for name in OF_LOGINS:
            self.names.always(implies(opposite(authenticated), facts.single(name).cell == ABSENT))
        self.names.always(authenticated == (success.cell == 1))
        for name in _LOGIN:
            self.names.always(implies(success.cell == ABSENT, facts.single(name).cell == ABSENT))
        self.names.always(implies(success.cell >= 0, facts.single("auth.attempt").cell >= 0))

    # What is played.

    def _play(self, extra: Sequence[Rule]) -> None:
        cast, facts = self.cast, self.facts
        for fact in variables(all_rules(self.around.graph), extra):
            self.deeds.clear(fact)
        met = self._stage(Stage.CONNECT, True)
        hailed = self._stage(Stage.HELO, both(met.passed, opposite(met.trusted)))
        reached, free = _after(met, hailed)
        facts.place(FACTS["client.stranger"], Stated(cast.stranger))
        tried = facts.single("auth.success").cell >= 0
        logged = self._stage(Stage.AUTH, every((reached, opposite(free), tried)))
        refused = every((opposite(free), tried, opposite(logged.passed)))
        reached = both(reached, either(opposite(refused), opposite(cast.authenticated)))
        free = either(free, logged.trusted)
        began = self._stage(Stage.MAIL, both(reached, opposite(free)))
        reached = both(reached, either(free, began.passed))
        free = either(free, began.trusted)
        kept = some((met.kept, hailed.kept, began.kept))
        self._recipients(self.names.named("mail begun", reached), self.names.named("free", free), kept, extra)

    def _recipients(self, reached: Formula, free: Formula, kept: Formula, extra: Sequence[Rule]) -> None:
        cast, facts = self.cast, self.facts
        several = self.names.claim("several") if self._remembers() else False
        if several is not False:
            first = facts.mailbox(PARTS["rcpt"])
            cast.recipients.append((several, first))
            self.deeds.silent = True
            self._recipient(first, every((reached, opposite(free), several)), several=False)
            self.deeds.silent = False
        to = facts.mailbox(PARTS["rcpt"])
        cast.recipients.append((True, to))
        judged = both(reached, opposite(free))
        ends = self._recipient(to, judged, several=several, extra=extra)
        self.taken = self.names.named("taken", either(ends.passed, both(reached, free)))
        self.kept = either(kept, ends.kept)
        final = facts.symbols["rcpt.address"]
        assert isinstance(final, Mailbox)
        self.relayed = every(
            (
                self._unknown,
                self.taken,
                opposite(self.kept),
                final.chosen,
                outside(final.domain, self.around.ours),
            )
        )
        self._message(either(free, ends.trusted))

    def _recipient(
        self, to: Mailbox, reached: Formula, *, several: Formula, extra: Sequence[Rule] = ()
    ) -> Ends:
        facts = self.facts
        facts.put_mailbox("rcpt", to)
        facts.place(FACTS["rcpt.original"], to)
        self._tagged(to)
        self.names.always(to.local.cell >= 0)
        facts.forget(frozenset({"rcpt.known", "rcpt.org_domain", "rcpt.index", "rcpts.*"}), keep=_RCPT_KEPT)
        for fact in variables(all_rules(self.around.graph), extra):
            if fact.name.startswith("rcpt."):
                self.deeds.clear(fact)
        self._known(to)
        index = facts.single("rcpt.index")
        self.names.always(_within(index, Interval(1, float("inf"))))
        if not self.loose:
            # The first may be refused: then the second is the first of those accepted.
            self.names.always(either(_within(index, _FIRST), both(several, _within(index, _SECOND))))
        # What an invariant says of sessions is asked where the recipient is named.
        self.claims = [facts.rule(rule).sure for rule in extra]
        return self._stage(Stage.RCPT, reached, self._chains(to))

    def _tagged(self, mailbox: Mailbox) -> None:
        """Of a local part that is known the tag is, too."""
        tags = mailbox.tag.line
        assert isinstance(tags, Texts)
        for number, cell in enumerate(mailbox.local.line.cells):
            if cell.is_open:
                continue
            tag = cell.text.partition(self.around.delimiter)[2] if self.around.delimiter else ""
            place = tags.place(tag)
            tagged = (
                mailbox.tag.cell == (tags.usual if place is None else place)
                if tag
                else mailbox.tag.cell == ABSENT
            )
            self.names.always(implies(mailbox.local.cell == number, tagged))

    def _known(self, to: Mailbox) -> None:
        """Whether a user exists is known of local domains alone; the postmaster always does."""
        known = self.facts.single("rcpt.known")
        line = to.domain.line
        assert isinstance(line, Texts)
        local = some(to.domain.is_text(name) for name in self.around.local)
        self.names.always(implies(opposite(local), known.cell == ABSENT))
        self.names.always(implies(local, known.cell != ABSENT))

    def _message(self, free: Formula) -> None:
        """From DATA to delivery: what effects do there, and whether the message is refused."""
        to = self.cast.recipients[-1][1]
        chains = self._chains(to)
        live = self.names.named("to be sent", both(self.taken, opposite(free)))
        kept = self.kept
        passed: Formula = live
        for stage in (Stage.DATA, Stage.PREQUEUE):
            ends = self._stage(stage, passed, chains)
            passed, kept = ends.passed, either(kept, ends.kept)
        queued = self.names.named("queued", both(either(passed, both(self.taken, free)), opposite(kept)))
        self.accepted = queued
        before = len(self.deeds.leaks)
        after = self._stage(Stage.POSTQUEUE, queued, chains)
        for leak in self.deeds.leaks[before:]:
            leak.formula = every((leak.formula, after.passed, opposite(after.kept)))
        self._stage(Stage.DELIVERY, both(after.passed, opposite(after.kept)), chains)

    def _stage(self, stage: Stage, reached: Formula, chains: Sequence[tuple[Formula, str]] = ()) -> Ends:
        pipeline = self.around.graph.stage(stage)
        if pipeline is None or reached is False:
            return Ends(reached)
        if self.loose:
            self.deeds.unsettle(stage)
            for name in [name for name in self.facts.symbols if name.startswith(_PASSING)]:
                del self.facts.symbols[name]
        self.deeds.stage = stage
        return Walker(self.facts, pipeline, self.deeds.carry).walk(reached, chains)

    def _remembers(self) -> bool:
        """Whether one recipient can make a difference to the next."""
        return self.deeds.sets_at(Stage.RCPT)

    def _chains(self, to: Mailbox) -> list[tuple[Formula, str]]:
        """The chains of the domains, each with the formula under which it is read."""
        graph, sender = self.around.graph, self.cast.sender
        if not graph.domains:
            return []
        stranger = either(self.cast.stranger, sender.domain.cell == ABSENT)
        within = self.facts._equal(sender.domain, to.domain)  # noqa: SLF001 the same domain on both sides
        alike = self.names.named("within", False if within is None else within)
        local = some(to.domain.is_text(name) for name in self.around.local)
        leaving = both(opposite(stranger), opposite(alike))
        pieces = [
            *((both(leaving, guard), name) for name, guard in self._by_chain(sender.domain, "outgoing")),
            *(
                (every((opposite(stranger), alike, guard)), name)
                for name, guard in self._by_chain(sender.domain, "internal")
            ),
            *(
                (both(either(stranger, both(leaving, local)), guard), name)
                for name, guard in self._by_chain(to.domain, "incoming")
            ),
        ]
        return _each_once(pieces)

    def _by_chain(self, domain: Single, key: str) -> Iterable[tuple[str, Formula]]:
        found: dict[str, list[Formula]] = {}
        for number, cell in enumerate(domain.line.cells):
            name = f"other.{cell.text or 'invalid'}" if cell.is_open else cell.text
            for chain in self._chains_of(name, key):
                found.setdefault(chain, []).append(domain.cell == number)
        return ((chain, some(guards)) for chain, guards in found.items())

    def _chains_of(self, name: str, key: str) -> tuple[str, ...]:
        ask = self.around.graph.domain_chains
        match key:
            case "incoming":
                return ask(False, "", name, bool)
            case "internal":
                return ask(True, name, name, bool)
            case _:
                return ask(True, name, f"{name}.invalid", lambda _: False)


_RCPT_KEPT: Final = (
    "rcpt.address", "rcpt.local", "rcpt.domain", "rcpt.tag", "rcpt.original",
)  # fmt: skip


def variables(rules: Iterable[Rule], extra: Sequence[Rule] = ()) -> Mapping[Fact, None]:
    """The variables that rules ask for."""
    from vsmtp.inspect.proof.gather import conditions_of, literals_of  # noqa: PLC0415

    found: dict[Fact, None] = {}
    for rule in (*rules, *extra):
        for condition in conditions_of(rule):
            refs = (operand.fact for each in literals_of(condition) for operand in each.refs)
            for fact in (condition.fact, *refs):
                if fact.name.startswith(("var.", "rcpt.var.")):
                    found[fact] = None
    return found


def _after(met: Ends, hailed: Ends) -> tuple[Formula, Formula]:
    """Whether the client comes to MAIL, and whether it is free of rules by then."""
    free = either(met.trusted, hailed.trusted)
    return both(met.passed, either(met.trusted, hailed.passed)), free


def _each_once(pieces: Sequence[tuple[Formula, str]]) -> list[tuple[Formula, str]]:
    seen: dict[str, Formula] = {}
    found = []
    for guard, name in pieces:
        found.append((both(guard, opposite(seen.get(name, False))), name))
        seen[name] = either(seen.get(name, False), guard)
    return [(guard, name) for guard, name in found if guard is not False]


def _span(network: Network) -> Interval:
    return Interval(ordinal(network.network_address), ordinal(network.broadcast_address) + 1)


def _within(symbol: Single, span: Interval) -> Formula:
    assert isinstance(symbol.line, Numbers)
    ranges: Ranges = symbol.line.between(span)
    return some(both(symbol.cell >= low, symbol.cell <= high) for low, high in ranges)
