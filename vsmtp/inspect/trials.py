"""Running policy tests: each is rehearsed and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from vsmtp.inspect.judgement import Miss, judge
from vsmtp.inspect.policies import PolicyTest
from vsmtp.inspect.rehearsal import Rehearsal
from vsmtp.inspect.rehearsed import Rehearsed


@dataclass(frozen=True, slots=True)
class Trial:
    """A test that was run: what came, what was missed, how many seconds it took."""

    test: PolicyTest
    rehearsed: Rehearsed
    misses: tuple[Miss, ...]
    seconds: float

    @property
    def has_passed(self) -> bool:
        """Whether all came as expected."""
        return not self.misses


def run_all(tests: Sequence[PolicyTest], rehearsal: Rehearsal, clock: Callable[[], float]) -> Iterator[Trial]:
    """Run the tests one after the other; `clock` gives seconds."""
    for test in tests:
        start = clock()
        rehearsed = rehearsal.play(test.scene, test.world)
        yield Trial(test, rehearsed, judge(test.expect, rehearsed), clock() - start)


def chosen(tests: Sequence[PolicyTest], patterns: Sequence[str]) -> tuple[PolicyTest, ...]:
    """The tests whose names one of the patterns fits, `*` and `?` in them or not; without patterns, all."""
    if not patterns:
        return tuple(tests)
    folded = [pattern.casefold() for pattern in patterns]
    return tuple(
        test for test in tests if any(fnmatchcase(test.name.casefold(), pattern) for pattern in folded)
    )
