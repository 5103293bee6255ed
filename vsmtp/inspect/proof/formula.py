"""Formulas of propositional logic over the solver's terms, folded where a part is known already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import z3  # type: ignore[import-untyped]  # the package has no stubs

# Signed: more cells than any tree has constants.
_BITS: Final = 20
# A truth value that is known, or a term of the solver's.
Formula: TypeAlias = Any
Term: TypeAlias = Any


def every(parts: Iterable[Formula]) -> Formula:
    """All hold."""
    left = [part for part in parts if part is not True]
    if any(part is False for part in left):
        return False
    if len(left) <= 1:
        return left[0] if left else True
    return _joined(z3.Z3_mk_and, left)


def some(parts: Iterable[Formula]) -> Formula:
    """At least one holds."""
    left = [part for part in parts if part is not False]
    if any(part is True for part in left):
        return True
    if len(left) <= 1:
        return left[0] if left else False
    return _joined(z3.Z3_mk_or, left)


def _joined(make: Callable[..., Any], parts: Sequence[Term]) -> Term:
    # As `z3.And` does it, without asking each part for its sort: that takes most of a proof's time.
    context = parts[0].ctx
    return z3.BoolRef(make(context.ref(), len(parts), (z3.Ast * len(parts))(*parts_of(parts))), context)


def parts_of(parts: Sequence[Term]) -> list[Any]:
    """The solver's own handles."""
    return [part.as_ast() for part in parts]


def both(one: Formula, other: Formula) -> Formula:
    """One and the other hold."""
    return every((one, other))


def either(one: Formula, other: Formula) -> Formula:
    """One or the other holds."""
    return some((one, other))


def opposite(part: Formula) -> Formula:
    """It does not hold."""
    if isinstance(part, bool):
        return not part
    return z3.BoolRef(z3.Z3_mk_not(part.ctx.ref(), part.as_ast()), part.ctx)


def implies(one: Formula, other: Formula) -> Formula:
    """Where one holds, the other does."""
    return either(opposite(one), other)


def choose(when: Formula, one: Term, other: Term) -> Term:
    """The one where `when` holds, else the other."""
    if isinstance(when, bool):
        return one if when else other
    return z3.If(when, one, other)


def among(term: Term, ranges: Iterable[tuple[int, int]]) -> Formula:
    """The number lies in one of the ranges, each from its first to its last."""
    return some(term == low if low == high else z3.And(term >= low, term <= high) for low, high in ranges)


class Names:
    """Makes the solver's variables, no two of one name, and gathers what always holds of them."""

    def __init__(self) -> None:
        self.facts: list[Formula] = []
        self.has_amounts = False
        self._count = 0

    def number(self, name: str) -> Term:
        """A cell's number, or one of the two that stand for no value."""
        self._count += 1
        return z3.BitVec(f"{name}#{self._count}", _BITS)

    def amount(self, name: str) -> Term:
        """A number."""
        self.has_amounts = True
        self._count += 1
        return z3.Real(f"{name}#{self._count}")

    def claim(self, name: str) -> Term:
        """A truth value."""
        self._count += 1
        return z3.Bool(f"{name}#{self._count}")

    def named(self, name: str, formula: Formula) -> Formula:
        """A variable that is true where the formula is: long ones are said once."""
        if isinstance(formula, bool) or z3.is_const(formula):
            return formula
        claim = self.claim(name)
        self.always(claim == formula)
        return claim

    def always(self, formula: Formula) -> None:
        """This holds in every session."""
        if formula is not True:
            self.facts.append(z3.BoolVal(val=False) if formula is False else formula)
