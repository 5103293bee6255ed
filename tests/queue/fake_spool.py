"""A spool in memory for tests of what stands on it; it passes the contract of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import orjson

from vsmtp.queue.identity import Numbers, queue_name
from vsmtp.queue.records import (
    ACTIVE,
    Change,
    Committed,
    Done,
    RecipientKey,
    Remark,
    Result,
    StoredMessage,
    StoredRecipient,
)

T = TypeVar("T")


@dataclass
class Store:
    """What would be on the disk: it survives the spool."""

    messages: dict[int, StoredMessage] = field(default_factory=dict)
    recipients: dict[RecipientKey, StoredRecipient] = field(default_factory=dict)
    last: int = 0
    remarks: list[Remark] = field(default_factory=list)


class FakeSpool:
    """A Spool. `answer`, when set, is the result of every change, and nothing of it happens."""

    def __init__(self, store: Store, shard: str = "01ARZ3NDEKTSV4RRFFQ69G5FAV") -> None:
        self.answer: Result | None = None
        self.is_strained = False
        self._store = store
        self._shard = shard
        self._numbers = Numbers(store.last)
        self._loop = asyncio.get_running_loop()

    def number(self, now: float) -> int:
        self._store.last = self._numbers.next(now)
        return self._store.last

    def name(self, number: int) -> str:
        return queue_name(number, self._shard)

    def submit(self, change: Change, done: Done) -> None:
        self._loop.call_soon(done, self.answer or self._commit(change))

    def read(self, numbers: Sequence[int]) -> asyncio.Future[list[StoredMessage]]:
        found = sorted(set(numbers) & self._store.messages.keys())
        return self._settled(
            [replace(self._store.messages[n], recipients=tuple(self._recipients(n))) for n in found]
        )

    def page_active(self, after: int, limit: int) -> asyncio.Future[list[int]]:
        found = sorted(
            number
            for number, message in self._store.messages.items()
            if number > after
            and message.state == ACTIVE
            and any(to.due is None for to in self._recipients(number))
        )
        return self._settled(found[:limit])

    def next_due(self) -> asyncio.Future[float | None]:
        dues = [to.due for to in self._store.recipients.values() if to.due is not None]
        return self._settled(min(dues, default=None))

    def lease_due(self, now: float, limit: int) -> asyncio.Future[list[RecipientKey]]:
        due = sorted(
            (to.due, key)
            for key, to in self._store.recipients.items()
            if to.due is not None and to.due <= now
        )
        taken: dict[str, int] = {}
        leased = []
        for _, key in due:
            recipient = self._store.recipients[key]
            taken[recipient.route] = taken.get(recipient.route, 0) + 1
            if taken[recipient.route] <= limit:
                self._store.recipients[key] = replace(recipient, due=None)
                leased.append(key)
        return self._settled(leased)

    def lend(self) -> None:
        """There is no thread."""

    async def close(self) -> None:
        await asyncio.sleep(0)

    def _settled(self, value: T) -> asyncio.Future[T]:
        answer: asyncio.Future[T] = self._loop.create_future()
        answer.set_result(value)
        return answer

    def _recipients(self, number: int) -> list[StoredRecipient]:
        return [to for key, to in sorted(self._store.recipients.items()) if key[0] == number]

    def _commit(self, change: Change) -> Committed:
        for new in change.accepted:
            self._store.messages[new.number] = StoredMessage(
                new.number, new.arrived, new.sender, new.eight_bit, new.smtputf8, new.session, new.state,
                new.content.size, new.content, new.context, (), new.parameters,
            )  # fmt: skip
            for n, to in enumerate(new.recipients):
                row = StoredRecipient(n, to.address, 0, None, "", "", to.notes, to.parameters)
                self._store.recipients[new.number, n] = row
        self._revise(change)
        left = [*change.finished, *(key for key in self._store.recipients if key[0] in change.removed)]
        for key in left:
            self._store.recipients.pop(key, None)
        self._wait(change)
        return Committed(frozenset(self._drop({key[0] for key in left} | set(change.removed))))

    def _revise(self, change: Change) -> None:
        messages, rows = self._store.messages, self._store.recipients
        self._store.remarks += change.remarks
        for one in change.revised:
            if one.message in messages:
                messages[one.message] = replace(
                    messages[one.message], state=one.state, sender=one.sender, context=one.context
                )
                for number, to in one.recipients:
                    old = rows.get((one.message, number)) or StoredRecipient(
                        number, to.address, 0, None, "", "", ""
                    )
                    rows[one.message, number] = replace(
                        old, address=to.address, notes=to.notes, parameters=to.parameters
                    )
        for number in change.released:
            if number in messages and messages[number].state != ACTIVE:
                context = orjson.dumps({**orjson.loads(messages[number].context), "released": True}).decode()
                messages[number] = replace(messages[number], state=ACTIVE, context=context)

    def _wait(self, change: Change) -> None:
        rows = self._store.recipients
        for entry in change.rescheduled:
            key = (entry.message, entry.recipient)
            if key in rows:
                rows[key] = replace(
                    rows[key], attempts=entry.attempts, due=entry.due, route=entry.route, reply=entry.reply
                )
        for key, row in rows.items():
            if key[0] in change.expedited and row.due is not None:
                rows[key] = replace(row, due=0.0)

    def _drop(self, touched: set[int]) -> list[int]:
        empty = [number for number in touched & self._store.messages.keys() if not self._recipients(number)]
        for number in empty:
            message = self._store.messages.pop(number)
            if message.content.file is not None:
                message.content.file.path.unlink(missing_ok=True)
        return empty
