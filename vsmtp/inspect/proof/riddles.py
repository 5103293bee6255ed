"""Texts that patterns demand: where guessing fails the solver writes them, or proves that there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import z3  # type: ignore[import-untyped]  # the package has no stubs

from vsmtp.inspect.proof.formula import Formula
from vsmtp.inspect.proof.languages import ANYTHING, language, of, text
from vsmtp.inspect.proof.lines import Cell
from vsmtp.rules.language import Op
from vsmtp.vocabulary.types import Type

# A pattern, the term that says how it is found, and whether it is.
Pattern: TypeAlias = tuple[tuple[Op, str], Formula, bool]

_PATIENCE_MS: Final = 1500
# By the kind of a text: what is nice to read, what is allowed in ASCII, and what is forbidden by no standard.
_ALPHABETS: Final[Mapping[Type, tuple[str, ...]]] = {
    Type.DOMAIN: (
        r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*",
        r"[A-Za-z0-9]+(-+[A-Za-z0-9]+)*(\.[A-Za-z0-9]+(-+[A-Za-z0-9]+)*)*",
        r'[^\x00-\x20"(),;<>@\\]+',
    ),
    Type.TEXT: (r"[a-z0-9]+([.+=_-][a-z0-9]+)*", r"[ -~]+", r"(.|\n)*"),
}


@dataclass(frozen=True, slots=True)
class Demand:
    """What is demanded of a text: its cell and patterns, each with the solver's term that says so."""

    kind: Type
    cell: Cell
    is_cell: Formula
    patterns: Sequence[Pattern]


@dataclass(frozen=True, slots=True)
class Whole:
    """Patterns of all the texts joined by `glue`."""

    glue: str
    patterns: Sequence[Pattern]


@dataclass(frozen=True, slots=True)
class Impossible:
    """These terms never hold together."""

    terms: tuple[Formula, ...]


def solve(demands: Sequence[Demand], whole: Whole) -> tuple[str, ...] | Impossible | None:
    """Texts as demanded, in order; or why there are none; None where the solver cannot say."""
    for level in range(3):
        riddle = _Riddle(demands, whole, level)
        answer = riddle.solver.check()
        if answer == z3.sat:
            return riddle.texts()
        if answer == z3.unknown:
            return None
    return Impossible(tuple(riddle.core()))


class _Riddle:
    def __init__(self, demands: Sequence[Demand], whole: Whole, level: int) -> None:
        self.solver = z3.Solver()
        self.solver.set("timeout", _PATIENCE_MS)
        self._terms: dict[str, Formula] = {}
        self._texts = [z3.String(f"text{n}") for n in range(len(demands))]
        for string, demand in zip(self._texts, demands, strict=True):
            if demand.cell.is_open:
                self.solver.add(z3.InRe(string, of(_ALPHABETS[demand.kind][level])))
                below = z3.Concat(ANYTHING, text(f".{demand.cell.text}")) if demand.cell.text else None
                self._demand(string, below, demand.is_cell, found=True)
            else:
                wanted = text(demand.cell.text) if level else z3.Re(demand.cell.text)
                self._demand(string, wanted, demand.is_cell, found=True)
            self._patterns(string, demand.patterns)
        if whole.patterns:
            pieces = [self._texts[0]]
            for string in self._texts[1:]:
                pieces += [z3.StringVal(whole.glue), string]
            joined = z3.Concat(*pieces) if len(pieces) > 1 else pieces[0]
            self._patterns(joined, whole.patterns)

    def _patterns(self, string: Any, patterns: Sequence[Pattern]) -> None:
        for (op, operand), term, found in patterns:
            self._demand(string, language(op, operand), term, found=found)

    def _demand(self, string: Any, wanted: Any, term: Formula, *, found: bool) -> None:
        """What has no translation is left out: less is proved then, and what is written is tried again."""
        name = f"demand{len(self._terms)}"
        self._terms[name] = term
        if wanted is not None:
            held = z3.InRe(string, wanted)
            self.solver.assert_and_track(held if found else z3.Not(held), name)

    def texts(self) -> tuple[str, ...]:
        """What the solver wrote."""
        model = self.solver.model()
        return tuple(_unescaped(model.eval(string, model_completion=True)) for string in self._texts)

    def core(self) -> list[Formula]:
        """The terms that cannot hold together."""
        return [self._terms[str(name)] for name in self.solver.unsat_core()]


def _unescaped(value: Any) -> str:
    return "".join(map(chr, _codes(value.as_string())))


def _codes(written: str) -> list[int]:
    r"""The characters of a text in which others than ASCII's stand as `\u{1f600}`."""
    codes, n = [], 0
    while n < len(written):
        if written.startswith("\\u{", n):
            end = written.index("}", n)
            codes.append(int(written[n + 3 : end], 16))
            n = end + 1
        else:
            codes.append(ord(written[n]))
            n += 1
    return codes
