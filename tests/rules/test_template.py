from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.bench import LiteralFacts
from vsmtp.effects.headers import as_edit
from vsmtp.message.edits import edit
from vsmtp.rules.effects import AddHeader
from vsmtp.rules.template import one_line, parse_template, render_text
from vsmtp.values.address import Address
from vsmtp.values.answer import Unavailable
from vsmtp.values.reply import Reply

FACTS = LiteralFacts({
    "sender.domain": "b.example",
    "sender.address": Address("a b", "b.example"),
    "rcpts.domain": ("x.example", "y.example"),
    "time.clock": 52200,
    "rcpt.known": True,
    "spf.result": Unavailable("down"),
    "var.points": 6.0,
    "var.sum": 0.1 + 0.2,
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
        ("{var.points} {var.sum}", "6 0.3"),
    ],
)
def test_a_template_prints_its_facts(text: str, printed: str) -> None:
    assert render_text(parse_template(text), FACTS) == printed


@pytest.mark.parametrize("text", ["{", "{sender.domain", "{}", "{no name}", "{nodot}"])
def test_a_brace_left_open_or_without_a_fact_is_a_fault(text: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        parse_template(text)


HOSTILE = st.one_of(
    st.text(),
    st.text(st.sampled_from("a\r\n\t\0 \x0b\x0c\x1c\x1d\x1e\x7f\x85\u2028\u2029\ud800\udfff:.{}|<>")),
    st.sampled_from(
        ["x\r\nBcc: all@x.example", "x\r\n\r\nbody", "a\r\n250 2.0.0 Ok", "{sender.address}", "a\n.\r\nQUIT"]
    ),
)


@given(HOSTILE)
def test_a_value_never_adds_to_a_reply(value: str) -> None:
    text = render_text(parse_template("not {sender.domain}"), LiteralFacts({"sender.domain": value}))
    lines = Reply(550, "5.7.1", text).wire().split(b"\r\n")
    assert lines.pop() == b""
    assert all(line.startswith(b"550-5.7.1 ") and len(line) <= 510 for line in lines[:-1])
    assert lines[-1].startswith(b"550 5.7.1 ")
    assert all(0x20 <= octet < 0x7F for line in lines for octet in line)


@given(HOSTILE)
def test_a_value_never_adds_to_a_header(value: str) -> None:
    head = b"Subject: x\r\nTo: y\r\n\r\n"
    effect = AddHeader("X-Sender", parse_template("from {sender.domain}"))
    edited = edit(head, [as_edit(effect, LiteralFacts({"sender.domain": value}))], utf8=False)
    assert edited.startswith(head[:-2])
    assert edited.endswith(b"\r\n\r\n")
    added = edited[len(head) - 2 : -2]
    first, *folded = added.split(b"\r\n")[:-1]
    assert first.startswith(b"X-Sender:")
    assert all(line[:1] in {b" ", b"\t"} and line.strip() for line in folded)
    assert not set(added.replace(b"\r\n", b"")) & {0, 10, 13}


@given(HOSTILE)
def test_what_a_value_says_is_never_read_as_a_template(value: str) -> None:
    facts = LiteralFacts({"sender.local": value, "sender.domain": "secret.example"})
    assert render_text(parse_template("{sender.local}"), facts) == (one_line(value) or "")


@given(HOSTILE)
def test_a_value_never_breaks_a_line(value: str) -> None:
    printed = render_text(parse_template("a {sender.domain} b"), LiteralFacts({"sender.domain": value}))
    assert len(printed.splitlines()) == 1
    assert "\0" not in printed
    printed.encode()
