"""What the server does for rules: it finds out facts that take I/O, and carries out what does."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vsmtp.effects.exports import keep
from vsmtp.effects.notices import Letterhead, Notice, compose
from vsmtp.effects.tables import ColumnAdded, RowRemoved, RowSet, TableWrite
from vsmtp.facts.answers import FactBook
from vsmtp.facts.questions import Question, RecipientKnown, RowWanted
from vsmtp.facts.rates import Rates
from vsmtp.queue.records import ACTIVE, Addressee, Change, Committed, NewMessage, Result
from vsmtp.queue.spool import Spool
from vsmtp.server.recipients import Recipients
from vsmtp.tables.contract import Lookup, Table, Writable
from vsmtp.telemetry.events import EffectFailed
from vsmtp.telemetry.log import Log
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.answer import Unavailable
from vsmtp.values.envelope import Content


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from: tables that are open, who exists, and a pool for what blocks."""

    tables: Mapping[str, Table]
    recipients: Recipients
    pool: Executor | None = None

    async def fetch(self, book: FactBook, name: str) -> None:
        """Find out what the book wants before it can answer; afterwards it can."""
        while wanted := book.wanted(name):
            if len(wanted) == 1:
                await self._answer(book, wanted[0])
                continue
            async with asyncio.TaskGroup() as questions:
                for question in wanted:
                    questions.create_task(self._answer(book, question))

    async def _answer(self, book: FactBook, question: Question) -> None:
        match question:
            case RecipientKnown(address):
                book.store(question, await self.recipients.find_out(address))
            case RowWanted(table, key):
                book.store(question, await self._row(table, key))
            case _:
                loop = asyncio.get_running_loop()
                book.store(question, await loop.run_in_executor(self.pool, question.run))

    async def _row(self, table: str, key: str) -> Lookup:
        found = self.tables.get(table)
        return Unavailable(f"there is no table `{table}`") if found is None else await found.find(key)


@dataclass(frozen=True, slots=True)
class Post:
    """How notices go out: through `spool`, after which `accepted` hears of them.

    `clock` gives seconds since the epoch, `date` writes such a time for a header.
    """

    spool: Spool
    server_name: str
    author: Address
    clock: Callable[[], float]
    date: Callable[[float], str]
    accepted: Callable[[NewMessage], None]
    log: Log

    def send(self, message: NewMessage) -> None:
        """The message is being queued; that it could not be is logged."""

        def committed(result: Result) -> None:
            if isinstance(result, Committed):
                self.accepted(message)
            else:
                to = ", ".join(f"<{one.address}>" for one in message.recipients)
                self.log.emit(EffectFailed(message.session, "", f"the notice to {to} could not be queued"))

        self.spool.submit(Change(accepted=(message,)), committed)

    def message(self, notice: Notice, session: str) -> NewMessage:
        """The notice as mail with the null sender."""
        now = self.clock()
        number = self.spool.number(now)
        message_id = f"<{self.spool.name(number)}@{self.server_name}>"
        head = Letterhead(self.server_name, self.author, self.date(now), message_id)
        utf8 = not (notice.to.is_ascii and self.author.is_ascii)
        return NewMessage(
            number, now, NULL_SENDER, eight_bit=False, smtputf8=utf8, session=session, state=ACTIVE,
            recipients=(Addressee(notice.to),), content=Content(compose(notice, head)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Works:
    """What sheets have done by others (`sheets.Works`); files go below `exports`."""

    log: Log
    rates: Rates
    tables: Mapping[str, Table]
    post: Post
    exports: Path
    loop: AbstractEventLoop
    pool: Executor | None = None

    def count(self, limiter: str, key: str) -> None:
        """One more event of the key."""
        self.rates.count(limiter, key)

    async def write_table(self, write: TableWrite) -> Unavailable | None:
        """The table is written, or why it could not be."""
        table = self.tables.get(write.table)
        if not isinstance(table, Writable):
            return Unavailable(f"the table `{write.table}` cannot be written to")
        answer: object
        match write:
            case RowSet(_, key, row, if_absent, expire):
                answer = await table.set(key, row, if_absent=if_absent, expire=expire)
            case ColumnAdded(_, key, column, amount, expire):
                answer = await table.add(key, column, amount, expire)
            case RowRemoved(_, key):
                answer = await table.remove(key)
        return answer if isinstance(answer, Unavailable) else None

    async def export(self, path: str, octets: Iterable[bytes]) -> Unavailable | None:
        """The file of that path below the export directory is written, or why it could not be."""
        kept = await self.loop.run_in_executor(self.pool, partial(_keep, self.exports, path, octets))
        return kept if isinstance(kept, Unavailable) else None

    def notify(self, notice: Notice, session: str) -> None:
        """The notice is being queued."""
        self.post.send(self.post.message(notice, session))


def _keep(directory: Path, path: str, octets: Iterable[bytes]) -> str | Unavailable:
    try:
        return keep(directory, path, octets)
    except OSError as fault:
        return Unavailable(f"the message cannot be read: {fault}")
