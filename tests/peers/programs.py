"""Programs of the distribution that tests need: found, or a loud skip on a laptop and a failure in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

# Debian keeps daemons outside a user's PATH.
PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/lib/postfix/sbin"))


def find(name: str) -> str | None:
    return shutil.which(name, path=PLACES)


def absent(what: str, remedy: str = "run tools/setup") -> NoReturn:
    """End this test: a failure where `CI` is set, else a skip that says what to do about it."""
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(f"{what}: required in CI", pytrace=False)
    pytest.skip(f"{what}: {remedy}")


def needs(name: str) -> str:
    """The path of a program, from its name."""
    return find(name) or absent(f"`{name}` is not installed")


def needs_root() -> None:
    if os.geteuid() != 0:
        absent("this test needs root", "run it as root")
