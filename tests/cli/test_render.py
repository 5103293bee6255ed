from __future__ import annotations

import json

from vsmtp.cli.render import as_text, render, summary
from vsmtp.values.diagnostic import Diagnostic, Place


def fault(source: str, column: int, length: int, line: int = 14) -> Diagnostic:
    place = Place("conf.d/20-rules.toml", line, column, length, source)
    return Diagnostic(
        "error", "unknown-fact", "unknown fact `spf.reslt`", "did you mean `spf.result`?", place
    )


def caret(source: str, column: int, length: int) -> str:
    return as_text(fault(source, column, length)).splitlines()[2].removeprefix("      | ")


def test_a_diagnostic_looks_as_the_house_style_says() -> None:
    assert as_text(fault('when.spf.reslt = "fail"', 6, 9)) == (
        "conf.d/20-rules.toml:14:6: error[unknown-fact]: unknown fact `spf.reslt`\n"
        '   14 | when.spf.reslt = "fail"\n'
        "      |      ^^^^^^^^^\n"
        "help: did you mean `spf.result`?"
    )


def test_a_diagnostic_without_a_place_or_a_remedy_is_one_line() -> None:
    assert (
        as_text(Diagnostic("error", "no-tree", "nothing there", "", None)) == "error[no-tree]: nothing there"
    )


def test_a_place_without_a_line_shows_no_excerpt() -> None:
    diagnostic = Diagnostic("note", "leftover", "not read", "", Place("x~", 1, 1))
    assert as_text(diagnostic) == "x~:1:1: note[leftover]: not read"


def test_tabs_before_the_caret_stay_tabs() -> None:
    assert caret("\tname\t= 5", 9, 1) == "\t    \t  ^"


def test_wide_and_combining_characters_keep_the_caret_in_its_column() -> None:
    assert caret('"日本" = "x"', 8, 3) == " " * 9 + "^^^"
    assert caret('"日本" = "x"', 1, 4) == "^^^^^^"
    assert caret('"e\u0301" = 1', 8, 1) == " " * 6 + "^"


def test_a_value_of_several_lines_is_marked_to_the_end_of_its_first() -> None:
    assert caret("a = [", 5, 100) == "    ^"


def test_a_fault_behind_the_end_of_a_line_has_a_caret() -> None:
    assert caret("a =", 4, 1) == "   ^"


def test_of_a_long_line_only_the_surroundings_are_shown() -> None:
    source = "a" * 5000 + "FAULT" + "b" * 5000
    lines = as_text(fault(source, 5001, 5)).splitlines()
    assert len(lines[1]) < 180
    start = lines[2].index("^")
    assert lines[1][start : start + 5] == "FAULT"
    assert lines[2].count("^") == 5


def test_control_characters_never_reach_the_terminal() -> None:
    diagnostic = Diagnostic("error", "x", "a\x1b[31mb", "c\nd", Place("f\x07", 1, 1, 1, "e\x1b"))
    assert not any(ord(letter) < 32 for letter in as_text(diagnostic).replace("\n", ""))
    assert as_text(diagnostic).count("\n") == 3


def test_the_summary_counts_errors_and_warnings() -> None:
    error, note = fault("x", 1, 1), Diagnostic("note", "n", "m", "", None)
    warning = Diagnostic("warning", "w", "m", "", None)
    assert summary([]) == "sound"
    assert summary([note]) == "sound"
    assert summary([error, error, warning]) == "2 errors, 1 warning"


def test_the_text_report_ends_with_the_summary() -> None:
    assert render([], "text") == "sound\n"
    assert render([fault("x", 1, 1)], "text").endswith("\n1 error\n")


def test_the_json_report_says_the_same() -> None:
    report = json.loads(render([fault("x = 1", 1, 1), Diagnostic("warning", "w", "m", "", None)], "json"))
    assert report == {
        "diagnostics": [
            {
                "severity": "error", "code": "unknown-fact", "message": "unknown fact `spf.reslt`",
                "help": "did you mean `spf.result`?", "file": "conf.d/20-rules.toml", "line": 14, "column": 1,
                "length": 1, "doc": "docs/diagnostics/unknown-fact.md",
            },
            {
                "severity": "warning", "code": "w", "message": "m", "help": "", "file": None, "line": None,
                "column": None, "length": None, "doc": "docs/diagnostics/w.md",
            },
        ],
        "errors": 1,
        "warnings": 1,
    }  # fmt: skip
