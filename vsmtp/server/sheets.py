"""What the rules of one evaluation may change, and where each change goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from vsmtp.effects.dumps import as_json
from vsmtp.effects.envelope import (
    EnvelopeChange,
    RecipientAdded,
    RecipientRemoved,
    RecipientRewritten,
    SenderRewritten,
)
from vsmtp.effects.exports import Export
from vsmtp.effects.logs import Line
from vsmtp.effects.notices import Notice
from vsmtp.effects.tables import TableWrite
from vsmtp.effects.transports import Way
from vsmtp.effects.variables import Variable
from vsmtp.facts.answers import FactBook
from vsmtp.message.edits import Edit
from vsmtp.rules.effects import Effect, is_binding
from vsmtp.rules.evaluate import Fired
from vsmtp.rules.language import RuleInfo
from vsmtp.server.mailing import Scope
from vsmtp.telemetry.events import EffectFailed, RuleNoted
from vsmtp.telemetry.log import Log
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable
from vsmtp.values.envelope import Content

_AT_ONCE: Final = 1 << 20


class Works(Protocol):
    """What the server does for rules besides what a sheet can do itself."""

    @property
    def log(self) -> Log:
        """The log."""
        ...

    def count(self, limiter: str, key: str) -> None:
        """One more event of the key."""

    async def write_table(self, write: TableWrite) -> Unavailable | None:
        """The table is written, or why it could not be."""

    async def export(self, path: str, octets: Iterable[bytes]) -> Unavailable | None:
        """The file of that path below the export directory is written, or why it could not be."""

    def notify(self, notice: Notice, session: str) -> None:
        """The notice is being queued."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A deed that takes I/O, whose it is, and the table that it writes to, if it is that."""

    work: Awaitable[Unavailable | None]
    rule: RuleInfo
    table: str = ""


class StageSheet:
    """The sheet of one evaluation: what it says of headers, envelope and transport goes into `scope`.

    `content` gives the message as it stands, where there is one. `trouble` is set once an effect has failed
    without which the mail must not go on: the stage is to end undecided. `unwritten` is a table that could
    not be written to, and why: the rule does what its `unavailable` says. While `is_waiting`, `settle` is to
    be awaited before the walk goes on.
    """

    __slots__ = (
        "_before", "_content", "_session", "_waiting", "_works", "book", "fired", "scope", "trouble",
        "unwritten",
    )  # fmt: skip

    def __init__(
        self,
        works: Works,
        session: str,
        book: FactBook,
        scope: Scope,
        content: Callable[[], Content] | None = None,
    ) -> None:
        self.book = book
        self.scope = scope
        self.fired: Fired | None = None
        self.trouble: RuleInfo | None = None
        self.unwritten: tuple[str, str] | None = None
        self._works = works
        self._session = session
        self._content = content
        self._waiting: list[_Waiting] = []
        self._before: tuple[Address, tuple[Address, ...]] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the walk must not go on yet."""
        return bool(self._waiting)

    async def settle(self) -> None:
        """Everything that takes I/O is done, in order, or logged as failed."""
        waiting, self._waiting = self._waiting, []
        for deed in waiting:
            failed = await deed.work
            if failed is not None:
                self._fail(deed.rule, failed.reason)
                if deed.table:
                    self.unwritten = self.unwritten or (f"@{deed.table}", failed.reason)

    def edit(self, edit: Edit) -> None:
        """The header is edited, or will be once there is one."""
        self.scope.edits += (edit,)
        self.book.apply([edit])

    def envelope(self, change: EnvelopeChange) -> None:
        """The envelope is changed, as facts see it at once and as the mail will have it."""
        self.scope.changes += (change,)
        about = self.book.transaction
        if self._before is None:
            self._before = about.sender, tuple(about.recipients)
        match change:
            case SenderRewritten(address):
                about.sender = address
            case RecipientAdded(address):
                if all(to.key != address.key for to in about.recipients):
                    about.recipients.append(address)
            case RecipientRemoved(address):
                about.recipients[:] = [to for to in about.recipients if to.key != address.key]
            case RecipientRewritten(address):
                self.book.rewrite_recipient(address)

    def take_back(self) -> None:
        """What was done to the envelope is undone: it was for a recipient that is refused."""
        if self._before is not None:
            about = self.book.transaction
            about.sender, about.recipients[:] = self._before

    def transport(self, way: Way) -> None:
        """This is the way to go; the last one counts."""
        self.scope.way = way

    def assign(self, name: str, value: Variable | Unavailable) -> None:
        """The variable has this value."""
        self.book.assign(name, value)

    def count(self, limiter: str, key: str) -> None:
        """One more event of the key is counted."""
        self._works.count(limiter, key)

    def write_table(self, write: TableWrite) -> None:
        """The table is written before the walk goes on."""
        self._wait(self._write(write), write.table)

    async def _write(self, write: TableWrite) -> Unavailable | None:
        failed = await self._works.write_table(write)
        self.book.forget_table(write.table)
        return failed

    def export(self, export: Export) -> None:
        """The file is written before the walk goes on: later it might be another message's."""
        fired, content = self.fired, self._content() if self._content is not None else None
        assert fired is not None
        if export.form == "facts":
            self._wait(self._works.export(export.path, [as_json(self.book, fired.rule.stage)]))
        elif content is not None:
            self._wait(self._works.export(export.path, pieces(content)))

    def notify(self, notice: Notice) -> None:
        """The notice is being queued."""
        self._works.notify(notice, self._session)

    def log(self, line: Line) -> None:
        """The line is in the log."""
        self._works.log.emit(RuleNoted(self._session, line.rule.name, line.text), line.level)

    def unfit(self, effect: Effect, fired: Fired, reason: str) -> None:
        """An effect could not be carried out: it is logged, and the stage ends if the mail depends on it."""
        self._fail(fired.rule, reason)
        if is_binding(effect):
            self.trouble = self.trouble or fired.rule

    def _wait(self, work: Awaitable[Unavailable | None], table: str = "") -> None:
        assert self.fired is not None
        self._waiting.append(_Waiting(work, self.fired.rule, table))

    def _fail(self, rule: RuleInfo, reason: str) -> None:
        self._works.log.emit(EffectFailed(self._session, rule.name, reason))


def pieces(content: Content) -> Iterator[bytes]:
    """The octets of a message, piece by piece. Blocks; raises OSError."""
    yield content.data
    file = content.file
    if file is not None:
        with file.path.open("rb") as stream:
            stream.seek(file.offset)
            left = file.size - file.offset
            while left and (piece := stream.read(min(left, _AT_ONCE))):
                left -= len(piece)
                yield piece
