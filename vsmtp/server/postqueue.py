"""The rules of `postqueue`: once, when a message is taken for delivery, resumed after a deferral or release.

The root table judges for all recipients, then each group of them by its own domain chains. How far they have
come is kept with the message as soon as there is anything to keep: what a rule changed, where it deferred,
after which rule it was held. Mail that this server made (reports, notices) is not asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from vsmtp.facts.answers import FactBook
from vsmtp.facts.subject import Variable
from vsmtp.queue.records import (
    QUARANTINE,
    Addressee,
    Change,
    NewMessage,
    Remark,
    Revision,
)
from vsmtp.rules.evaluate import WHOLE, Ended, Part
from vsmtp.rules.verdicts import Accept, Defer, Delegate, Discard, Quarantine, Refuse, Trust
from vsmtp.server.context import Context, Stop, write_context
from vsmtp.server.decisions import remark_of, write_remarks
from vsmtp.server.judging import ROOT
from vsmtp.server.mailing import Accepted, Scope, change_recipients
from vsmtp.server.memory import Memory
from vsmtp.server.notes import read_notes, write_notes
from vsmtp.server.parcel import Destination, Dropped, Held, Mail, Postponed
from vsmtp.server.sheets import Works
from vsmtp.server.stages import UNDECIDED, Case, Stages
from vsmtp.smtp.parameters import NO_RCPT_PARAMETERS, RcptParameters
from vsmtp.telemetry.events import MessageHeld
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Failed
from vsmtp.vocabulary.stages import Stage

# Keys of `Context.passed`: the root table, whether the shipped rules were asked there, and the groups.
_ROOT: Final = ""
_SHIPPED: Final = "shipped"
_GROUP: Final = "*"


class Row(NamedTuple):
    """A recipient that is to be delivered to: its number in the message, its attempts so far, its notes.

    `parameters` is what the sender wants to hear of it.
    """

    number: int
    address: Address
    attempts: int
    notes: str
    parameters: RcptParameters = NO_RCPT_PARAMETERS


@dataclass(slots=True)
class Judged:
    """What becomes of a message's recipients: those without a destination go on to the `delivery` rules.

    `change` is to be made true before anything else happens; recipients that are not in `rows` have left.
    """

    mail: Mail
    context: Context
    change: Change | None
    rows: list[tuple[Row, Destination | None]]


Then: TypeAlias = Callable[[Judged], None]


@dataclass(frozen=True, slots=True)
class Postqueue:
    """Judges what the delivery loop takes; `clock` gives seconds since the epoch."""

    stages: Stages
    memory: Memory
    works: Works
    clock: Callable[[], float]

    def concerns(self, held: Held, rows: list[Row]) -> bool:
        """Whether there is anything to ask about this message."""
        mail = held.mail
        if mail.context == "{}" or not self.stages.has(Stage.POSTQUEUE):
            return False
        if isinstance(mail, NewMessage):
            return True
        # Without a mark nothing was changed by the rules; an attempt to deliver came after them all the same.
        return bool(held.read_context().passed) or not any(row.attempts for row in rows)

    def begin(self, held: Held, rows: list[Row], then: Then) -> None:
        """Call `then` once all recipients are judged."""
        context = replace(held.read_context())
        context.passed = dict(context.passed)
        is_told = False

        def tell(judged: Judged) -> None:
            nonlocal is_told
            if not is_told:
                is_told = True
                then(judged)

        def fail() -> None:
            later = Postponed(Deferred("", UNDECIDED))
            tell(Judged(held.mail, held.read_context(), None, [(row, later) for row in rows]))

        judgement = _Judgement(self, held, context, rows)
        self.stages.start(judgement.run(tell), fail)


@dataclass(slots=True)
class _Judgement:
    """One message before the rules."""

    by: Postqueue
    held: Held
    context: Context
    rows: list[Row]
    ended: list[tuple[Row, Destination | None]] = field(default_factory=list)
    revised: dict[int, Row] = field(default_factory=dict)
    accepted: list[NewMessage] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    state: str = ""
    is_changed: bool = False

    async def run(self, then: Then) -> None:
        book = self.by.memory.book(self.held, max((row.attempts for row in self.rows), default=0))
        if await self._judge_root(book):
            for key, rows in self._groups().items():
                await self._judge_group(key, rows, book)
        then(self._judged(book))

    # The root table.

    async def _judge_root(self, book: FactBook) -> bool:
        """Whether the groups are still to be judged."""
        before = self.context.passed.get(_ROOT, False)
        if before is True:
            book.apply(self.context.edits)
            return True
        book.apply(self.context.edits)
        scope = Scope()
        case = self._case(book, scope, ROOT if self.by.memory.graph.domains else WHOLE)
        case.stop = before if isinstance(before, Stop) else None
        variables = dict(book.transaction.variables)
        ended = await self.by.stages.judge(Stage.POSTQUEUE, case)
        self._note(case, ended)
        self._follow_root(scope, book, changed=book.transaction.variables != variables)
        if case.shipped_ran:
            self.context.passed[_SHIPPED] = True
        return self._conclude_root(case, ended)

    def _follow_root(self, scope: Scope, book: FactBook, *, changed: bool) -> None:
        """What the root table said is for all."""
        self.context.edits += scope.edits
        self.context.way = scope.way or self.context.way
        self.context.variables = dict(book.transaction.variables)
        self.rows = self._readdressed(self.rows, scope)
        if scope.edits or scope.way or scope.changes or changed:
            self.is_changed = True

    def _conclude_root(self, case: Case, ended: Ended) -> bool:
        self.context.passed[_ROOT] = True
        match ended.verdict:
            case None:
                return bool(self.by.memory.graph.domains) or self._let_all_go()
            case Accept() | Trust() | Delegate():
                for key in self._groups():
                    self.context.passed[key] = True
                return self._let_all_go()
            case Quarantine(name):
                self.state = f"{QUARANTINE}{name}"
                self.context.passed[_ROOT] = Stop(case.position, after=True)
                self._tell_held(self.rows, self.state, ended)
                self.is_changed = True
            case Refuse() | Defer() | Discard():
                if isinstance(ended.verdict, Defer):
                    self.context.passed[_ROOT] = Stop(case.position, after=False)
                    self.is_changed = True
                self.ended += [(row, _destination(ended)) for row in self.rows]
        return False

    def _let_all_go(self) -> bool:
        self.ended += [(row, None) for row in self.rows]
        return False

    # The groups.

    def _groups(self) -> dict[str, list[Row]]:
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(_GROUP + "|".join(self._chains(row)), []).append(row)
        return groups

    def _chains(self, row: Row) -> tuple[str, ...]:
        memory = self.by.memory
        return memory.graph.acting(Stage.POSTQUEUE, memory.chains(self.held, row.address))

    async def _judge_group(self, key: str, rows: list[Row], book: FactBook) -> None:
        before = self.context.passed.get(key, False)
        if before is True:
            self.ended += [(row, None) for row in rows]
            return
        head, variables = book.transaction.head, dict(book.transaction.variables)
        scope = Scope()
        shipped = not self.context.passed.get(_SHIPPED, False)
        case = self._case(book, scope, Part(root=False, chains=self._chains(rows[0]), shipped=shipped))
        case.stop = before if isinstance(before, Stop) else None
        ended = await self.by.stages.judge(Stage.POSTQUEUE, case)
        self._note(case, ended)
        shared = {
            name: value for name, value in book.transaction.variables.items() if variables.get(name) != value
        }
        rows = [self._noted(row, scope, shared) for row in self._readdressed(rows, scope)]
        book.transaction.head, book.transaction.variables = head, variables
        book.forget_message()
        self._conclude_group(key, rows, case, ended)

    def _noted(self, row: Row, scope: Scope, shared: dict[str, Variable]) -> Row:
        """The row with what was said of its group."""
        if not (scope.edits or scope.way or shared):
            return row
        notes = read_notes(row.notes)
        notes = replace(
            notes,
            edits=(*notes.edits, *scope.edits),
            way=scope.way or notes.way,
            shared={**notes.shared, **shared},
        )
        row = row._replace(notes=write_notes(notes))
        self.revised[row.number] = row
        self.is_changed = True
        return row

    def _conclude_group(self, key: str, rows: list[Row], case: Case, ended: Ended) -> None:
        self.context.passed[key] = True
        match ended.verdict:
            case None | Accept() | Trust() | Delegate():
                self.ended += [(row, None) for row in rows]
            case Quarantine(name):
                state = f"{QUARANTINE}{name}"
                self._part(key, rows, state, Stop(case.position, after=True))
                self._tell_held(rows, state, ended)
            case Refuse() | Defer() | Discard():
                if isinstance(ended.verdict, Defer):
                    self.context.passed[key] = Stop(case.position, after=False)
                    self.is_changed = True
                self.ended += [(row, _destination(ended)) for row in rows]

    def _part(self, key: str, rows: list[Row], state: str, stop: Stop) -> None:
        """These recipients become a message of their own, in that state."""
        mail = self.held.mail
        context = replace(self.context, passed={**self.context.passed, key: stop})
        self.accepted.append(
            NewMessage(
                self.held.spool.number(self.by.clock()), mail.arrived, mail.sender, mail.eight_bit,
                mail.smtputf8, mail.session, state, tuple(_addressee(row) for row in rows),
                Content(mail.content.data, mail.content.file), write_context(context), mail.parameters,
            )
        )  # fmt: skip
        self.finished += [row.number for row in rows]
        for row in rows:
            self.revised.pop(row.number, None)
        self.is_changed = True

    # What both have in common.

    def _case(self, book: FactBook, scope: Scope, part: Part) -> Case:
        session, mail = self.held.mail.session, self.held.mail
        case = Case(
            self.by.works,
            session,
            book,
            scope,
            lambda: Content(
                (book.transaction.head or b"") + (book.transaction.body or Content(b"")).data,
                mail.content.file,
            ),
        )
        case.part = part
        return case

    def _note(self, case: Case, ended: Ended) -> None:
        if case.matched:
            self.context.remarked = True
            said = [remark_of(Stage.POSTQUEUE, case, ended)]
            self.remarks += write_remarks(self.held.mail.number, self.by.clock(), said)

    def _readdressed(self, rows: list[Row], scope: Scope) -> list[Row]:
        """The rows after the changes of the envelope; who was removed has ended, who was added is new."""
        if not scope.changes:
            return rows
        self.is_changed = True
        before = [Accepted(row.address, Scope()) for row in rows]
        keeper = self.by.memory.recipients.keeper
        after = change_recipients(before, scope.changes, lambda to: Accepted(keeper(to), Scope()))
        kept = {id(to) for to in after}
        known = {id(to): row for to, row in zip(before, rows, strict=True)}
        self.ended += [(row, Dropped()) for at, row in known.items() if at not in kept]
        return [known.get(id(to)) or self._added(to.address) for to in after]

    def _added(self, address: Address) -> Row:
        top = max(self.context.top, *self._numbers())
        self.context.top = top + 1
        row = Row(top + 1, address, 0, "")
        self.revised[row.number] = row
        return row

    def _numbers(self) -> list[int]:
        mail = self.held.mail
        if isinstance(mail, NewMessage):
            return list(range(len(mail.recipients)))
        return [to.number for to in mail.recipients]

    def _tell_held(self, rows: list[Row], state: str, ended: Ended) -> None:
        held = self.held
        rule = ended.rule.name if ended.rule is not None else ""
        to = tuple(str(row.address) for row in rows)
        self.by.works.log.emit(
            MessageHeld(held.mail.session, held.name, str(held.mail.sender), to, state, rule)
        )

    def _judged(self, book: FactBook) -> Judged:
        mail = self.held.mail
        sender = book.transaction.sender
        if not self.is_changed and sender == mail.sender:
            change = Change(remarks=tuple(self.remarks)) if self.remarks else None
            return Judged(mail, self.context, change, self.ended)
        self.context.top = max(self.context.top, *self._numbers())
        context = write_context(self.context)
        state = self.state or mail.state
        recipients = tuple((row.number, _addressee(row)) for row in self.revised.values())
        change = Change(
            accepted=tuple(self.accepted),
            finished=tuple((mail.number, number) for number in self.finished),
            revised=(Revision(mail.number, state, sender, context, recipients),),
            remarks=tuple(self.remarks),
        )
        return Judged(_revised(mail, sender, context), self.context, change, self.ended)


def _revised(mail: Mail, sender: Address, context: str) -> Mail:
    if isinstance(mail, NewMessage):
        return mail._replace(sender=sender, context=context)
    return replace(mail, sender=sender, context=context)


def _addressee(row: Row) -> Addressee:
    return Addressee(row.address, row.notes, row.parameters)


def _destination(ended: Ended) -> Destination:
    match ended.verdict:
        case Refuse(reply):
            return Failed("", reply)
        case Defer(reply, retry_in):
            return Postponed(Deferred("", reply), retry_in)
        case _:
            return Dropped()
