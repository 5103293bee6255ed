"""How often jumps may lead into chains: what multiplies is a fault, what was written one by one is none."""

from __future__ import annotations

import pytest

from vsmtp.rules.depth import MOST, too_deep
from vsmtp.rules.reading import RuleSource


def chain(name: str, *targets: str) -> tuple[str, list[RuleSource]]:
    return name, [
        RuleSource(("chains", name, n), {"name": f"{n}", "jump": target}) for n, target in enumerate(targets)
    ]


def levels(count: int, times: int) -> dict[str, list[RuleSource]]:
    """Chains `c0`, `c1` and so on, each of which jumps so many times to the next."""
    return dict([*(chain(f"c{n}", *[f"c{n + 1}"] * times) for n in range(count)), chain(f"c{count}")])


@pytest.mark.parametrize(
    ("count", "times", "at"),
    [
        (8, 2, ""),
        (9, 2, "c0"),
        (10, 2, "c1"),
        (5, 4, "c0"),
        (4, 4, ""),
        (2, 32, "c0"),
        (2, 31, ""),
        (900, 1, ""),
    ],
)
def test_what_multiplies_past_the_limit_is_a_fault_of_the_innermost_chain(
    count: int, times: int, at: str
) -> None:
    faults = list(too_deep(levels(count, times)))
    assert [(fault.code, fault.path) for fault in faults] == (
        [("deep-chains", ("chains", at, 0, "jump"))] if at else []
    )


def test_many_jumps_beside_each_other_are_no_fault() -> None:
    many = (f"c{n}" for n in range(2 * MOST))
    assert list(too_deep(dict([chain("all", *many), *(chain(f"c{n}") for n in range(2 * MOST))]))) == []


def test_chains_that_lead_back_are_somebody_elses_fault() -> None:
    assert list(too_deep(dict([chain("a", "b"), chain("b", "a", "b")]))) == []


def test_a_thousand_levels_are_counted_at_once() -> None:
    assert len(list(too_deep(levels(1_000, 2)))) == 1
