"""What all formats have in common: nothing is left out, and nothing that a rule holds breaks them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from random import Random
from xml.etree import ElementTree as ET

import pytest

from tests.inspect.drawing.pictures import anything, picture
from tests.peers.programs import needs
from vsmtp.inspect.drawing.data import as_object
from vsmtp.inspect.drawing.dot import as_dot
from vsmtp.inspect.drawing.mermaid import as_mermaid
from vsmtp.inspect.drawing.picture import Box, Entry, Picture, Strip
from vsmtp.inspect.drawing.svg import as_svg
from vsmtp.inspect.drawing.text import as_text

NASTY = "</text><script>]]> --> \" ' \\ {|} [x] ; %% \x00\x1b]0;\ufffe \N{CJK UNIFIED IDEOGRAPH-4E2D}" * 3


def as_json(drawn: Picture) -> str:
    return json.dumps(as_object(drawn))


RENDERERS = [as_text, as_dot, as_mermaid, as_svg, as_json]


def nasty() -> Picture:
    entry = Entry(NASTY, (NASTY,), (NASTY,), NASTY, "bad", NASTY, 1)
    return Picture((Strip("mail", (Box("mail/rules", NASTY, NASTY, (entry,)),), ()),), ())


@pytest.mark.parametrize("render", RENDERERS)
def test_every_rule_is_drawn_with_its_hits(render: Callable[[Picture], str]) -> None:
    drawn = render(picture({"mail/x": 1, "rcpt/too much": 70_707}))
    for word in ("any", "early", "score", "too much", "hold", "last", "451 4.7.1 Later", "70707"):
        assert word in drawn


def test_svg_is_well_formed_whatever_a_rule_holds() -> None:
    for drawn in (picture(), nasty(), *(anything(Random(seed)) for seed in range(10))):
        root = ET.fromstring(as_svg(drawn))
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_svg_shows_each_text_whole() -> None:
    text = "".join(ET.fromstring(as_svg(picture())).itertext())
    assert 'odd <name> & "quotes"' in text
    assert "reject 550 5.7.1 No {sender.domain|<>}" in text


def test_mermaid_keeps_texts_within_their_quotes() -> None:
    for line in as_mermaid(nasty()).splitlines():
        assert line.count('"') in {0, 2}
        quoted = re.search('"(.*)"', line)
        assert quoted is None or not set(quoted[1].replace("<br/>", "")) & set('<>"{}|[];\\') - {";"}


def test_dot_keeps_texts_within_their_table() -> None:
    labels = re.findall(r"\[label=<(<TABLE.*</TABLE>)>\];", as_dot(nasty()))
    assert len(labels) == 1
    assert "<script" not in labels[0]


@pytest.mark.parametrize("drawn", [picture(), nasty()])
def test_graphviz_reads_it(drawn: Picture) -> None:
    done = subprocess.run(
        [needs("dot"), "-Tsvg"], input=as_dot(drawn).encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_nothing_is_drawn_of_nothing() -> None:
    assert as_text(Picture((), ())) == "no rules\n"
    assert as_object(Picture((), ())) == {"stages": []}
    for render in RENDERERS:
        assert render(Picture((), ()))
