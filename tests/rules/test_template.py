from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.bench import LiteralFacts
from vsmtp.rules.template import parse_template, render_text
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable

FACTS = LiteralFacts({
    "sender.domain": "b.example",
    "sender.address": Address("a b", "b.example"),
    "rcpts.domain": ("x.example", "y.example"),
    "time.clock": 52200,
    "rcpt.known": True,
    "spf.result": Unavailable("down"),
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain }", "plain }"),
        ("{{x}", "{x}"),
        ("{sender.domain}", "b.example"),
        ("<{sender.address}>", '<"a b"@b.example>'),
        ("{rcpts.domain}", "x.example, y.example"),
        ("{time.clock} {rcpt.known}", "14:30:00 true"),
        ("[{helo.name}] {helo.name|nobody}", "[] nobody"),
        ("{spf.result}", "unavailable"),
    ],
)
def test_a_template_prints_its_facts(text: str, printed: str) -> None:
    assert render_text(parse_template(text), FACTS) == printed


@pytest.mark.parametrize("text", ["{", "{sender.domain", "{}", "{no name}", "{nodot}"])
def test_a_brace_left_open_or_without_a_fact_is_a_fault(text: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        parse_template(text)


@given(st.text())
def test_a_value_never_breaks_a_line(value: str) -> None:
    printed = render_text(parse_template("a {sender.domain} b"), LiteralFacts({"sender.domain": value}))
    assert len(printed.splitlines()) == 1
    assert "\0" not in printed
    printed.encode()
