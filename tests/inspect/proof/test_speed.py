from __future__ import annotations

import pytest

from bench.prove import LEAK, mixed, timed


@pytest.mark.slow
@pytest.mark.parametrize(("more", "outcome"), [("", "proved"), (LEAK, "refuted")])
def test_a_thousand_mixed_rules_take_seconds(more: str, outcome: str) -> None:
    assert timed(mixed, 300, more)[0] == outcome
    assert min(timed(mixed, 1000, more)[1] for _ in range(2)) < 5
