"""The trees in `examples/` are sound, tested in full by their own policy tests, and explain themselves."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Final

import pytest

from vsmtp.cli.main import COMMANDS, main

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLES: Final = ROOT / "examples"
SHIPPED: Final = ROOT / "vsmtp" / "rules" / "shipped"
TREES: Final = sorted(path.parent.name for path in EXAMPLES.glob("*/conf.d"))
FILES: Final = sorted(EXAMPLES.glob("*/*.d/*.toml"))
INDEX: Final = (ROOT / "docs" / "examples.md").read_text("utf-8")


@pytest.fixture
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy, as an administrator takes one over."""
    return Path(shutil.copytree(EXAMPLES / request.param, tmp_path / request.param))


def every_tree() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("tree", TREES, indirect=True)


def test_there_is_a_tree_for_each_purpose() -> None:
    assert {"anti-relay", "company", "family", "greylisting", "minimal", "tagging"} <= set(TREES)


@every_tree()
def test_nothing_is_wrong_with_it(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-c", str(tree)]) == 0
    assert capsys.readouterr().out == "sound\n"


@every_tree()
def test_its_policy_tests_pass_and_match_every_rule(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["test", "-c", str(tree), "--require-coverage", "100"])
    assert status == 0, capsys.readouterr().out


@every_tree()
def test_no_stranger_relays_through_it_and_its_claims_hold(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["prove", "-c", str(tree)])
    assert status == 0, capsys.readouterr().out


@every_tree()
@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg"])
def test_it_can_be_drawn(tree: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "-c", str(tree), "--format", form]) == 0
    drawn = capsys.readouterr().out
    rules = (
        re.findall(r'^name = "([\w ]+)"', (tree / "conf.d" / "50-rules.toml").read_text(), re.MULTILINE)
        if (tree / "conf.d" / "50-rules.toml").exists()
        else ["no-relaying"]
    )
    assert [rule for rule in rules if rule not in drawn] == []


@every_tree()
def test_testing_it_leaves_nothing_behind(tree: Path) -> None:
    before = {path.relative_to(tree) for path in tree.rglob("*")}
    main(["test", "-c", str(tree)])
    assert {path.relative_to(tree) for path in tree.rglob("*")} == before


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_file_is_toml_1_0_and_begins_by_saying_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# ")
    assert tomllib.loads(text)


@pytest.mark.parametrize("name", TREES)
def test_a_tree_is_in_the_index_and_has_a_page_of_its_own(name: str) -> None:
    assert f"](../examples/{name}/README.md)" in INDEX
    assert (EXAMPLES / name / "README.md").read_text("utf-8").startswith("# ")


@pytest.mark.parametrize("name", TREES)
def test_every_data_file_is_spoken_of(name: str) -> None:
    page = (EXAMPLES / name / "README.md").read_text("utf-8")
    files = [path.name for path in (EXAMPLES / name).iterdir() if path.is_file() and path.name != "README.md"]
    assert [file for file in files if f"`{file}`" not in page] == []


CONSOLE: Final = re.compile(r"^```console\n\$ (.*?)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN: Final = [
    (name, command, output)
    for name in TREES
    for command, output in CONSOLE.findall((EXAMPLES / name / "README.md").read_text("utf-8"))
]


@pytest.mark.parametrize(("tree", "command", "output"), SHOWN, indirect=["tree"])
def test_a_command_prints_what_is_shown(
    tree: Path, command: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("DIR", str(tree)) for word in shlex.split(command)[1:]]
    assert words[0] in COMMANDS
    main(words)
    assert capsys.readouterr().out == output.replace("DIR", str(tree)).replace("SHIPPED", str(SHIPPED))
