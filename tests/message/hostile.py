"""How long hostile input may take: room for a busy machine, far under what a quadratic cost would give."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import process_time
from typing import Final, TypeVar

T = TypeVar("T")

LIMIT: Final = 0.05
TRIES: Final = 5

# Measuring coverage costs several times the work that it watches.
TRACED: Final = 10


def swift(work: Callable[[], T]) -> T:
    """Give the result of `work`; AssertionError if every time it takes more than 50 ms of processor time."""
    limit = LIMIT * (TRACED if sys.gettrace() else 1)
    for _ in range(TRIES):
        start = process_time()
        result = work()
        if process_time() - start < limit:
            return result
    raise AssertionError(f"it took more than {limit * 1000:.0f} ms")
