from __future__ import annotations

import pytest

from vsmtp.smtp.lines import LineRules


@pytest.mark.parametrize(("bare_newline", "text", "handed_out"), [
    ("reject", b"a\r\n", b"a\r\n"), ("reject", b"a\nb", b""), ("reject", b"a\rb", b""),
    ("reject", b"\0", b""),
    ("normalize", b"a\r\n", b"a\r\n"), ("normalize", b"a\nb\rc\r\nd\r\r\n", b"a\r\nb\r\nc\r\nd\r\n\r\n"),
    ("normalize", b"\n\r", b"\r\n\r\n"), ("normalize", b"a\n\0", b""),
])  # fmt: skip
def test_nothing_bare_is_handed_out(bare_newline: str, text: bytes, handed_out: bytes) -> None:
    rules = LineRules(100, 50, "normalize" if bare_newline == "normalize" else "reject")
    assert rules.judge(text) == handed_out
    assert (rules.fault is None) == bool(handed_out)


def test_a_size_counts_what_is_handed_out() -> None:
    rules = LineRules(3, 50, "normalize")
    assert rules.judge(b"\n") == b"\r\n"
    assert rules.judge(b"\n") == b""
    assert rules.fault == "message_too_big"


def test_nothing_is_handed_out_after_a_fault_and_the_worst_is_told() -> None:
    rules = LineRules(10, 5)
    for text in (b"x" * 6, b"x" * 6, b"x\n", b"\r\n"):
        assert rules.judge(text) == b""
    assert rules.fault == "bad_octets"
    assert len(rules._faults) == 3


def test_a_line_is_open_until_its_end() -> None:
    rules = LineRules(100, 50)
    assert not rules.line_is_open
    rules.judge(b"a")
    assert rules.line_is_open
    rules.judge(b"\r\n")
    assert not rules.line_is_open
