from __future__ import annotations

import gc
import time
from typing import Any

import pytest
import tomli

from tests.config.documents import Writer
from vsmtp.config.locate import Places, locate
from vsmtp.values.diagnostic import KeyPath


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    found = {path}
    if isinstance(value, dict):
        for name, below in value.items():
            found |= paths_of(below, (*path, name))
    elif isinstance(value, list):
        for n, below in enumerate(value):
            found |= paths_of(below, (*path, n))
    return found


def at(value: Any, path: KeyPath) -> Any:
    for step in path:
        value = value[step]
    return value


def assert_agrees(text: str) -> None:
    values = tomli.loads(text)
    places = locate(text)
    nodes = dict(places.root.paths())
    assert set(nodes) == paths_of(values)
    for path, node in nodes.items():
        if node.value is not None:
            written = places.text[slice(*node.value)]
            assert repr(tomli.loads(f"value = {written}")["value"]) == repr(at(values, path))
        elif path:
            assert isinstance(at(values, path), dict) or node.is_tables
        if path and isinstance(path[-1], str):
            start, end = node.key[node.part]
            assert tomli.loads(f"{places.text[start:end]} = 1") == {path[-1]: 1}


@pytest.mark.parametrize("block", range(16))
def test_keys_and_values_stand_where_tomli_read_them(block: int) -> None:
    for seed in range(block * 200, (block + 1) * 200):
        assert_agrees(Writer(seed).document())


def test_the_generated_documents_are_not_trivial() -> None:
    sizes = [len(paths_of(tomli.loads(Writer(seed).document()))) for seed in range(200)]
    assert sum(sizes) / len(sizes) > 15


def test_the_tables_of_an_array_are_counted() -> None:
    assert_agrees("[[a]]\nb.c = 1\n[[a.d]]\n[[a.d]]\ne = 2\n[[a]]\n[a.d]\ne = 3\n")


def test_lines_and_columns_count_characters_from_one() -> None:
    places = locate('a = 1\r\n[t]\r\n"é日" = "ü" # x\r\n')
    node = dict(places.root.paths())["t", "é日"]
    assert node.value is not None
    assert places.line_column(node.key[0][0]) == (3, 1)
    assert places.line_column(node.value[0]) == (3, 8)
    assert places.line(3) == '"é日" = "ü" # x'


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert locate("a = 1\nb = 2").line(2) == "b = 2"


def test_a_header_names_a_table_that_was_only_implied() -> None:
    places = locate("[a.b]\nx = 1\n[a]\ny = 2\n")
    node = dict(places.root.paths())["a",]
    assert places.line_column(node.key[node.part][0]) == (3, 2)


def _seconds(text: str) -> float:
    gc.disable()  # its passes over all that the test run holds are not the scanner's
    start = time.process_time()
    locate(text)
    spent = time.process_time() - start
    gc.enable()
    return spent


@pytest.mark.parametrize(
    "unit",
    [
        "a{n} = 1\n",
        "[[t]]\nx = 'a'\n",
        "# comment\n",
        "k{n} = [[[[1]]], {{x = 1}}]\n",
        'm{n} = """a"b""c\\""""\n',
        "\n",
    ],
)
def test_time_grows_with_the_length_of_the_text(unit: str) -> None:
    small = "".join(unit.format(n=n) for n in range(1_000))
    large = "".join(unit.format(n=n) for n in range(8_000))
    quickest = min(_seconds(small) for _ in range(3))
    assert min(_seconds(large) for _ in range(3)) < 8 * 4 * quickest + 0.02


def test_deep_brackets_do_not_use_up_the_stack() -> None:
    places: Places = locate("a = " + "[" * 20_000 + "]" * 20_000)
    assert places.deepest == 20_000
