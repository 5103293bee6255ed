"""Texts that lie in a cell and in which some patterns are found and others are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vsmtp.inspect.proof.lines import Cell, Texts
from vsmtp.rules.language import Literal, Op
from vsmtp.rules.predicates import holds
from vsmtp.vocabulary.types import Type


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a text of the cell: by pattern whether it is found."""

    kind: Type
    line: Texts
    cell: Cell
    patterns: Mapping[tuple[Op, str], bool]

    def fits(self, text: str) -> bool:
        """Whether the text is of the cell and the patterns say of it what they should."""
        return self._is_here(text.casefold()) and all(
            holds(Literal(op, False, (operand,)), self.kind, text, {}) is found
            for (op, operand), found in self.patterns.items()
        )

    def _is_here(self, text: str) -> bool:
        if self.line.place(text) is not None:
            return False
        above = text
        while above:
            above = above.partition(".")[2]
            spans = self.line.under(above) if above else ()
            if spans and self._has_below(above):
                return self.cell.text == above
        return not self.cell.text

    def _has_below(self, domain: str) -> bool:
        first, last = self.line.under(domain)[0]
        return any(cell.is_open and cell.text == domain for cell in self.line.cells[first : last + 1])


def write(wanted: Wanted, usual: tuple[str, ...]) -> str | None:
    """A text that fits, one of the usual ones if possible; None where none is found."""
    return next((text for text in _candidates(wanted, usual) if wanted.fits(text)), None)


def _candidates(wanted: Wanted, usual: tuple[str, ...]) -> Iterator[str]:
    below = f".{wanted.cell.text}" if wanted.cell.text else ""
    for text in usual:
        yield f"host{below}" if below else text
        yield f"{text}{below}"
    said = [operand for (op, operand), found in wanted.patterns.items() if found]
    for text in said:
        plain = "".join(letter for letter in text if letter.isalnum() or letter in ".-_+@")
        yield from (f"{plain}{below}", f"{plain}x{below}", f"x{plain}{below}", f"x{plain}x{below}")
    yield "".join(said) + below
