"""A rule's exports: files below one directory, made anew and never through a symbolic link."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from vsmtp.effects.paths import render_path
from vsmtp.effects.unfit import Unfit
from vsmtp.rules.effects import Dump, ExportEffect, Write
from vsmtp.rules.template import Template
from vsmtp.values.answer import Unavailable
from vsmtp.vocabulary.answers import Facts

Form: TypeAlias = Literal["message", "facts"]
# How many files may want one name, after which the rule's path is not worth another try.
MAX_SAME: Final = 1_000
_FOLDER: Final = os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC
_NEW: Final = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Export:
    """A file to be written: `path` below the export directory, and whether message or facts go into it."""

    path: str
    form: Form


def as_export(effect: ExportEffect, facts: Facts) -> Export | Unfit:
    """The export that the effect asks for, its path filled in through the facts of its `Fired`."""
    match effect:
        case Write(path):
            return _export(path, "message", facts)
        case Dump(path):
            return _export(path, "facts", facts)


def keep(directory: Path, path: str, octets: Iterable[bytes]) -> str | Unavailable:
    """Write the octets into a new file, synced, and give its path below `directory`. Blocks.

    Directories on the way are made, for us alone. Where the name is taken a number is put behind it:
    `mail.eml`, `mail.eml.2`. A file that could not be written whole is taken away.
    """
    *names, name = [part for part in path.split("/") if part]
    if any(part in {".", ".."} for part in (*names, name)):
        return Unavailable(f"`{path}` climbs")
    try:
        Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as opened:
            folder = _open(str(directory), None, opened)
            for inner in names:
                _make(inner, folder)
                folder = _open(inner, folder, opened)
            return "/".join([*names, _write(folder, name, octets)])
    except OSError as fault:
        return Unavailable(f"`{path}` cannot be written: {fault.strerror or fault}")


def _export(path: Template, form: Form, facts: Facts) -> Export | Unfit:
    found = render_path(path, facts)
    return found if isinstance(found, Unfit) else Export(found.lstrip("/"), form)


def _open(name: str, folder: int | None, opened: ExitStack) -> int:
    # The export directory itself may be a link, if its owner likes; below it nothing is.
    inner = os.open(name, _FOLDER if folder is None else _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    opened.callback(os.close, inner)
    return inner


def _make(name: str, folder: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)


def _write(folder: int, name: str, octets: Iterable[bytes]) -> str:
    taken, file = _create(folder, name)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.writelines(octets)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        os.unlink(taken, dir_fd=folder)
        raise
    os.fsync(folder)
    return taken


def _create(folder: int, name: str) -> tuple[str, int]:
    for number in range(1, MAX_SAME):
        tried = name if number == 1 else f"{name}.{number}"
        try:
            return tried, os.open(tried, _NEW, 0o600, dir_fd=folder)
        except FileExistsError:
            continue
    raise FileExistsError(17, f"{MAX_SAME} files have that name already")
