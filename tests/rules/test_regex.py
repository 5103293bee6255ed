from __future__ import annotations

import pytest

from vsmtp.rules.regex import Pattern, PatternSet, RegexError, escape


class Overflowing:
    """A set whose automaton outgrew its memory: it answers nothing at all."""

    def Match(self, _text: str) -> list[int]:  # noqa: N802 the binding's name
        return []


def test_a_set_finds_all_its_patterns_in_one_pass() -> None:
    assert sorted(PatternSet(["a", "^b", "c$"]).found("abc")) == [0, 2]
    assert PatternSet(["a"]).found("") == []


def test_a_set_that_outgrows_its_memory_is_tried_one_by_one() -> None:
    patterns = PatternSet(["a", "^b", "c$"])
    patterns._set = Overflowing()
    assert patterns.found("abc") == [0, 2]


def test_octets_that_were_no_text_are_survived() -> None:
    assert PatternSet(["x"]).found("\udc80x") == [0]
    assert not Pattern("y").finds("\udc80x")


def test_no_pattern_says_why() -> None:
    with pytest.raises(RegexError, match="missing"):
        Pattern("(a")


def test_groups_that_took_no_part_are_left_out() -> None:
    assert Pattern("(?P<a>x)|(?P<b>y)").capture("y") == {"b": "y"}
    assert Pattern("(?P<a>x)").capture("z") == {}


def test_an_escaped_text_stands_for_itself() -> None:
    assert Pattern(escape("a.*")).finds("a.*")
    assert not Pattern(escape("a.*")).finds("abc")
