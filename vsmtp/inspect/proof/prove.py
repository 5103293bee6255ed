"""The relay proof: no stranger's recipient outside is taken, or the shortest session in which one is.

The solver looks for a session; what it finds is made concrete, made short, and played by the rehearsal. Only
what that confirms is claimed. Where the two disagree the question is left open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import z3  # type: ignore[import-untyped]  # the package has no stubs

from vsmtp.config.load import Tree
from vsmtp.inspect.proof.formula import Formula, every, opposite, some
from vsmtp.inspect.proof.lines import ABSENT, LOST
from vsmtp.inspect.proof.result import Found, Verdict
from vsmtp.inspect.proof.session import Around, Door, Session
from vsmtp.inspect.proof.symbols import Listed, Single
from vsmtp.inspect.proof.walk import TooLargeError
from vsmtp.inspect.proof.witness import NoTextError, Witness
from vsmtp.inspect.rehearsal import Rehearsal
from vsmtp.inspect.scene import Scene
from vsmtp.inspect.world import World
from vsmtp.rules.graph import Graph
from vsmtp.rules.language import Rule, RuleInfo

# So many sessions that could not be written down, or were played and came out otherwise, are passed over.
_MOST: Final = 40
_PLAYS: Final = 4
_ENCRYPTED: Final = frozenset({"submissions"})


def around(tree: Tree, graph: Graph) -> Around:
    """What a proof has to know of the tree."""
    settings = tree.settings
    doors = [
        Door(name, each.address[0].port, each.kind, str(each.tls) != "none" or each.kind in _ENCRYPTED)
        for name, each in settings.listeners.items()
    ]
    return Around(
        graph,
        frozenset(name.casefold() for name in settings.local_domains),
        frozenset(name.casefold() for name in settings.relay_domains),
        settings.server.trusted,
        doors,
    )


@dataclass(slots=True)
class Prover:
    """Questions about a tree's sessions; `deadline` is when patience ends, in monotonic seconds."""

    tree: Tree
    graph: Graph
    deadline: float

    def relaying(self) -> Verdict:
        """Whether a stranger can get mail to an outside address of its choice."""
        return self._decide((), _relays)

    def breaking(self, rule: Rule, expect: str) -> Verdict:
        """Whether a session that the rule's conditions describe can end otherwise than expected."""

        def breaks(session: Session) -> list[tuple[Formula, RuleInfo | None, str]]:
            good = every((session.taken, session.accepted))
            wrong = good if expect == "rejected" else opposite(good)
            return [(every((session.claims[0], wrong)), None, expect)]

        return self._decide((rule,), breaks)

    def _decide(self, extra: Sequence[Rule], bad: Any) -> Verdict:
        try:
            first = self._look(Session(around(self.tree, self.graph), extra), bad, extra)
            if first.outcome != "proved":
                return first
            session = Session(around(self.tree, self.graph), extra, loose=True)
        except TooLargeError:
            return Verdict("undecided", "the chains are read too often, one within the other")
        solver, claim = self._solver(session), some(part for part, _, _ in bad(session))
        answer = z3.unsat if claim is False else solver.check(claim)
        if answer == z3.unsat:
            return first
        why = (
            "ran out of time"
            if answer == z3.unknown
            else ("it may take several greetings, recipients or moments, which cannot be played")
        )
        return Verdict("undecided", why, asked=first.asked)

    def _solver(self, session: Session) -> Any:
        solver = z3.Solver()
        solver.set("timeout", max(1, int((self.deadline - monotonic()) * 1000)))
        solver.add(session.names.facts)
        return solver

    def _look(self, session: Session, bad: Any, extra: Sequence[Rule]) -> Verdict:
        faults = bad(session)
        claim = some(part for part, _, _ in faults)
        asked = frozenset(session.facts.asked)
        if claim is False:
            return Verdict("proved", asked=asked)
        solver = self._solver(session)
        if solver.check() == z3.unsat:
            raise AssertionError("there is no session at all: what is said of facts contradicts itself")
        solver.add(claim)
        given_up, disagreed, plays = "", None, 0
        for _ in range(_MOST):
            answer = solver.check()
            if answer == z3.unsat:
                if disagreed is not None or given_up:
                    return Verdict("undecided", given_up, disagreed, asked)
                return Verdict("proved", asked=asked)
            if answer == z3.unknown:
                return Verdict("undecided", "ran out of time", disagreed, asked)
            witness = Witness(
                session, self._shorten(solver, session), self.tree.settings.server.recipient_delimiter
            )
            try:
                scene, world = witness.scene(), witness.world()
            except NoTextError as none:
                if not none.is_proved:
                    given_up = f"no text was found for `{none}`"
                solver.add(opposite(every(none.terms)))
                continue
            found = self._play(session, witness, scene, world, faults)
            if self._confirms(found, extra):
                return Verdict("refuted", session=found, asked=asked)
            plays += 1
            disagreed = found
            given_up = "the rehearsal of the session comes out otherwise"
            if plays >= _PLAYS:
                break
            solver.add(opposite(every(_signature(session, witness))))
        return Verdict("undecided", given_up, disagreed, asked)

    def _play(
        self, session: Session, witness: Witness, scene: Scene, world: World,
        faults: list[tuple[Formula, RuleInfo | None, str]],
    ) -> Found:  # fmt: skip
        rehearsal = Rehearsal(self.tree, self.graph)
        try:
            rehearsed = rehearsal.play(scene, world)
        finally:
            rehearsal.close()
        rule, what = next((rule, what) for part, rule, what in faults if witness.holds(part))
        return Found(scene, world, rehearsed, rule, what)

    def _confirms(self, found: Found, extra: Sequence[Rule]) -> bool:
        """Whether the rehearsal shows what the solver says."""
        if extra:
            taken = found.rehearsed.outcome == "accepted"
            return taken == (found.what == "rejected")
        ours = around(self.tree, self.graph).ours
        if found.rule is not None:
            return any(copy.end == "accepted" for copy in found.rehearsed.copies) and any(
                found.rule in seen.fired for seen in found.rehearsed.stages
            )
        domain = found.scene.recipients[-1].domain.casefold()
        return bool(domain) and domain not in ours and _was_taken(found)

    def _shorten(self, solver: Any, session: Session) -> Any:
        """The model with as little as possible that is out of the ordinary."""
        model = solver.model()
        solver.push()
        for wish in _wishes(session):
            if monotonic() > self.deadline:
                break
            if bool(model.eval(wish, model_completion=True)):
                solver.add(wish)
            elif solver.check(wish) == z3.sat:
                model = solver.model()
                solver.add(wish)
        solver.pop()
        return model


def _relays(session: Session) -> list[tuple[Formula, RuleInfo | None, str]]:
    leaks = [(leak.formula, leak.rule, leak.what) for leak in session.leaks]
    return [(session.relayed, None, ""), *leaks]


def _was_taken(found: Found) -> bool:
    """Whether the last recipient of the scene was answered with a 250."""
    said = f"RCPT TO:<{found.scene.recipients[-1]}>"
    return any(each.command == said and each.reply.is_positive for each in found.rehearsed.dialogue)


def _wishes(session: Session) -> list[Any]:
    """What is ordinary, the most wanted first."""
    cast = session.cast
    wishes: list[Formula] = [opposite(guard) for guard, _ in cast.recipients if guard is not True]
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
    if name.startswith(("listener.", "client.", "auth.")):
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
        for symbol in versions:
            if isinstance(symbol, Single | Listed):
                terms.append(symbol.cell == witness.cell(symbol))
    for guard, _ in session.cast.recipients:
        terms.append(guard if witness.holds(guard) else opposite(guard))
    return terms
