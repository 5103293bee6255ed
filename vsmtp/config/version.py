"""`version_requirement`: whether this release is one that the tree was written for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Final, TypeAlias

_CLAUSE: Final = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(\d{1,6}(?:\.\d{1,6}){0,3})\s*", re.ASCII)
_RELEASE: Final = re.compile(r"\d+(?:\.\d+)*", re.ASCII)

Numbers: TypeAlias = tuple[int, ...]

_COMPARE: Final[Mapping[str, Callable[[Numbers, Numbers], bool]]] = {
    ">=": ge, "<=": le, "==": eq, "!=": ne, ">": gt, "<": lt,
}  # fmt: skip


def satisfies(version: str, requirement: str) -> bool:
    """Whether `version` meets all clauses of `>=1.0,<2`; raises ValueError when they cannot be read.

    A pre-release counts as the release it leads to.
    """
    own = _numbers(version)
    clauses = [_CLAUSE.fullmatch(clause) for clause in requirement.split(",")]
    if any(clause is None for clause in clauses):
        raise ValueError(f"`{requirement}` is not a requirement: write `>=1.0,<2`")
    return all(_COMPARE[clause[1]](own, _numbers(clause[2])) for clause in clauses if clause is not None)


def _numbers(version: str) -> Numbers:
    match = _RELEASE.match(version)
    if match is None:
        raise ValueError(f"`{version}` is not a version")
    numbers = [int(number) for number in match[0].split(".")]
    while numbers and numbers[-1] == 0:  # 1.0 is 1
        numbers.pop()
    return tuple(numbers)
