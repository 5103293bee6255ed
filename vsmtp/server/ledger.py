"""What became of the parcels of one spool: gathered, then written down as one change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vsmtp.queue.dsn import Told, deserves_bounce, is_told
from vsmtp.queue.records import Change, NewMessage, RecipientKey, Remark, Reschedule
from vsmtp.queue.schedule import Schedule, expire
from vsmtp.queue.spool import Spool
from vsmtp.server.bounces import Failing, compose_bounce
from vsmtp.server.decisions import write_remarks
from vsmtp.server.parcel import Parcel
from vsmtp.telemetry.events import RecipientDeferred, RecipientDelivered, RecipientDropped, RecipientFailed
from vsmtp.telemetry.log import Log
from vsmtp.values.outcome import Deferred, Delivered, Failed, Outcome
from vsmtp.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Books:
    """What keeping a ledger takes.

    `clock` gives seconds since the epoch, `chance` a random number of [0, 1).
    """

    server_name: str
    schedule: Schedule
    log: Log
    clock: Callable[[], float]
    chance: Callable[[], float]


class Ledger:
    """Outcomes of one turn; `route` is the lane they come from, empty before a lane was chosen."""

    def __init__(self, books: Books, spool: Spool, route: str) -> None:
        self.spool = spool
        self._books = books
        self._route = route
        self._now = books.clock()
        self._finished: list[RecipientKey] = []
        self._rescheduled: list[Reschedule] = []
        self._remarks: list[Remark] = []
        self._failed: dict[int, list[tuple[Parcel, Failed]]] = {}
        self._succeeded: dict[int, list[tuple[Parcel, Delivered]]] = {}

    def enter(self, parcel: Parcel, outcome: Outcome | None, retry_in: float | None = None) -> None:
        """Note what became of a parcel; None: it was dropped. `retry_in` seconds go before the schedule."""
        if parcel.matched or parcel.held.remarked:
            self._remark(parcel, outcome)
        match outcome:
            case None:
                self._drop(parcel)
            case Delivered():
                self._finished.append(parcel.key)
                self._books.log.emit(self._delivered(parcel, outcome))
                if parcel.parameters.notify and is_told(outcome, parcel.parameters):
                    self._succeeded.setdefault(parcel.held.mail.number, []).append((parcel, outcome))
            case Deferred():
                self._defer(parcel, outcome, retry_in)
            case Failed():
                self._fail(parcel, outcome)

    def close(self) -> tuple[Change, list[NewMessage], float]:
        """The change, the reports that it contains, and when the first of those that wait is due."""
        reports = list(self._reports())
        first = min((entry.due for entry in self._rescheduled), default=float("inf"))
        change = Change(
            tuple(reports), tuple(self._finished), tuple(self._rescheduled), remarks=tuple(self._remarks)
        )
        return change, reports, first

    def _remark(self, parcel: Parcel, outcome: Outcome | None) -> None:
        """Put it into the decision record."""
        said = {
            "stage": Stage.DELIVERY.label,
            "recipient": str(parcel.address),
            "rules": [rule.name for rule in parcel.matched],
            "outcome": _words(outcome),
        }
        self._remarks += write_remarks(parcel.held.mail.number, self._now, [said])

    def _delivered(self, parcel: Parcel, outcome: Delivered) -> RecipientDelivered:
        held = parcel.held
        mail = held.mail
        return RecipientDelivered(
            mail.session, held.name, str(mail.sender), str(parcel.address), outcome.where, str(outcome.reply),
            round(self._now - mail.arrived, 3),
        )  # fmt: skip

    def _defer(self, parcel: Parcel, outcome: Deferred, retry_in: float | None) -> None:
        books, mail, attempts = self._books, parcel.held.mail, parcel.attempts + 1
        due = books.schedule.next_due(attempts, self._now, mail.arrived, books.chance())
        if due is None:
            self._fail(parcel, expire(outcome))
            return
        if retry_in is not None:
            due = self._now + retry_in
        reply = str(outcome.reply)
        self._rescheduled.append(Reschedule(*parcel.key, attempts, due, self._route, reply))
        books.log.emit(
            RecipientDeferred(
                mail.session, parcel.held.name, str(mail.sender), str(parcel.address), outcome.where, reply,
                attempts, round(due - self._now, 1),
            )
        )  # fmt: skip

    def _drop(self, parcel: Parcel) -> None:
        self._finished.append(parcel.key)
        held = parcel.held
        self._books.log.emit(
            RecipientDropped(held.mail.session, held.name, str(held.mail.sender), str(parcel.address))
        )

    def _fail(self, parcel: Parcel, outcome: Failed) -> None:
        self._finished.append(parcel.key)
        self._failed.setdefault(parcel.held.mail.number, []).append((parcel, outcome))

    def _reports(self) -> Iterator[NewMessage]:
        """What the senders of these messages are to hear, unless there is none or it does not want to."""
        for failures in self._failed.values():
            told = [entry for entry in failures if is_told(entry[1], entry[0].parameters)]
            report = self._report(told)
            name = self.spool.name(report.number) if report else ""
            for parcel, outcome in failures:
                mail = parcel.held.mail
                bounce = name if is_told(outcome, parcel.parameters) else ""
                self._books.log.emit(
                    RecipientFailed(
                        mail.session, parcel.held.name, str(mail.sender), str(parcel.address),
                        outcome.where, str(outcome.reply), bounce,
                    )
                )  # fmt: skip
            if report:
                yield report
        for successes in self._succeeded.values():
            report = self._report(successes)
            if report:
                yield report

    def _report(self, told: Sequence[tuple[Parcel, Failed | Delivered]]) -> NewMessage | None:
        if not told or not deserves_bounce(told[0][0].held.mail.sender):
            return None
        mail = told[0][0].held.mail
        failing = Failing(mail.sender, mail.arrived, mail.session, mail.content, mail.parameters)
        said = [Told(parcel.address, outcome, parcel.parameters.original) for parcel, outcome in told]
        return compose_bounce(self._books.server_name, self.spool, failing, said, self._now)


def _words(outcome: Outcome | None) -> str:
    if outcome is None:
        return "dropped"
    where = f" by {outcome.where}" if outcome.where else ""
    return f"{type(outcome).__name__.lower()}{where}: {outcome.reply}"
