"""Random lives of a shard, crashes among them, beside a dict that cannot forget."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.queue.letters import large_body, letter
from vsmtp.queue.records import ACTIVE, HOLD, Change, Committed, RecipientKey, Reschedule
from vsmtp.queue.shard import Shard

NUMBERS = st.integers(1, 6)
KEYS = st.tuples(NUMBERS, st.integers(0, 2))
DUES = st.integers(1, 9).map(float)
ROUTES = st.sampled_from(["a", "b"])

Accept: TypeAlias = tuple[int, str, bool]
"""How many recipients, in what state, and whether the body is large."""


@dataclass(frozen=True)
class Crash:
    """The owner is killed; another opens what is left."""


@dataclass(frozen=True)
class Lease:
    now: float
    limit: int


@dataclass(frozen=True)
class Turn:
    """One change; the accepted are numbered by the test."""

    accepted: tuple[Accept, ...] = ()
    finished: tuple[RecipientKey, ...] = ()
    rescheduled: tuple[tuple[RecipientKey, float, str], ...] = ()
    removed: tuple[int, ...] = ()
    expedited: tuple[int, ...] = ()


Step: TypeAlias = Crash | Lease | Turn


def some(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(values, max_size=3).map(tuple)


STEPS = st.one_of(
    st.just(Crash()),
    st.builds(Lease, DUES, st.integers(1, 3)),
    st.builds(
        Turn,
        accepted=some(st.tuples(st.integers(1, 3), st.sampled_from([ACTIVE, ACTIVE, HOLD]), st.booleans())),
        finished=some(KEYS),
        rescheduled=st.lists(st.tuples(KEYS, DUES, ROUTES), max_size=3, unique_by=lambda e: e[0]).map(tuple),
        removed=st.lists(NUMBERS, max_size=1).map(tuple),
        expedited=st.lists(NUMBERS, max_size=1).map(tuple),
    ),
)


@dataclass
class Wait:
    due: float | None = None
    route: str = ""
    attempts: int = 0


@dataclass
class Model:
    """What must be there: the state of each message, its large body if it has one, and who waits."""

    states: dict[int, str] = field(default_factory=dict)
    bodies: dict[int, str] = field(default_factory=dict)
    waits: dict[RecipientKey, Wait] = field(default_factory=dict)

    def apply(self, change: Change) -> frozenset[int]:
        for new in change.accepted:
            self.states[new.number] = new.state
            if new.content.file is not None:
                self.bodies[new.number] = new.content.file.path.name
            self.waits.update({(new.number, n): Wait() for n in range(len(new.recipients))})
        for key in [*change.finished, *(key for key in self.waits if key[0] in change.removed)]:
            self.waits.pop(key, None)
        self._wait(change)
        emptied = self.states.keys() - {number for number, _ in self.waits}
        for number in emptied:
            del self.states[number]
            self.bodies.pop(number, None)
        return frozenset(emptied)

    def _wait(self, change: Change) -> None:
        for entry in change.rescheduled:
            key = (entry.message, entry.recipient)
            if key in self.waits:
                self.waits[key] = Wait(entry.due, entry.route, entry.attempts)
        for key, wait in self.waits.items():
            if key[0] in change.expedited and wait.due is not None:
                wait.due = 0.0

    def check_lease(self, lease: Lease, leased: list[RecipientKey]) -> None:
        for route in {wait.route for wait in self.waits.values()}:
            due = sorted(
                wait.due
                for wait in self.waits.values()
                if wait.due is not None and wait.route == route and wait.due <= lease.now
            )
            got = sorted(self.waits[key].due or 0.0 for key in leased if self.waits[key].route == route)
            assert got == due[: lease.limit]
        for key in leased:
            assert self.waits[key].due is not None
            self.waits[key].due = None

    def check(self, shard: Shard) -> None:
        active = {number for number, _ in (key for key, wait in self.waits.items() if wait.due is None)}
        assert shard.page_active(-1, 99) == sorted(n for n in active if self.states[n] == ACTIVE)
        dues = [wait.due for wait in self.waits.values() if wait.due is not None]
        assert shard.next_due() == min(dues, default=None)
        found = shard.read(range(99))
        assert {message.number: message.state for message in found} == self.states
        assert {
            (message.number, to.number): Wait(to.due, to.route, to.attempts)
            for message in found
            for to in message.recipients
        } == self.waits
        for message in found:
            assert message.content.data == b"Subject: %d\r\n\r\n" % message.number
        names = {body.name for body in (shard.path / "bodies").iterdir()}
        assert names == set(self.bodies.values())


class Life:
    """The shard as it goes from owner to owner."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lives = 0
        self._last = 0
        self.shard = Shard.open(directory / "0")[0]
        self.model = Model()

    def step(self, step: Step) -> None:
        match step:
            case Crash():
                self._crash()
            case Lease(now, limit):
                self.model.check_lease(step, self.shard.lease_due(now, limit))
            case Turn():
                change = self._change(step)
                emptied = self.model.apply(change)
                assert self.shard.commit([change]) == Committed(emptied)
        self.model.check(self.shard)

    def _change(self, turn: Turn) -> Change:
        accepted = []
        for recipients, state, large in turn.accepted:
            self._last += 1
            file = large_body(self.shard.path, f"body{self._last}", 100) if large else None
            accepted.append(letter(self._last, recipients, file=file, state=state))
        rescheduled = [Reschedule(*key, 3, due, route, "later") for key, due, route in turn.rescheduled]
        return Change(tuple(accepted), turn.finished, tuple(rescheduled), turn.removed, turn.expedited)

    def _crash(self) -> None:
        self._lives += 1
        before, after = self.shard.path, self._directory / str(self._lives)
        ignored = shutil.ignore_patterns("lock", "queue.db-shm", "ballast")
        shutil.copytree(before, after, ignore=ignored)
        self.shard.abandon()
        shutil.rmtree(before)
        self.shard, recovered = Shard.open(after)
        assert recovered.messages == len(self.model.states)
        assert recovered.last >= self._last


@contextmanager
def a_life() -> Iterator[Life]:
    with tempfile.TemporaryDirectory(prefix="vsmtp-model-") as directory:
        life = Life(Path(directory))
        yield life
        life.shard.abandon()


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_a_shard_does_what_a_dict_would(steps: list[Step]) -> None:
    with a_life() as life:
        for step in steps:
            life.step(step)
