"""`vsmtp init`: write a tree that works at once, without root, on loopback."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Final

WRITTEN: Final = 0
NOT_WRITTEN: Final = 1

_TEMPLATES: Final = Path(__file__).parent / "starter"
_USER_LINES: Final = '\n# The system user the server runs as.\nuser = "@user@"\n'


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "directory", metavar="DIR", type=Path, help="where to write the tree; made if missing"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the files of an earlier tree")


def run(args: Namespace) -> int:
    """Write the tree and say what to do next; 1 when it cannot be written or is there already."""
    files = contents(_user())
    try:
        there = [name for name in files if (args.directory / name).exists()]
        if there and not args.force:
            sys.stderr.write(
                f"vsmtp init: {args.directory / there[0]} is there already; --force overwrites it\n"
            )
            return NOT_WRITTEN
        _write(args.directory, files)
    except OSError as error:
        name = error.filename or args.directory
        sys.stderr.write(f"vsmtp init: {name} cannot be written: {error.strerror or error}\n")
        return NOT_WRITTEN
    sys.stdout.write(_next_steps(args.directory))
    return WRITTEN


def contents(user: str) -> Mapping[str, str]:
    """The files by their paths in the tree; without a user name the line that names one is left out."""
    user_lines = _USER_LINES.replace('"@user@"', json.dumps(user, ensure_ascii=False)) if user else ""
    texts = {
        str(path.relative_to(_TEMPLATES)): path.read_text(encoding="utf-8")
        for path in sorted(_TEMPLATES.glob("*/*.toml"))
    }
    return {name: text.replace(_USER_LINES, user_lines) for name, text in texts.items()}


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run as a number without a name
        return ""


def _write(directory: Path, files: Mapping[str, str]) -> None:
    for name in files:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
    for folder in ("spool", "mail"):
        (directory / folder).mkdir(mode=0o700, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")


def _next_steps(directory: Path) -> str:
    where = shlex.quote(str(directory))
    return f"""\
wrote {directory / "conf.d"} and {directory / "tests.d"}

  vsmtp check -c {where}     says whether the tree is sound
  vsmtp test -c {where}      plays the mails in tests.d against its rules
  vsmtp run -c {where}       serves mail on 127.0.0.1:2525

try it from another terminal:

  swaks --server 127.0.0.1:2525 --from you@example.net --to user@example.org

the message is then in {directory / "mail" / "user" / "new"}
"""
