"""What came of policy tests: for people, for programs (JSON), for the servers that collect tests (JUnit)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from vsmtp.inspect.coverage import Coverage
from vsmtp.inspect.explanation import as_object
from vsmtp.inspect.judgement import deciding_stage
from vsmtp.inspect.narration import stage_lines
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.inspect.trials import Trial
from vsmtp.values.legible import legible

_INDENT = "       "


def as_lines(trial: Trial, book: Rulebook) -> Iterator[str]:
    """A line for the test; of a failed one also what was expected, what came, and the stage that decided."""
    place = trial.test.place
    if trial.has_passed:
        yield f"ok     {trial.test.name}"
        return
    yield f"FAILED {trial.test.name}  ({place.file}:{place.line})"
    yield from _details(trial, book)


def _details(trial: Trial, book: Rulebook) -> Iterator[str]:
    for miss in trial.misses:
        yield f"{_INDENT}{miss.what}: expected {miss.expected}"
        yield f"{_INDENT}{' ' * len(miss.what)}  came     {miss.came}"
    seen = deciding_stage(trial.rehearsed)
    if seen is not None:
        yield ""
        yield from (f"{_INDENT}{line}" for line in stage_lines(seen, book))
        yield ""


def summary(trials: Sequence[Trial]) -> str:
    """`5 passed, 1 failed`."""
    failed = sum(not trial.has_passed for trial in trials)
    passed = f"{len(trials) - failed} passed"
    return f"{passed}, {failed} failed" if failed else passed


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    """The share of rules that matched in a test, and those that did not with their places."""
    total = len(coverage.fired) + len(coverage.missed)
    yield f"{len(coverage.fired)} of {total} rules matched in a test ({coverage.percent:.0f} %)"
    for rule in coverage.missed:
        yield f"{_INDENT}never: `{rule.name}`  ({rule.place.file}:{rule.place.line})"


def tests_object(trials: Sequence[Trial], coverage: Coverage, book: Rulebook) -> dict[str, Any]:
    """`tests` with all that `explain` says of them, `passed`, `failed`, `coverage`."""
    failed = sum(not trial.has_passed for trial in trials)
    return {
        "passed": len(trials) - failed,
        "failed": failed,
        "tests": [_test_object(trial, book) for trial in trials],
        "coverage": {
            "rules": len(coverage.fired) + len(coverage.missed),
            "fired": len(coverage.fired),
            "percent": round(coverage.percent, 1),
            "missed": [
                {"name": rule.name, "file": rule.place.file, "line": rule.place.line}
                for rule in coverage.missed
            ],
        },
    }


def _test_object(trial: Trial, book: Rulebook) -> dict[str, Any]:
    place = trial.test.place
    return {
        "name": trial.test.name,
        "file": place.file,
        "line": place.line,
        "passed": trial.has_passed,
        "seconds": round(trial.seconds, 6),
        "misses": [
            {"what": miss.what, "expected": miss.expected, "came": miss.came} for miss in trial.misses
        ],
        **as_object(trial.rehearsed, book),
    }


def as_junit(trials: Sequence[Trial], book: Rulebook) -> str:
    """A JUnit report: one suite, a case for each test, its file as the class."""
    failed = sum(not trial.has_passed for trial in trials)
    figures = {"tests": str(len(trials)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", figures)
    seconds = f"{sum(trial.seconds for trial in trials):.3f}"
    suite = ET.SubElement(root, "testsuite", {"name": "vsmtp", **figures, "time": seconds})
    for trial in trials:
        place = trial.test.place
        about = {"name": _clean(trial.test.name), "classname": _clean(place.file), "file": _clean(place.file)}
        about |= {"line": str(place.line), "time": f"{trial.seconds:.3f}"}
        case = ET.SubElement(suite, "testcase", about)
        if not trial.has_passed:
            message = _clean("; ".join(f"{miss.what}: {miss.came}" for miss in trial.misses))
            failure = ET.SubElement(case, "failure", {"message": message})
            failure.text = _clean("\n".join(_details(trial, book)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _clean(text: str) -> str:
    """The text without what XML cannot hold at all: a client's mail may have brought it."""
    return legible(text, besides="\n", instead="?")
