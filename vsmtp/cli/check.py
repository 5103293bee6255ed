"""`vsmtp check`: say everything that is wrong with a tree."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from vsmtp.cli.host import RELEASE, add_tree_option, own_name
from vsmtp.cli.render import render
from vsmtp.inspect.check import check

SOUND = 0
UNSOUND = 1


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="how to print what was found (default: text)",
    )


def run(args: Namespace) -> int:
    """Print all diagnostics; 0 when none is an error, else 1."""
    report = check(args.config, hostname=own_name(), version=RELEASE)
    sys.stdout.write(render(report.diagnostics, args.format))
    return SOUND if report.is_sound else UNSOUND
