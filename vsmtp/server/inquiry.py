"""The rules of a stage asked about a visit: what their verdict means is done now, or remembered for later."""

from __future__ import annotations

from collections.abc import Callable

from vsmtp.rules.evaluate import Ended
from vsmtp.rules.verdicts import Accept, Defer, Delegate, Discard, Quarantine, Refuse, Trust
from vsmtp.server.decisions import refusal_of, remark_of
from vsmtp.server.mailing import Mailing, Scope
from vsmtp.server.office import Office
from vsmtp.server.responder import Responder
from vsmtp.server.stages import Case
from vsmtp.server.visit import Visit
from vsmtp.values.envelope import Content
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.stages import Stage


class Inquiry:
    """How one session asks the rules."""

    __slots__ = ("_office", "_responder", "_visit")

    def __init__(self, office: Office, visit: Visit, responder: Responder) -> None:
        self._office = office
        self._visit = visit
        self._responder = responder

    def case(self, scope: Scope, content: Callable[[], Content] | None = None) -> Case:
        """What a stage is asked about; what is said goes into `scope`, `content` is the message if any."""
        visit = self._visit
        case = Case(self._office.works, visit.name, visit.book, scope, content)
        case.failed = self._responder.fail
        return case

    def concerns(self, stage: Stage, mailing: Mailing | None = None) -> bool:
        """Whether any rule of `stage` looks at the client, or at this mail of its own."""
        if self._visit.scope.trusted or not self._office.stages.has(stage):
            return False
        return mailing is None or not mailing.is_trusted

    def decide(self, stage: Stage, scope: Scope, accept: Callable[[], None]) -> None:
        """Ask the rules of `stage` if any are concerned, and say no to the client where they do."""
        if self.concerns(stage):
            self.ask(stage, self.case(scope), accept, self._responder.no)
        else:
            accept()

    def ask(
        self, stage: Stage, case: Case, accept: Callable[[], None], refuse: Callable[[Reply], None]
    ) -> None:
        """Ask the rules of `stage`; on a yes remember in the scope what it is to mean later, and `accept`."""
        self._responder.is_deciding = True
        scope = case.scope

        def judge(ended: Ended) -> None:
            if case.matched:
                scope.record += (remark_of(stage, case, ended),)
            match ended.verdict:
                case None | Accept() | Delegate():
                    accept()
                case Trust():
                    scope.trusted = True
                    accept()
                case Discard() | Quarantine() as fate:
                    scope.fate = fate
                    accept()
                case Refuse(reply) | Defer(reply):
                    self.turn_down(stage, ended, reply, refuse)

        self._office.stages.decide(stage, case, judge)

    def turn_down(self, stage: Stage, ended: Ended, reply: Reply, refuse: Callable[[Reply], None]) -> None:
        """Log that a rule has refused, and close if it says so; else `refuse`."""
        visit = self._visit
        self._office.log.emit(refusal_of(visit.name, visit.client.address, stage, ended, visit.book))
        if isinstance(ended.verdict, Refuse) and ended.verdict.close:
            self._responder.close(reply)
        else:
            refuse(reply)
