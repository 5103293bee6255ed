"""The walls of the house style, read off the syntax tree of every module."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "vsmtp").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]

FUNCTION_LINES = 50
MODULE_LINES = 600
PARAMETERS = 5
MEDIAN_FUNCTION = 15
MEDIAN_MODULE = 150

# `except Exception` stands once at the top of a worker's tasks, and once at the top of a session, which is
# callbacks and no task. A thread hands what it met to the loop that waits for it.
CATCHES_ALL = {"vsmtp/server/worker.py": 1, "vsmtp/server/connection.py": 1, "vsmtp/queue/committer.py": 1}

FORBIDDEN_NAMES = {
    "utils",
    "util",
    "common",
    "core",
    "helpers",
    "helper",
    "manager",
    "misc",
    "handler",
    "base",
}
FORBIDDEN_WORDS = {"process", "handle", "data2", "do_it"}
PRIVATE = re.compile(r"/w[o]rk/(?:main|shared|\.)|PIP_(?:INDEX|FIND)|https?://[^/\s@]+:[^/\s@]+@")
PURE = {"values", "message", "smtp", "rules"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: Function) -> int:
    """Lines from the first decorator to the last statement, the docstring not counted."""
    first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
    lines = (function.end_lineno or first) - first + 1
    head = function.body[0]
    if ast.get_docstring(function, clean=False) is None:
        return lines
    return lines - ((head.end_lineno or head.lineno) - head.lineno + 1)


def parameters(function: Function) -> int:
    args = function.args
    named = [arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    if named[:1] in (["self"], ["cls"]):
        named = named[1:]
    return len(named) + (args.vararg is not None) + (args.kwarg is not None)


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Whether it keeps every exception; one that tidies up and raises on keeps none."""
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    caught = handler.type
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in kinds)


def written() -> Iterator[Path]:
    """Every file of ours that is read by people or machines elsewhere."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in {"", ".toml", ".md"})
    for folder in ("vsmtp", "tests", "bench", "docs", "examples", "tools", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in {"", ".py", ".toml", ".md", ".smtp", ".txt"}:
                yield path


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_has_at_most_600_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MODULE_LINES


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_function_has_at_most_50_lines(path: Path) -> None:
    too_long = {f.name: length(f) for f in functions(parsed(path)) if length(f) > FUNCTION_LINES}
    assert too_long == {}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_function_has_at_most_five_parameters(path: Path) -> None:
    too_many = {f.name: parameters(f) for f in functions(parsed(path)) if parameters(f) > PARAMETERS}
    assert too_many == {}


def test_the_medians_are_those_of_readable_code() -> None:
    modules = [len(path.read_text().splitlines()) for path in MODULES if path.name != "__init__.py"]
    bodies = [length(f) for path in MODULES for f in functions(parsed(path))]
    median_module, median_function = statistics.median(modules), statistics.median(bodies)
    print(f"median module {median_module}, longest {max(modules)}")  # noqa: T201 (shown by pytest -rP)
    print(f"median function {median_function}, longest {max(bodies)}")  # noqa: T201 (shown by pytest -rP)
    assert median_module <= MEDIAN_MODULE
    assert median_function <= MEDIAN_FUNCTION


def test_all_exceptions_are_caught_once_at_the_top_of_a_worker() -> None:
    found = {
        name: count
        for name, path in zip(NAMES, MODULES, strict=True)
        if (count := sum(catches_all(n) for n in ast.walk(parsed(path)) if isinstance(n, ast.ExceptHandler)))
    }
    assert found.keys() <= CATCHES_ALL.keys(), found
    assert all(count <= CATCHES_ALL[name] for name, count in found.items()), found


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_file_is_named_by_a_noun_of_the_trade(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    assert not FORBIDDEN_NAMES.intersection(word for part in parts for word in part.split("_"))


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_function_is_called_process_or_handle(path: Path) -> None:
    assert [f.name for f in functions(parsed(path)) if f.name.strip("_") in FORBIDDEN_WORDS] == []


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if p.parts[len(ROOT.parts) + 1] in PURE],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_thinking_part_opens_no_file(path: Path) -> None:
    calls = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    assert [ast.unparse(call) for call in calls if ast.unparse(call) in {"open", "input", "print"}] == []


INITS = [path for path in MODULES if path.name == "__init__.py"]


@pytest.mark.parametrize("path", INITS, ids=[str(path.relative_to(ROOT)) for path in INITS])
def test_an_init_file_is_empty(path: Path) -> None:
    assert path.read_text() == ""


def test_a_directory_of_modules_is_a_package() -> None:
    assert [str(path) for path in MODULES if not (path.parent / "__init__.py").exists()] == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    here = Path(__file__).resolve()
    told = {
        f"{path.relative_to(ROOT)}:{number}": line.strip()
        for path in written()
        if path != here
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if PRIVATE.search(line)
    }
    assert told == {}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_nothing_is_left_to_do(path: Path) -> None:
    assert re.findall(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b", path.read_text()) == []
