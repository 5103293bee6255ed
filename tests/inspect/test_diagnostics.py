"""Every code has a page, every page a code, and the pages' examples do what they say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from vsmtp.inspect.check import check
from vsmtp.inspect.proof.faults import with_proofs

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ROOT / "docs" / "diagnostics"

# Who makes a fault, and which of its arguments is the code.
MAKERS: Final = {
    "Fault": 1, "Diagnostic": 1, "refusal": 0, "refused": 2, "fault": 1, "key_fault": 1, "warn": 1, "_add": 1,
    "wrong": 0, "Finding": 2,
}  # fmt: skip
# What `vsmtp run` says of sockets; its table of reasons holds the words.
SAID_BY_RUN: Final = {"cannot-listen", "not-our-address", "port-in-use", "port-needs-root"}
# What one file alone cannot show.
BEYOND_A_TREE: Final = SAID_BY_RUN | {
    "bad-certificate", "leftover", "no-tree", "not-utf8", "set-again", "unreadable-file",
    "unwritable-path",
}  # fmt: skip
# What only the solver finds.
PROVED: Final = frozenset({"invariant-broken", "open-relay"})
_EXAMPLE: Final = re.compile(r"^(Bad|Good):\n\n```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+|syntax|leftover|backscatter")


def codes() -> set[str]:
    return {
        code for path in (ROOT / "vsmtp").rglob("*.py") for code in _codes_of(ast.parse(path.read_text()))
    }


def _codes_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            place = MAKERS.get(node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func))
            words = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if place is not None:
                words += node.args[place : place + 1]
            yield from (code for word in words if (code := _code(word)))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _code(node: ast.expr) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def pages() -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.md"))}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(pages()) == codes() | SAID_BY_RUN


def test_what_is_said_of_sockets_is_said_by_run() -> None:
    source = (ROOT / "vsmtp" / "cli" / "serving.py").read_text(encoding="utf-8")
    assert all(f'"{code}"' in source for code in SAID_BY_RUN)


@pytest.mark.parametrize("code", pages())
def test_a_page_begins_with_its_code_and_has_both_examples(code: str) -> None:
    page = pages()[code]
    assert page.startswith(f"# {code}\n\n")
    assert "\nBad:\n" in page
    assert "\nGood:\n" in page


def found_in(folder: Path, text: str, *, proofs: bool = False) -> dict[str, str]:
    conf_d = folder / "conf.d"
    conf_d.mkdir(parents=True)
    (conf_d / "10-example.toml").write_text(text, encoding="utf-8")
    if "[queue]" not in text:
        (conf_d / "60-queue.toml").write_text('[queue]\npath = "spool"\n')
    report = check(folder, hostname="host.example.org", version="1.0")
    if proofs:
        report = with_proofs(report, monotonic() + 20)
    return {each.code: each.severity for each in report.diagnostics if each.place is not None}


@pytest.mark.parametrize("code", sorted(set(pages()) - BEYOND_A_TREE))
def test_the_bad_example_is_at_fault_and_the_good_one_is_not(code: str, tmp_path: Path) -> None:
    examples = {match[1]: match[2] for match in _EXAMPLE.finditer(pages()[code])}
    proofs = code in PROVED
    assert code in found_in(tmp_path / "bad", examples["Bad"], proofs=proofs)
    assert found_in(tmp_path / "good", examples["Good"], proofs=proofs) in ({}, {"unwritable-path": "error"})
