"""The import contracts of `pyproject.toml`, and that they name what is there."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_has_its_floor() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    floors = next(contract for contract in contracts if contract["id"] == "floors")
    named = {name.strip() for layer in floors["layers"] for name in layer.split("|")}
    here = {path.parent.name for path in (ROOT / "vsmtp").glob("*/__init__.py")}
    assert floors["exhaustive"]
    assert here <= {name.strip("()") for name in named}
