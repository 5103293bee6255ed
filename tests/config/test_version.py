from __future__ import annotations

import pytest

from vsmtp.config.version import satisfies


@pytest.mark.parametrize(
    ("version", "requirement", "expected"),
    [
        ("1.0.0.dev0", ">=1.0,<2", True),
        ("1.0", "==1.0.0", True),
        ("1.10.0", ">1.9", True),
        ("2.0", "<2", False),
        ("1.4", "!=1.4", False),
        ("1.3", ">=1.4, <2", False),
        ("1.3", "<=1.3", True),
    ],
)
def test_all_clauses_must_hold(version: str, requirement: str, expected: bool) -> None:  # noqa: FBT001 a fact
    assert satisfies(version, requirement) is expected


@pytest.mark.parametrize("requirement", ["", "1.0", ">=", ">=1.x", "~=1", ">=1,"])
def test_what_is_no_requirement_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="is not a requirement"):
        satisfies("1.0", requirement)


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a version"):
        satisfies("next", ">=1")
