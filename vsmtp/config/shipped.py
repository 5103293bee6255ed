"""The rules that come with the package, as plain tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomli

# They stand beside the code that gives them meaning; that code reads no files, so this does.
DIRECTORY: Final = Path(__file__).parents[1] / "rules" / "shipped"


def read_shipped() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The shipped rules by stage name, in order. Raises OSError if the installation is broken."""
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for path in sorted(DIRECTORY.glob("*.toml")):
        for stage, rules in tomli.loads(path.read_text("utf-8"))["rules"].items():
            tables.setdefault(stage, []).extend(rules)
    return tables
