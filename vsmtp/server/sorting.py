"""Where a recipient's copy goes: by the `delivery` rules, by what rules said before, or by its address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from vsmtp.delivery.consignment import Folder
from vsmtp.delivery.route import Local, Route, Unroutable
from vsmtp.effects.transports import ToMaildir, ToNobody, Way
from vsmtp.message.edits import Edit, edit
from vsmtp.rules.evaluate import Ended
from vsmtp.rules.verdicts import Accept, Defer, Delegate, Discard, Quarantine, Refuse, Trust
from vsmtp.server.judging import whole
from vsmtp.server.lanes import Goal
from vsmtp.server.mailing import Scope
from vsmtp.server.memory import Memory
from vsmtp.server.notes import Notes, read_notes
from vsmtp.server.parcel import Destination, Dropped, Into, Lane, Parcel, Postponed
from vsmtp.server.sheets import Works
from vsmtp.server.stages import UNDECIDED, Case, Stages
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Failed
from vsmtp.vocabulary.stages import Stage

# To look it up in its enumeration takes as long as a call, and every copy would do it.
_DELIVERY: Final = Stage.DELIVERY


@dataclass(frozen=True, slots=True)
class Sorting:
    """Decides for each parcel; `lane` gives the lane to each goal, or why there is none for now.

    `memory` makes what rules are answered by.
    """

    stages: Stages
    route: Callable[[Address], Route]
    lane: Callable[[Goal], Lane | Deferred]
    memory: Memory
    works: Works

    def settle(self, parcel: Parcel, place: Callable[[Parcel, Destination], None]) -> None:
        """Call `place` with where the parcel goes: at once, unless a rule has to wait for a fact."""
        is_asked = self.stages.has(_DELIVERY)
        if not (is_asked or parcel.notes or parcel.held.was_judged):
            route = self.route(parcel.address)
            lane = Deferred("", route.reply) if isinstance(route, Unroutable) else self.lane(route)
            place(parcel, Into(lane, parcel.held.mail.content) if isinstance(lane, Lane) else lane)
            return
        notes = read_notes(parcel.notes)
        scope = Scope(way=notes.way, edits=self._edits(parcel) + notes.edits)
        if not is_asked:
            place(parcel, self._way(parcel, scope))
            return
        case = self._case(parcel, notes, scope)

        is_placed = False

        def judge(ended: Ended) -> None:
            nonlocal is_placed
            parcel.matched = case.matched
            destination = self._judged(parcel, case, ended)
            is_placed = True
            place(parcel, destination)

        def fail() -> None:
            if not is_placed:
                place(parcel, Postponed(Deferred("", UNDECIDED)))

        case.failed = fail
        self.stages.decide(_DELIVERY, case, judge)

    def _edits(self, parcel: Parcel) -> tuple[Edit, ...]:
        """Edits that `postqueue` wants in all copies."""
        held = parcel.held
        return held.read_context().edits if held.was_judged else ()

    def _case(self, parcel: Parcel, notes: Notes, scope: Scope) -> Case:
        held = parcel.held
        book = self.memory.book(held, parcel.attempts)
        book.transaction.variables.update(notes.shared)
        book.recipient = self.memory.meet(parcel.address, parcel.number + 1, notes)
        book.apply(scope.edits)
        if held.was_judged:
            scope.way = scope.way or held.read_context().way
        case = Case(self.works, held.mail.session, book, scope, lambda: _copy(parcel, scope.edits))
        chains = self.memory.chains(held, parcel.address)
        case.part = whole(self.stages.graph.acting(_DELIVERY, chains))
        return case

    def _judged(self, parcel: Parcel, case: Case, ended: Ended) -> Destination:
        match ended.verdict:
            case None | Accept() | Trust() | Quarantine() | Delegate():
                return self._go(parcel, case)
            case Refuse(reply):
                return Failed("", reply)
            case Defer(reply, retry_in):
                return Postponed(Deferred("", reply), retry_in)
            case Discard():
                return Dropped()

    def _go(self, parcel: Parcel, case: Case) -> Destination:
        """Send it as the rules of `delivery` left it."""
        book, scope = case.facts, case.scope
        recipient = book.recipient
        assert recipient is not None
        parcel.address = self.memory.recipients.keeper(recipient.address)
        return self._way(parcel, scope)

    def _way(self, parcel: Parcel, scope: Scope) -> Destination:
        way = scope.way
        if way is None and parcel.held.was_judged:
            way = parcel.held.read_context().way
        return self._into(parcel, self._goal(parcel, way), scope.edits)

    def _into(self, parcel: Parcel, goal: Goal | Dropped | Deferred, edits: Sequence[Edit]) -> Destination:
        if isinstance(goal, (Dropped, Deferred)):
            return goal
        lane = self.lane(goal)
        return Into(lane, _copy(parcel, edits)) if isinstance(lane, Lane) else lane

    def _goal(self, parcel: Parcel, way: Way | None) -> Goal | Dropped | Deferred:
        match way:
            case None:
                route = self.route(parcel.address)
                return Deferred("", route.reply) if isinstance(route, Unroutable) else route
            case ToNobody():
                return Dropped()
            case ToMaildir(path, in_home):
                parcel.folder = Folder(path, in_home)
                return Local()
            case _:
                return way


def _copy(parcel: Parcel, edits: Sequence[Edit]) -> Content:
    """This recipient's copy of the message; without edits it is the message itself."""
    mail = parcel.held.mail
    if not edits:
        return mail.content
    return Content(edit(mail.content.data, edits, utf8=mail.smtputf8), mail.content.file)
