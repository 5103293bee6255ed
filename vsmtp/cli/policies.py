"""`vsmtp test`: run the policy tests that stand beside the rules, in `tests.d`."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from vsmtp.cli.host import add_tree_option
from vsmtp.cli.printing import print_json, print_lines
from vsmtp.cli.render import printable, render
from vsmtp.cli.tree import sound_tree
from vsmtp.cli.verdicts import as_junit, as_lines, coverage_lines, summary, tests_object
from vsmtp.config.load import Tree
from vsmtp.inspect.coverage import Coverage, coverage
from vsmtp.inspect.policies import TESTS_D, Known, PolicyTest, read_policies
from vsmtp.inspect.rehearsal import Rehearsal
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.inspect.trials import Trial, chosen, run_all
from vsmtp.rules.graph import Graph

PASSED: Final = 0
FAILED: Final = 1
NOT_RUN: Final = 2


class NotRunError(Exception):
    """The tests were not run; the text, which ends its last line, says why."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run these alone; `*` and `?` stand for any")
    parser.add_argument(
        "--format", choices=("text", "json", "junit"), default="text", help="how to report (default: text)"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write a JUnit report there besides")
    parser.add_argument("--coverage", action="store_true", help="name the rules that match in no test")
    parser.add_argument(
        "--require-coverage", type=_percent, metavar="PERCENT",
        help="fail where a smaller share of the rules matches in a test",
    )  # fmt: skip


def _percent(written: str) -> float:
    try:
        share = float(written.removesuffix("%"))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:  # noqa: PLR2004 percent
        raise ArgumentTypeError(f"`{written}` is no percentage: write a number from 0 to 100")
    return share


def run(args: Namespace) -> int:
    """Run the tests; 0 when all pass, 1 when one fails or coverage is too low, 2 when they cannot be run."""
    sound = sound_tree(args.config)
    if sound is None:
        return NOT_RUN
    try:
        return _run(*sound, args)
    except NotRunError as fault:
        sys.stderr.write(str(fault))
        return NOT_RUN


def _run(tree: Tree, graph: Graph, args: Namespace) -> int:
    book = Rulebook.of(tree)
    tests = _tests(tree, book, args.names)
    trials = []
    with closing(Rehearsal(tree, graph)) as rehearsal:
        for trial in run_all(tests, rehearsal, time.perf_counter):
            trials.append(trial)
            if args.format == "text":
                print_lines(as_lines(trial, book))
    covered = coverage((trial.rehearsed for trial in trials), book)
    _conclude(trials, covered, book, args)
    if args.junit is not None:
        _write(args.junit, as_junit(trials, book))
    is_short = args.require_coverage is not None and covered.percent < args.require_coverage
    return FAILED if is_short or not all(trial.has_passed for trial in trials) else PASSED


def _tests(tree: Tree, book: Rulebook, names: Sequence[str]) -> tuple[PolicyTest, ...]:
    policies = read_policies(tree.root, Known(book.names, tuple(tree.settings.listeners)))
    if policies.faults:
        raise NotRunError(render(policies.faults, "text"))
    tests = chosen(policies.tests, names)
    if not tests:
        which = f" called {', '.join(f'`{name}`' for name in names)}" if names else ""
        raise NotRunError(printable(f"vsmtp test: there is no test{which} in {tree.root / TESTS_D}") + "\n")
    return tests


def _conclude(trials: Sequence[Trial], covered: Coverage, book: Rulebook, args: Namespace) -> None:
    match args.format:
        case "json":
            print_json(tests_object(trials, covered, book))
        case "junit":
            sys.stdout.write(as_junit(trials, book))
        case _:
            print_lines([summary(trials)])
            if args.coverage or args.require_coverage is not None:
                print_lines(coverage_lines(covered))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as fault:
        raise NotRunError(f"vsmtp test: `{path}` cannot be written: {fault.strerror}\n") from None
