"""The commit thread of a shard: what arrives while one commit is under way shares the next one.

The event loop submits changes and questions; one thread, the only one that touches the shard, takes all that
have gathered, commits them in one transaction and hands the results back to the loop in order. There is no
artificial delay: an idle shard commits a single change at once.

The GIL: the thread gives it up at every entry into SQLite and wants it back after; a busy loop lets it wait
up to a switch interval each time. So when a commit has been out for `LEND_AFTER`, the loop calls `lend`,
which waits for the end of the commit, briefly, and so lends the thread the GIL.
"""

from __future__ import annotations

import sqlite3
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final, TypeAlias, TypeVar

from vsmtp.queue.identity import Names, Numbers
from vsmtp.queue.records import Broken, Change, Committed, DiskFull, Done, RecipientKey, Result, StoredMessage
from vsmtp.queue.shard import Recovered, Shard

T = TypeVar("T")

LEND_AFTER: Final = 0.010
LEND_FOR: Final = 0.002
LENDS_A_TURN: Final = 10
IDLE_AFTER: Final = 0.5
OWED_AGAIN: Final = 1.0
MAX_CHANGES: Final = 512
MAX_OCTETS: Final = 16 * 2**20
# Past these the server refuses new mail for a while rather than promise what the disk cannot keep up with.
STRAINED_SECONDS: Final = 1.0
STRAINED_OCTETS: Final = 64 * 2**20


class SpoolBroken(Exception):  # noqa: N818 a fact about the disk, not an error of ours
    """The shard met an I/O error; nothing it says may be believed and this worker must end."""


