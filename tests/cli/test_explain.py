from __future__ import annotations

import io
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from tests.config.trees import plant
from vsmtp.cli.explain import add_arguments, run

TREE = """
[server]
name = "mx.example.org"
local_domains = ["example.org"]
recipients = "any"
[queue]
path = "spool"

[[rules.rcpt]]
name = "no bob"
when.rcpt.local = "bob"
reject = "550 5.7.1 Not bob"

[[rules.rcpt]]
name = "unless trusted"
unless.sender.domain = "example.com"
reject = "550 5.7.1 Strange"

[[rules.prequeue]]
name = "tag"
when.message.subject.contains = "win"
do = [{ add_header = { name = "X-Tag", value = "{message.subject}" } }]
"""
CLIENT = ("--client", "192.0.2.1", "--from", "a@example.com")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return plant(tmp_path / "tree", a10=TREE)


def explain(tree: Path, *words: str) -> int:
    parser = ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(["-c", str(tree), *words]))


def explained(tree: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert explain(tree, *words, "--format", "json") == 0
    return json.loads(capsys.readouterr().out)


def test_the_outcome_comes_first_then_stage_by_stage_why(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(tree, *CLIENT, "--rcpt", "bob@example.org") == 0
    file = tree / "conf.d" / "10-a.toml"
    assert capsys.readouterr().out == (
        "rejected: 550 5.7.1 Not bob\n"
        "\n"
        "rcpt bob@example.org: reject 550 5.7.1 Not bob, by `no bob`\n"
        "  yes  `no bob`\n"
        f"       {file}:9\n"
    )


def test_rules_that_do_not_match_say_by_which_condition(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(tree, *CLIENT, "--rcpt", "ann@example.org") == 0
    out = capsys.readouterr().out
    assert "no   `no bob`: when.rcpt.local: rcpt.local is ann\n" in out
    assert "no   `unless trusted`: exempted by unless.sender.domain\n" in out
    assert "ann@example.org: to `local`\n" in out


def test_programs_get_json(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = tmp_path / "m.eml"
    message.write_text("Subject: you win\n\ntext\n")
    found = explained(tree, capsys, *CLIENT, "--rcpt", "ann@example.org", str(message))
    assert found["outcome"] == "accepted"
    assert found["reply"].startswith("250 2.0.0 queued as ")
    assert [stage["stage"] for stage in found["stages"]] == ["rcpt", "prequeue"]
    rcpt, prequeue = found["stages"]
    assert rcpt["recipient"] == "ann@example.org"
    assert rcpt["verdict"] is None
    assert rcpt["facts"]["rcpt.local"] == "ann"
    assert rcpt["rules"][0] == {
        "name": "no bob",
        "file": str(tree / "conf.d" / "10-a.toml"),
        "line": 9,
        "matched": False,
        "condition": "when.rcpt.local",
    }
    assert prequeue["rules"][0]["matched"] is True
    assert prequeue["rules"][0]["condition"] is None
    assert prequeue["effects"] == ["add_header X-Tag you win"]


def test_a_refusal_has_verdict_rule_and_reply(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [stage] = explained(tree, capsys, *CLIENT, "--rcpt", "bob@example.org")["stages"]
    assert (stage["verdict"], stage["by"], stage["reply"]) == ("reject", "no bob", "550 5.7.1 Not bob")


def test_a_message_can_come_from_standard_input(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Subject: a win\n\n")))
    found = explained(tree, capsys, *CLIENT, "--rcpt", "ann@example.org", "-")
    assert found["stages"][-1]["effects"] == ["add_header X-Tag a win"]


def test_several_recipients_may_follow_one_option_or_several(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = explained(tree, capsys, *CLIENT, "--rcpt", "ann@example.org", "bob@example.org")
    two = explained(tree, capsys, *CLIENT, "--rcpt", "ann@example.org", "--rcpt", "bob@example.org")
    assert [stage.get("recipient") for stage in one["stages"]] == [
        stage.get("recipient") for stage in two["stages"]
    ]


def test_the_greeting_alone_can_be_explained(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(tree, capsys, "--client", "192.0.2.1")["outcome"] == "accepted"


def test_a_world_answers_in_place_of_the_machine(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = tmp_path / "world.toml"
    world.write_text('facts.sender.domain = "example.net"\n')
    found = explained(tree, capsys, *CLIENT, "--rcpt", "ann@example.org", "--world", str(world))
    assert found["stages"][0]["by"] == "unless trusted"


def test_verbosely_there_are_facts_and_the_dialogue(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(tree, *CLIENT, "--rcpt", "ann@example.org", "-v") == 0
    out = capsys.readouterr().out
    assert "\nsender.domain = example.com\n" in out
    assert "\nC: RCPT TO:<ann@example.org>\nS: 250 2.1.5 Recipient ok\n" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the client with --client"),
        (("--from", "a@b.example"), "name the client with --client"),
        (("--client", "192.0.2.1", "--from", "a@b.example"), "give both --from and --rcpt"),
        (("--client", "192.0.2.1", "--rcpt", "a@b.example"), "give both --from and --rcpt"),
        (("--client", "192.0.2.1", "m.eml"), "a message without recipients"),
        ((*CLIENT, "--rcpt", "a@b.example", "none.eml"), "`none.eml` cannot be read"),
        ((*CLIENT, "--rcpt", "a@@b"), "`a@@b` is no mail address"),
        ((*CLIENT, "--rcpt", "a@b.example", "--listener", "x"), "there is no listener `x`"),
        (("QUEUEID",), "`QUEUEID` is not a queue id"),
        (("0123456789ABCDEFG",), "nothing is remembered of `0123456789ABCDEFG`"),
    ],
)
def test_wrong_usage_exits_2_and_says_why(
    tree: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(tree, *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("--client", "x"),
        (*CLIENT[:2], "--from", "x"),
        (*CLIENT, "--time", "soon"),
        (*CLIENT, "--port", "65536"),
        (*CLIENT, "--port", "-1"),
        (*CLIENT, "--helo", "a.example\r\nMAIL FROM:<>"),
        ("--format", "xml"),
    ],
)
def test_a_value_that_is_none_exits_2(tree: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        explain(tree, *words)
    assert caught.value.code == 2


def test_an_unsound_tree_exits_1_with_its_diagnostics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(plant(tmp_path, a10="[srever]\n"), *CLIENT, "--rcpt", "a@example.org") == 1
    assert "unknown key `srever`" in capsys.readouterr().err


def test_an_unsound_world_exits_1_with_its_diagnostics(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = tmp_path / "world.toml"
    world.write_text("x = 1\n")
    assert explain(tree, *CLIENT, "--rcpt", "a@example.org", "--world", str(world)) == 1
    assert "unknown key `x`" in capsys.readouterr().err


def test_a_message_cannot_give_orders_to_the_terminal(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = tmp_path / "m.eml"
    message.write_bytes(b"Subject: =?utf-8?q?win=1B[2J?=\n\n")
    assert explain(tree, *CLIENT, "--rcpt", "ann@example.org", str(message), "-v") == 0
    assert "\x1b" not in capsys.readouterr().out
