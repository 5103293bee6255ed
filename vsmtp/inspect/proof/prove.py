"""The relay proof: no stranger's recipient outside is taken, or the shortest session in which one is.

The solver looks for a session; what it finds is made concrete, made short, and played by the rehearsal. Only
what that confirms is claimed. Where the two disagree the question is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final, TypeAlias

import z3  # type: ignore[import-untyped]  # the package has no stubs

from vsmtp.config.load import Tree
from vsmtp.inspect.proof.around import around_of
from vsmtp.inspect.proof.formula import Formula, every, opposite, some
from vsmtp.inspect.proof.gather import all_rules, conditions_of, constant_address
from vsmtp.inspect.proof.lines import ABSENT, LOST
from vsmtp.inspect.proof.result import Found, Verdict
from vsmtp.inspect.proof.session import Session
from vsmtp.inspect.proof.symbols import Listed, Single
from vsmtp.inspect.proof.walk import TooLargeError
from vsmtp.inspect.proof.witness import CLIENTS, NoTextError, Witness, one_in
from vsmtp.inspect.rehearsal import Rehearsal
from vsmtp.rules.effects import AddRcpt, RewriteRcpt
from vsmtp.rules.graph import Graph
from vsmtp.rules.language import Rule, RuleInfo

# So many sessions that could not be written down, or were played and came out otherwise, are passed over.
_MOST: Final = 40
_PLAYS: Final = 4
_FLEETING: Final = ("var.", "time.", "rate.", "rcpts.", "rcpt.index", "rcpt.var.")
_NO_TIME: Final = "time ran out"
_DISAGREED: Final = "the rehearsal of the session comes out otherwise"
_LOOSE: Final = "it may take several greetings, recipients or moments, which cannot be played"


# What is wrong with a session: when, by which rule's effect, and what that does.
_Faults: TypeAlias = list[tuple[Formula, RuleInfo | None, str]]


@dataclass(frozen=True, slots=True)
class _Question:
    """Which sessions are looked for, and whether one that was played is such a one.

    `rules` are the claim's own, which the tree does not have.
    """

    faults: Callable[[Session], _Faults]
    is_it: Callable[[Found], bool]
    rules: Sequence[Rule] = ()


@dataclass(frozen=True, slots=True)
class _Search:
    session: Session
    solver: Any
    faults: _Faults
    is_it: Callable[[Found], bool]


@dataclass(slots=True)
class Prover:
    """Questions about a tree's sessions; `deadline` is when patience ends, in monotonic seconds."""

    tree: Tree
    graph: Graph
    deadline: float

    def relaying(self) -> Verdict:
        """Whether a stranger can get mail to an outside address of its choice."""
        return self._decide(_Question(_relays, self._is_relayed))

    def breaking(self, rule: Rule, expect: str) -> Verdict:
        """Whether a session that the rule's conditions describe can end otherwise than expected."""

        def breaks(session: Session) -> _Faults:
            good = every((session.taken, session.accepted))
            wrong = good if expect == "rejected" else opposite(good)
            return [(every((session.claims[0], wrong)), None, "")]

        def is_broken(found: Found) -> bool:
            return (found.rehearsed.outcome == "accepted") == (expect == "rejected")

        return self._decide(_Question(breaks, is_broken, (rule,)))

    def _decide(self, question: _Question) -> Verdict:
        try:
            exact = Session(around_of(self.tree, self.graph), question.rules)
            first = self._look(exact, question)
            if first.outcome != "proved" or not remembers(self.graph):
                return first
            session = Session(exact.around, question.rules, exact.facts.lines, loose=True)
        except TooLargeError:
            return Verdict("undecided", "the chains are read too often, one within the other")
        doubt = self._doubt(session, some(part for part, _, _ in question.faults(session)))
        return replace(first, outcome="undecided", reason=doubt) if doubt else first

    def _doubt(self, session: Session, claim: Formula) -> str:
        """What keeps a proof from holding for loose sessions too; empty for nothing."""
        if claim is False:
            return ""
        solver = self._solver(session)
        solver.add(claim)
        for _ in range(_MOST):
            answer = solver.check()
            if answer != z3.sat:
                return _NO_TIME if answer == z3.unknown else ""
            try:
                Witness(session, solver.model(), self.tree.settings.server.recipient_delimiter).scene()
            except NoTextError as none:
                if none.is_proved:
                    solver.add(opposite(every(none.terms)))
                    continue
            break
        return _LOOSE

    def _solver(self, session: Session) -> Any:
        solver = z3.Solver() if session.names.has_amounts else z3.SolverFor("QF_FD")
        solver.set("timeout", max(1, int((self.deadline - monotonic()) * 1000)))
        solver.add(session.names.facts)
        return solver

    def _look(self, session: Session, question: _Question) -> Verdict:
        """Find a session that is bad, or prove that there is none; loose sessions are another question."""
        faults = question.faults(session)
        asked = frozenset(session.facts.asked)
        claim = some(part for part, _, _ in faults)
        if claim is False:
            return Verdict("proved", asked=asked)
        solver = self._solver(session)
        if solver.check() == z3.unsat:
            raise AssertionError("there is no session at all: what is said of facts contradicts itself")
        solver.add(claim)
        return replace(self._search(_Search(session, solver, faults, question.is_it)), asked=asked)

    def _search(self, search: _Search) -> Verdict:
        doubt, disagreed, plays = "", None, 0
        for _ in range(_MOST):
            answer = search.solver.check()
            if answer == z3.unsat:
                return Verdict("undecided" if doubt else "proved", doubt, disagreed)
            if answer == z3.unknown or plays == _PLAYS:
                return Verdict("undecided", doubt or _NO_TIME, disagreed)
            witness = Witness(
                search.session, self._shorten(search.solver, search.session),
                self.tree.settings.server.recipient_delimiter,
            )  # fmt: skip
            try:
                found = self._play(witness, search.faults)
            except NoTextError as none:
                doubt = doubt if none.is_proved else f"no text was found for {none}"
                search.solver.add(opposite(every(none.terms)))
                continue
            if search.is_it(found):
                return Verdict("refuted", session=found)
            doubt, disagreed, plays = _DISAGREED, found, plays + 1
            search.solver.add(opposite(every(_signature(search.session, witness))))
        return Verdict("undecided", doubt, disagreed)

    def _play(self, witness: Witness, faults: _Faults) -> Found:
        scene, world = witness.scene(), witness.world()
        with closing(Rehearsal(self.tree, self.graph)) as rehearsal:
            rehearsed = rehearsal.play(scene, world)
        rule, what = next((rule, what) for part, rule, what in faults if witness.holds(part))
        return Found(scene, world, rehearsed, rule, what)

    def _is_relayed(self, found: Found) -> bool:
        """Whether the rehearsal shows that the mail goes outside."""
        ours = around_of(self.tree, self.graph).ours
        if found.rule is not None:
            return any(copy.end == "accepted" for copy in found.rehearsed.copies) and any(
                found.rule in seen.fired for seen in found.rehearsed.stages
            )
        if not _was_taken(found):
            return False
        written = set(_constants(self.graph))
        ends = [copy.recipient for copy in found.rehearsed.copies] or list(found.scene.recipients[-1:])
        return any(
            end.domain and end.domain.casefold() not in ours and end.key not in written for end in ends
        )

    def _shorten(self, solver: Any, session: Session) -> Any:
        """The model with as little as possible that is out of the ordinary."""
        model = solver.model()
        solver.push()
        model = self._grant(solver, model, _wishes(session))
        solver.pop()
        return model

    def _grant(self, solver: Any, model: Any, wishes: Sequence[Formula]) -> Any:
        """The model that grants these wishes as far as those before them allow, the first ones first."""
        left = [wish for wish in wishes if not model.eval(wish, model_completion=True)]
        if left and monotonic() < self.deadline:
            solver.push()
            solver.add(wishes)
            better = solver.model() if solver.check() == z3.sat else None
            solver.pop()
            if better is None:
                half = len(wishes) // 2
                if half:
                    model = self._grant(solver, model, wishes[:half])
                    return self._grant(solver, model, wishes[half:])
                return model
            model = better
        elif left:
            return model
        solver.add(wishes)
        return model


