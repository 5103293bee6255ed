from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vsmtp.facts.rates import SLOTS, Limiter, Rates
from vsmtp.rules.template import parse_template

KEY = parse_template("{client.net}")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def rates(per: float = 60, max_keys: int = 100) -> tuple[Rates, Clock]:
    clock = Clock()
    return Rates({"l": Limiter(KEY, per, max_keys)}, clock), clock


def test_events_are_counted_by_key_whatever_its_case() -> None:
    counted, _ = rates()
    counted.count("l", "A")
    counted.count("l", "a")
    counted.count("l", "b")
    assert (counted.rate("l", "a"), counted.rate("l", "B"), counted.rate("l", "c")) == (2, 1, 0)


def test_events_leave_with_the_window() -> None:
    counted, clock = rates()
    counted.count("l", "a")
    clock.now += 30
    counted.count("l", "a")
    assert counted.rate("l", "a") == 2
    clock.now += 31.5
    assert counted.rate("l", "a") == 1
    clock.now += 3600
    assert counted.rate("l", "a") == 0


def test_limiters_do_not_mix() -> None:
    clock = Clock()
    counted = Rates({"a": Limiter(KEY, 60), "b": Limiter(KEY, 60)}, clock)
    counted.count("a", "k")
    assert counted.rate("b", "k") == 0


def test_past_the_most_keys_the_one_counted_longest_ago_is_forgotten() -> None:
    counted, _ = rates(max_keys=2)
    for key in ("a", "b", "a", "c"):
        counted.count("l", key)
    assert [counted.rate("l", key) for key in "abc"] == [2, 0, 1]


def test_a_key_takes_a_bounded_memory() -> None:
    counted, clock = rates()
    for _ in range(10_000):
        clock.now += 0.5
        counted.count("l", "a")
    assert len(counted._counts["l"]["a"].slots) <= SLOTS + 1


@given(st.lists(st.floats(0, 50), max_size=40), st.floats(10, 100))
def test_a_rate_is_never_too_low_and_hardly_too_high(pauses: list[float], per: float) -> None:
    counted, clock = rates(per)
    times = []
    for pause in pauses:
        clock.now += pause
        counted.count("l", "a")
        times.append(clock.now)
    exact = sum(1 for moment in times if clock.now - moment < per)
    rough = sum(1 for moment in times if clock.now - moment < per * (1 + 1.01 / SLOTS))
    assert exact <= counted.rate("l", "a") <= rough
