"""`vsmtp check`: say everything that is wrong with a tree."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from time import monotonic

from vsmtp.cli.host import RELEASE, add_tree_option, own_name
from vsmtp.cli.render import render
from vsmtp.inspect.check import Report, check
from vsmtp.inspect.proof.evident import is_installed, needs_proof

SOUND = 0
UNSOUND = 1
# Whoever checks wants to go on soon: `vsmtp prove` looks longer. Seconds.
_PATIENCE = 5.0


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
    if _is_to_be_proved(report):
        # The solver is an extra, and with the rehearsal takes half a second to load.
        from vsmtp.inspect.proof.faults import with_proofs  # noqa: PLC0415

        report = with_proofs(report, monotonic() + _PATIENCE)
    sys.stdout.write(render(report.diagnostics, args.format))
    return SOUND if report.is_sound else UNSOUND


def _is_to_be_proved(report: Report) -> bool:
    return report.servable is not None and is_installed() and needs_proof(*report.servable)