@dataclass(frozen=True, slots=True)
class _Submitted:
    change: Change
    done: Done


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question to the shard, answered between two commits."""

    question: Callable[[Shard], object]
    answer: Future[object]


_Answer: TypeAlias = Callable[[], None]


class Committer:
    """A shard with its thread. All public methods are for the event loop's thread."""

    def __init__(self, loop: AbstractEventLoop, path: Path) -> None:
        self.path = path
        self.turns: deque[float] = deque(maxlen=8192)
        self._loop = loop
        self._numbers = Numbers(0)
        self._names = Names(path.name)
        self._pending_octets = 0
        self._work: deque[_Submitted | _Asked] = deque()
        self._owed: list[_Submitted] = []
        self._taken: list[_Submitted | _Asked] = []
        self._signal: SimpleQueue[bool] = SimpleQueue()
        self._signalled = False
        self._handing_over = False
        self._turn = threading.Lock()
        self._turn_began = 0.0
        self._lends = 0
        self._broken: Broken | None = None
        self._thread = threading.Thread(target=self._run, name=f"commit-{path.name[-4:]}", daemon=True)
        self._opened: Future[Recovered] = loop.create_future()

    async def open(self) -> Recovered:
        """Start the thread and open the shard in it. Raises what `Shard.open` raises."""
        self._thread.start()
        recovered = await self._opened
        self._numbers = Numbers(recovered.last)
        return recovered

    def number(self, now: float) -> int:
        """A number for a new message, higher than all before; `now` in seconds since the epoch."""
        return self._numbers.next(now)

    @property
    def last(self) -> int:
        """The highest number that may have been given so far."""
        return self._numbers.last

    def name(self, number: int) -> str:
        """The queue id of a message of this shard as administrators see it."""
        return self._names(number)

    def submit(self, change: Change, done: Done) -> None:
        """Have `change` committed with what else this tick brings; the loop calls `done` with the result."""
        if self._broken is not None:
            self._loop.call_soon(done, self._broken)
            return
        self._pending_octets += _octets(change)
        self._push(_Submitted(change, done))

    def ask(self, question: Callable[[Shard], T]) -> Future[T]:
        """What `question` returns when put to the shard after all that was submitted before.

        Raises SpoolBroken when awaited if the shard is or becomes unusable.
        """
        answer: Future[T] = self._loop.create_future()
        if self._broken is not None:
            answer.set_exception(SpoolBroken(self._broken.reason))
        else:
            self._push(_Asked(question, answer))  # type: ignore[arg-type]  # a Future is written to, never read
        return answer

    def read(self, numbers: Sequence[int]) -> Future[list[StoredMessage]]:
        """The messages of these numbers that are there, in order, with all their recipients."""
        return self.ask(lambda shard: shard.read(numbers))

    def page_active(self, after: int, limit: int) -> Future[list[int]]:
        """Numbers above `after` of messages with a recipient that waits for nothing, the lowest `limit`."""
        return self.ask(lambda shard: shard.page_active(after, limit))

    def next_due(self) -> Future[float | None]:
        """When the next waiting recipient is due, seconds since the epoch."""
        return self.ask(lambda shard: shard.next_due())

    def lease_due(self, now: float, limit: int) -> Future[list[RecipientKey]]:
        """Up to `limit` recipients of each route that are due at `now`, no longer waiting afterwards."""
        return self.ask(lambda shard: shard.lease_due(now, limit))

    def held(self, state: str, since: float, before: float, limit: int) -> Future[list[int]]:
        """Numbers of messages in that state that arrived in that time, the lowest `limit` of them."""
        return self.ask(lambda shard: shard.held(state, since, before, limit))

    def _push(self, item: _Submitted | _Asked) -> None:
        self._work.append(item)
        if not self._handing_over:
            self._handing_over = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._handing_over = False
        if not self._signalled:
            self._signalled = True
            self._signal.put(True)

    def lend(self) -> None:
        """Let the commit thread have the GIL for a moment if its commit has been out long."""
        began = self._turn_began
        if not began or self._lends >= LENDS_A_TURN or monotonic() - began < LEND_AFTER:
            return
        self._lends += 1
        if self._turn.acquire(timeout=LEND_FOR):
            self._turn.release()

    @property
    def is_strained(self) -> bool:
        """Whether commits take so long, or so much waits, that new mail should be refused for now."""
        began = self._turn_began
        return self._pending_octets > STRAINED_OCTETS or bool(
            began and monotonic() - began > STRAINED_SECONDS
        )

    async def close(self) -> None:
        """Commit what was submitted, close the shard and end the thread.

        Outcomes that a full disk still cannot take hear of it; what is submitted later is answered Broken.
        """
        self._signal.put(False)
        await self._loop.run_in_executor(None, self._thread.join)

    def _hand_back(self, answers: Sequence[_Answer], octets: int) -> None:
        self._pending_octets -= octets
        left = iter(answers)
        try:
            for answer in left:
                answer()
        finally:
            # One who cannot bear its answer must not cost the others theirs.
            rest = list(left)
            if rest:
                self._loop.call_soon(self._hand_back, rest, 0)

    def _refuse(self, left: Sequence[_Submitted | _Asked]) -> None:
        """Answer what the thread left behind; afterwards nothing is taken any more."""
        result = self._broken or DiskFull()
        self._broken = self._broken or Broken(f"{self.path}: closed")
        answers = [_refusal(item, result, self._broken) for item in (*left, *self._work)]
        self._work.clear()
        self._hand_back(answers, 0)

    # From here on: the thread.

    def _run(self) -> None:
        try:
            shard, recovered = Shard.open(self.path)
        except BaseException as fault:  # noqa: BLE001 it belongs to whoever awaits `open`
            self._loop.call_soon_threadsafe(self._opened.set_exception, fault)
            return
        self._loop.call_soon_threadsafe(self._opened.set_result, recovered)
        try:
            while self._await_signal(shard):
                self._work_off(shard)
            self._work_off(shard)
        except BaseException as fault:
            self._broken = Broken(f"{self.path}: {fault!r}")
            raise
        finally:
            self._end(shard)

    def _await_signal(self, shard: Shard) -> bool:
        """Wait for work; False when there will be none. An idle shard moves its log meanwhile."""
        while self._broken is None:
            idle = IDLE_AFTER if shard.checkpoint_due(idle=True) else None
            try:
                goes_on = self._signal.get(timeout=OWED_AGAIN if self._owed else idle)
            except Empty:
                if self._owed:
                    return True
                self._checkpoint(shard)
            else:
                self._signalled = False
                return goes_on
        return False

    def _work_off(self, shard: Shard) -> None:
        while (self._work or self._owed) and self._broken is None:
            owed = len(self._owed)
            batch, asked = self._take()
            self._taken = [*batch, asked] if asked is not None else [*batch]
            octets = sum(_octets(item.change) for item in batch[owed:])
            answers = self._turn_of(shard, batch) if batch else []
            if asked is not None and self._broken is None:
                answers.append(self._answer(shard, asked))
            self._taken = [asked] if asked is not None and self._broken is not None else []
            self._loop.call_soon_threadsafe(self._hand_back, answers, octets)
            if shard.checkpoint_due(idle=False):
                self._checkpoint(shard)
            if self._owed and not self._work:
                return

    def _take(self) -> tuple[list[_Submitted], _Asked | None]:
        """Changes up to the first question, which is taken too, or to the limits of a turn."""
        batch, self._owed = self._owed, []
        octets = 0
        while self._work and len(batch) < MAX_CHANGES and octets < MAX_OCTETS:
            item = self._work.popleft()
            if isinstance(item, _Asked):
                return batch, item
            batch.append(item)
            octets += _octets(item.change)
        return batch, None

    def _turn_of(self, shard: Shard, batch: list[_Submitted]) -> list[_Answer]:
        began = monotonic()
        self._lends = 0
        with self._turn:
            self._turn_began = began
            answers = self._commit(shard, batch)
            self._turn_began = 0.0
        self.turns.append(monotonic() - began)
        return answers

    def _answer(self, shard: Shard, asked: _Asked) -> _Answer:
        try:
            return partial(_settle, asked.answer, asked.question(shard))
        except (sqlite3.Error, OSError) as fault:
            self._broken = Broken(f"{self.path}/queue.db: {fault}")
            return partial(_fail, asked.answer, self._broken)

    def _commit(self, shard: Shard, batch: list[_Submitted]) -> list[_Answer]:
        result = shard.commit([item.change for item in batch])
        if isinstance(result, DiskFull):
            return self._commit_outcomes(shard, batch)
        if isinstance(result, Broken):
            self._broken = result
        return [partial(item.done, result) for item in batch]

    def _commit_outcomes(self, shard: Shard, batch: list[_Submitted]) -> list[_Answer]:
        """On a full disk: refuse what is new, record what was delivered, out of the ballast if need be."""
        outcomes = [item for item in batch if _is_outcome(item.change)]
        answers: list[_Answer] = [
            partial(item.done, DiskFull()) for item in batch if not _is_outcome(item.change)
        ]
        shard.release_ballast()
        result = shard.commit([item.change for item in outcomes]) if outcomes else Committed()
        if isinstance(result, DiskFull):
            self._owed = outcomes
            return answers
        if isinstance(result, Broken):
            self._broken = result
        return answers + [partial(item.done, result) for item in outcomes]

    def _checkpoint(self, shard: Shard) -> None:
        self._broken = shard.checkpoint() or self._broken
        shard.restore_ballast()

    def _end(self, shard: Shard) -> None:
        try:
            if self._broken is None:
                shard.close()
            else:
                shard.abandon()
        finally:
            # In the loop's thread: there nothing can be submitted between the last look and the answer.
            self._loop.call_soon_threadsafe(self._refuse, [*self._taken, *self._owed])


def _refusal(item: _Submitted | _Asked, result: Result, broken: Broken) -> _Answer:
    if isinstance(item, _Asked):
        return partial(_fail, item.answer, broken)
    return partial(item.done, result)


def _is_outcome(change: Change) -> bool:
    return bool(
        change.finished
        or change.rescheduled
        or change.removed
        or change.expedited
        or change.revised
        or change.released
    )


def _octets(change: Change) -> int:
    return sum(len(message.content.data) for message in change.accepted)


def _settle(answer: Future[object], value: object) -> None:
    if not answer.done():
        answer.set_result(value)


def _fail(answer: Future[object], broken: Broken) -> None:
    if not answer.done():
        answer.set_exception(SpoolBroken(broken.reason))
