from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.smtp.fuzz import play
from vsmtp.smtp.moves import State


def test_random_sessions_end_in_replies_however_they_are_cut() -> None:
    ends = [play(seed) for seed in range(1500)]
    assert sum(messages for _, messages in ends) > 100
    assert {state for state, _ in ends} >= set(State) - {State.CONNECTING, State.SECURING}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**63))
def test_another_hundred_each_time(seed: int) -> None:
    play(seed)
