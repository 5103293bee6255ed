"""The tour leads nowhere that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
TOUR: Final = (ROOT / "docs" / "tour.md").read_text("utf-8")
PATHS: Final = sorted(set(re.findall(r"`([\w./]+/[\w./]*)`", TOUR)))


@pytest.mark.parametrize("path", PATHS)
def test_what_it_names_is_there(path: str) -> None:
    assert any((base / path).exists() for base in (ROOT, ROOT / "vsmtp"))


def test_it_names_every_package() -> None:
    packages = {path.parent.name for path in (ROOT / "vsmtp").glob("*/__init__.py")}
    assert {name for name in packages if not re.search(rf"\b{name}\b", TOUR)} == set()
