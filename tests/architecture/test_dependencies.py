"""What the code imports is what the project says it needs: a fresh set-up lacks everything else."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


# What an extra brings is imported in one place alone, which nobody loads without asking whether it is there.
EXTRAS = {"z3": ROOT / "vsmtp" / "inspect" / "proof"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", name, maxsplit=1)[0]).lower()


def imported() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "vsmtp").rglob("*.py"):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
        found |= {name for name in names if name not in EXTRAS or EXTRAS[name] not in path.parents}
    return found - set(sys.stdlib_module_names) - {"vsmtp"}


def test_every_foreign_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonical(line) for line in project["dependencies"]}
    # pydantic pins its core and offers it for `PydanticCustomError`.
    declared.add("pydantic-core")
    homes = packages_distributions()
    needed = {name: {canonical(home) for home in homes.get(name, [])} for name in imported()}
    assert {name: homes for name, homes in needed.items() if not homes & declared} == {}


def test_what_extras_bring_is_declared_as_theirs() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    declared = {canonical(line) for lines in extras.values() for line in lines}
    homes = packages_distributions()
    assert all({canonical(home) for home in homes[name]} <= declared for name in EXTRAS)


def test_every_declared_dependency_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    homes = packages_distributions()
    used = {canonical(home) for name in imported() for home in homes.get(name, [])}
    assert {canonical(line) for line in project["dependencies"]} <= used
