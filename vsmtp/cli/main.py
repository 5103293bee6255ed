"""`vsmtp COMMAND`: finds the command and imports only what it uses."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from vsmtp.cli.host import RELEASE


@dataclass(frozen=True, slots=True)
class Command:
    """A command's module, with `add_arguments(parser)` and `run(args) -> status`, and a line for the help."""

    module: str
    summary: str


COMMANDS: Final[Mapping[str, Command]] = {
    "try": Command("vsmtp.cli.trial", "a server for trying out: prints each message and what the rules did"),
    "init": Command("vsmtp.cli.init", "write a tree to begin with, with comments"),
    "check": Command("vsmtp.cli.check", "say everything that is wrong with a tree"),
    "explain": Command("vsmtp.cli.explain", "say what would happen to a mail, and why"),
    "prove": Command("vsmtp.cli.prove", "show that no stranger can relay, or the session in which one does"),
    "test": Command("vsmtp.cli.policies", "run the policy tests that stand beside the rules"),
    "graph": Command("vsmtp.cli.graph", "draw the decision graph"),
    "run": Command("vsmtp.cli.run", "serve mail in the foreground"),
    "passwd": Command("vsmtp.cli.passwd", "make a secret from a password"),
    "queue": Command("vsmtp.cli.queue", "look into the queue; retry, release and remove mail"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments`, by default the process's, name; the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in words if not word.startswith("-")), "")
    parser = ArgumentParser(
        prog="vsmtp", description="A mail server whose whole behaviour is a tree of TOML files."
    )
    parser.add_argument("--version", action="version", version=f"vsmtp {RELEASE}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = None
    for title, command in COMMANDS.items():
        sub = commands.add_parser(title, help=command.summary, description=command.summary.capitalize() + ".")
        if title == name:
            chosen = import_module(command.module)
            chosen.add_arguments(sub)
    args = parser.parse_args(words)
    assert chosen is not None
    try:
        status: int = chosen.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone (`vsmtp queue list | head`): nobody wants what is buffered.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def vqueue() -> int:
    """`vqueue ...` is `vsmtp queue ...`."""
    return main(["queue", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
