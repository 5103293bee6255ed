from __future__ import annotations

import random
from itertools import pairwise

import pytest

from vsmtp.queue.schedule import Schedule, expire
from vsmtp.values.outcome import Deferred
from vsmtp.values.reply import Reply

HOUR = 3600.0
DAY = 24 * HOUR
WAITS = (300.0, 900.0, 1800.0, HOUR, 2 * HOUR, 4 * HOUR)


def attempts(schedule: Schedule, arrived: float, seed: int) -> list[float]:
    rng = random.Random(seed)
    times = [arrived]
    while (due := schedule.next_due(len(times), times[-1], arrived, rng.random())) is not None:
        times.append(due)
    return times


def test_five_days_of_retries_without_jitter() -> None:
    times = attempts(Schedule(WAITS, 0, 5 * DAY), 1000.0, 1)
    waits = [after - before for before, after in pairwise(times)]
    assert waits[:6] == list(WAITS)
    assert set(waits[6:-1]) == {4 * HOUR}
    assert times[-1] == 1000.0 + 5 * DAY
    assert len(times) == 1 + 6 + 28 + 1


@pytest.mark.parametrize("seed", range(20))
def test_jitter_stays_within_its_share_and_the_last_attempt_ends_the_life(seed: int) -> None:
    times = attempts(Schedule(WAITS, 0.2, 5 * DAY), 0.0, seed)
    for number, (before, after) in enumerate(pairwise(times[:-1])):
        wait = WAITS[min(number, len(WAITS) - 1)]
        assert 0.8 * wait <= after - before <= 1.2 * wait
    assert times[-1] == 5 * DAY
    assert all(before < after for before, after in pairwise(times))


def test_a_message_at_the_end_of_its_life_is_not_tried_again() -> None:
    schedule = Schedule(WAITS, 0.2, DAY)
    assert schedule.next_due(3, DAY, 0.0, 0.5) is None
    assert schedule.next_due(3, DAY - 1, 0.0, 0.5) == DAY


def test_a_clock_that_went_back_only_delays() -> None:
    assert Schedule(WAITS, 0, DAY).next_due(1, -HOUR, 0.0, 0.5) == 300 - HOUR


@pytest.mark.parametrize(("waits", "jitter"), [((), 0.0), ((0.0,), 0.0), ((1.0,), 1.0), ((1.0,), -0.1)])
def test_what_makes_no_schedule_is_refused(waits: tuple[float, ...], jitter: float) -> None:
    with pytest.raises(ValueError, match=r"schedule|jitter"):
        Schedule(waits, jitter, DAY)


def test_an_expired_recipient_fails_with_the_last_reason() -> None:
    failed = expire(Deferred("smtp:a:25", Reply(451, "4.7.1", "greylisted")))
    expected = "550 5.4.7 delivery time expired; the last attempt said: 451 4.7.1 greylisted"
    assert str(failed.reply) == expected
