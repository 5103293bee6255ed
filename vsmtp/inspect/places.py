"""Where rules stand: their files and lines, those of the shipped rules too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vsmtp.config.load import Tree
from vsmtp.config.merge import Document, Origin, descend, merge, place_of
from vsmtp.config.read import read
from vsmtp.config.shipped import DIRECTORY
from vsmtp.values.diagnostic import KeyPath, Place

NOWHERE: Final = Place("", 0, 0)
_SHIPPED: Final = "shipped"


class Places:
    """Finds rules by their paths (`RuleInfo.path`)."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._shipped = dict(_shipped_places())

    def of(self, path: KeyPath) -> Place:
        """Where the rule begins; `NOWHERE` for one that no file has."""
        if path[:1] == (_SHIPPED,):
            return self._shipped.get(path, NOWHERE)
        return self._tree.origin(path) or NOWHERE


def _shipped_places() -> Iterator[tuple[KeyPath, Place]]:
    # In the order in which `read_shipped` numbers them.
    numbers: dict[str, int] = {}
    for path in sorted(DIRECTORY.glob("*.toml")):
        document = read(path)
        assert isinstance(document, Document), "the package's own rules are sound"
        for stage, rules in _tables(document).items():
            for rule in rules.children.values():
                number = numbers[stage] = numbers.get(stage, -1) + 1
                yield (_SHIPPED, stage, number), place_of(rule, at_key=False)


def _tables(document: Document) -> Mapping[str, Origin]:
    rules, _ = descend(merge([document])[0], ("rules",))
    return {} if rules is None else {str(stage): table for stage, table in rules.children.items()}
