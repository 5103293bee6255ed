from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.test_explain import TREE
from tests.config.trees import plant
from vsmtp.cli.policies import add_arguments, run

TESTS = """
[[test]]
name = "bob is refused"
client = "192.0.2.1"
from = "a@example.com"
rcpt = "bob@example.org"
expect = { outcome = "rejected", reply = 550, rules = "no bob" }

[[test]]
name = "ann is not"
client = "192.0.2.1"
from = "a@example.com"
rcpt = "ann@example.org"
message = "Subject: win\\n\\n"
expect = { outcome = "accepted", headers.X-Tag = "win", transport = "local" }
"""
FAILING = TESTS.replace('"win", transport', '"lose", transport')


def sow(root: Path, tests: str) -> Path:
    plant(root, a10=TREE)
    (root / "tests.d").mkdir()
    (root / "tests.d" / "rules.toml").write_text(tests)
    return root


def test(root: Path, *words: str) -> int:
    parser = ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(["-c", str(root), *words]))


test.__test__ = False  # type: ignore[attr-defined]  # it runs the command of that name


def test_all_that_passes_is_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert test(sow(tmp_path, TESTS)) == 0
    assert capsys.readouterr().out == "ok     bob is refused\nok     ann is not\n2 passed\n"


def test_a_failure_shows_what_came_and_the_stage_that_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert test(sow(tmp_path, FAILING)) == 1
    out = capsys.readouterr().out
    assert f"FAILED ann is not  ({tmp_path}/tests.d/rules.toml:9)\n" in out
    assert "       headers.X-Tag: expected `lose`\n" in out
    assert "came     `win`\n" in out
    assert "       prequeue: go on\n         yes  `tag`\n" in out
    assert out.endswith("1 passed, 1 failed\n")


def test_some_can_be_chosen_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert test(sow(tmp_path, FAILING), "BOB*") == 0
    assert capsys.readouterr().out == "ok     bob is refused\n1 passed\n"


def test_coverage_names_the_rules_that_match_in_no_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert test(sow(tmp_path, TESTS), "--coverage") == 0
    file = tmp_path / "conf.d" / "10-a.toml"
    assert capsys.readouterr().out.endswith(
        f"2 of 3 rules matched in a test (67 %)\n       never: `unless trusted`  ({file}:14)\n"
    )


@pytest.mark.parametrize(("share", "status"), [("60", 0), ("66.6%", 0), ("67", 1), ("100", 1)])
def test_too_little_coverage_fails(tmp_path: Path, share: str, status: int) -> None:
    assert test(sow(tmp_path, TESTS), "--require-coverage", share) == status


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert test(sow(tmp_path, FAILING), "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["passed"], report["failed"]) == (1, 1)
    assert report["tests"][1]["misses"] == [{"what": "headers.X-Tag", "expected": "`lose`", "came": "`win`"}]
    assert report["tests"][0]["stages"][0]["by"] == "no bob"
    assert report["coverage"]["percent"] == 66.7
    assert [rule["name"] for rule in report["coverage"]["missed"]] == ["unless trusted"]


@pytest.mark.parametrize("where", ["output", "file"])
def test_collectors_get_junit(tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    sow(tmp_path, FAILING)
    path = tmp_path / "report.xml"
    assert test(tmp_path, *(("--junit", str(path)) if where == "file" else ("--format", "junit"))) == 1
    out = capsys.readouterr().out
    suite = ET.fromstring(path.read_text() if where == "file" else out)[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite] == ["bob is refused", "ann is not"]
    [failure] = suite[1]
    assert "expected `lose`" in (failure.text or "")


@pytest.mark.parametrize(
    ("tests", "words", "said"),
    [
        ("", (), "there is no test in "),
        (TESTS, ("carl",), "there is no test called `carl` in "),
        (TESTS.replace("outcome", "outcom"), (), "unknown key `outcom`"),
        (TESTS, ("--junit", "/nowhere/report.xml"), "cannot be written"),
    ],
)
def test_what_cannot_be_run_exits_2(
    tmp_path: Path, tests: str, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert test(sow(tmp_path, tests), *words) == 2
    assert said in capsys.readouterr().err


def test_an_unsound_tree_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sow(tmp_path, TESTS)
    plant(tmp_path, b20="[srever]\n")
    assert test(tmp_path) == 2
    assert "unknown key `srever`" in capsys.readouterr().err


def test_tests_are_no_part_of_the_tree(tmp_path: Path) -> None:
    assert test(sow(tmp_path, TESTS)) == 0


def test_a_share_of_the_rules_is_a_percentage(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        test(tmp_path, "--require-coverage", "120")
    assert caught.value.code == 2
