"""What the manual of the rules shows is sound, and names every word of the language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from vsmtp.inspect.check import check
from vsmtp.vocabulary.actions import EFFECTS, LATER_VERDICTS, VERDICTS
from vsmtp.vocabulary.stages import STAGES
from vsmtp.vocabulary.types import OPERATOR_NAMES, QUANTIFIERS

MANUAL: Final = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"^```toml\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
BASE: Final = '[server]\nname = "host.example.org"\npostmaster = "ann@example.org"\n[queue]\npath = "spool"\n'
ELSEWHERE: Final = {"unwritable-path", "no-postmaster"}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n", 1)[0])
def test_an_example_is_sound(tmp_path: Path, block: str) -> None:
    tree = tmp_path / "conf.d"
    tree.mkdir()
    (tree / "00-base.toml").write_text(BASE)
    (tree / "50-rules.toml").write_text(block)
    report = check(tmp_path, hostname="host.example.org", version="1.0")
    found = [each for each in report.diagnostics if each.code not in ELSEWHERE]
    assert found == []


@pytest.mark.parametrize(
    "words", [STAGES, VERDICTS.keys() - LATER_VERDICTS, EFFECTS, OPERATOR_NAMES, QUANTIFIERS]
)
def test_every_word_of_the_language_is_in_the_manual(words: frozenset[str]) -> None:
    assert {word for word in words if not re.search(rf"`{word}\b", MANUAL)} == set()
