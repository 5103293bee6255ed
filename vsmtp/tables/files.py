"""The text of a table's file, and its lines where a file is made of lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

from vsmtp.tables.cells import ContentError

# Beyond this a file belongs into a database: all of it is kept in memory.
MAX_OCTETS: Final = 1 << 30
_TRIES: Final = 3

# What changes when a file does: its number, length and moment of change.
Signature: TypeAlias = tuple[int, int, int]


def sign(path: Path) -> Signature:
    """What tells this state of the file from another; raises OSError."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def is_missing(path: Path) -> bool:
    """Whether nothing is there yet. What cannot be looked at is not missing: opening it says why."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def read_text(path: Path) -> tuple[Signature, str]:
    """The whole text of a file that stood still while it was read; raises ContentError."""
    try:
        for _ in range(_TRIES):
            before = sign(path)
            if before[1] > MAX_OCTETS:
                raise ContentError(f"`{path}` is larger than {MAX_OCTETS >> 20} MiB")
            octets = path.read_bytes()
            if sign(path) == before:
                return before, octets.decode("utf-8-sig")
    except OSError as error:
        raise ContentError(f"`{path}` cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ContentError(f"line {line} of `{path.name}` is not UTF-8") from None
    raise ContentError(f"`{path}` changes while it is read")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers, without white space around; raises ContentError."""
    for number, line in enumerate(read_text(path)[1].split("\n"), 1):
        said = line.strip()
        if said and not said.startswith("#"):
            yield number, said