def remembers(graph: Graph) -> bool:
    """Whether rules ask for what earlier greetings and recipients leave behind, or for what passes."""
    return any(
        condition.fact.name.startswith(_FLEETING)
        for rule in all_rules(graph)
        for condition in conditions_of(rule)
    )


def _relays(session: Session) -> _Faults:
    leaks = [(leak.formula, leak.rule, leak.what) for leak in session.leaks]
    return [(session.relayed, None, ""), *leaks]


def _constants(graph: Graph) -> Iterator[str]:
    """The addresses that the administrator wrote into effects."""
    for rule in all_rules(graph):
        for effect in rule.effects:
            if isinstance(effect, AddRcpt | RewriteRcpt):
                address = constant_address(effect.address)
                if address is not None:
                    yield address.key


def _was_taken(found: Found) -> bool:
    """Whether the last recipient of the scene was answered with a 250."""
    said = f"RCPT TO:<{found.scene.recipients[-1]}>"
    return any(each.command == said and each.reply.is_positive for each in found.rehearsed.dialogue)


def _wishes(session: Session) -> list[Any]:
    """What is ordinary, the most wanted first."""
    cast = session.cast
    wishes: list[Formula] = [session.accepted]
    wishes += [opposite(guard) for guard, _ in cast.recipients if guard is not True]
    wishes += [opposite(cast.authenticated), session.facts.single("auth.success").cell == ABSENT]
    for name, versions in session.facts.made.items():
        for symbol in versions:
            if isinstance(symbol, Single | Listed) and symbol.may_be_lost:
                wishes.append(symbol.cell != LOST)
            if isinstance(symbol, Single) and symbol.line.cells:
                wishes += _usual(name, symbol)
    wishes += [opposite(cast.tls), cast.esmtp.cell == 1, cast.sender.local.cell >= 0]
    return [wish for wish in wishes if not isinstance(wish, bool)]


def _usual(name: str, symbol: Single) -> list[Formula]:
    if name == "client.ip":
        usual = [n for one in CLIENTS for n, cell in enumerate(symbol.line.cells) if one_in(one, cell)]
        return [some(symbol.cell == n for n in usual), *(symbol.cell == n for n in usual[:1])]
    if name.startswith(("listener.", "client.", "auth.")) or name == "helo.esmtp":
        return []
    there = name.startswith(("sender.", "rcpt.", "helo."))
    ordinary = symbol.cell == symbol.line.usual
    return [
        ordinary if there else some((symbol.cell == ABSENT, ordinary)),
        *map(opposite, symbol.patterns.values()),
    ]


def _signature(session: Session, witness: Witness) -> list[Formula]:
    """The cells of all that was chosen."""
    terms: list[Formula] = []
    for versions in session.facts.made.values():
        cut = [symbol for symbol in versions if isinstance(symbol, Single | Listed)]
        terms += [symbol.cell == witness.cell(symbol) for symbol in cut]
    for guard, _ in session.cast.recipients:
        terms.append(guard if witness.holds(guard) else opposite(guard))
    return terms
