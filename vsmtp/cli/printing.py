"""What commands print: lines for people, and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from vsmtp.cli.render import printable


def print_lines(lines: Iterable[str]) -> None:
    """The lines are printed, without what could give orders to a terminal."""
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))


def print_json(said: object) -> None:
    """The object is printed, indented, in UTF-8 as it is."""
    sys.stdout.write(as_json(said))


def as_json(said: object) -> str:
    """The object as `print_json` prints it, the last line ended."""
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"
