from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.smtp.script import Script, scripts, talk
from tests.smtp.session import Session, run

SCRIPTS = scripts()
EACH = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


def seen(script: Script, pieces: Iterable[bytes]) -> tuple[object, ...]:
    session = run(script, pieces)
    return session.events, session.output, session.engine.closed


@EACH
def test_a_dialogue_goes_as_written(script: Script) -> None:
    session = Session(script.terms, script.answers)
    talk(script, session)
    assert session.said() == []
    assert session.engine.closed == script.closes


@EACH
def test_a_dialogue_fed_whole_says_the_same(script: Script) -> None:
    session = run(script, [script.client])
    lines = session.said()
    assert len(lines) == len(script.server)
    assert all(expected.fits(line) for expected, line in zip(script.server, lines, strict=True))


@EACH
def test_a_dialogue_cut_in_two_at_every_offset_asks_and_says_the_same(script: Script) -> None:
    client = script.client
    whole = seen(script, [client])
    for cut in range(len(client)):
        assert seen(script, [client[:cut], client[cut:]]) == whole, client[:cut]


@EACH
def test_a_dialogue_byte_by_byte_asks_and_says_the_same(script: Script) -> None:
    client = script.client
    assert seen(script, (client[i : i + 1] for i in range(len(client)))) == seen(script, [client])


def test_there_are_dialogues() -> None:
    assert len(SCRIPTS) >= 15
    assert sum(script.portable for script in SCRIPTS) >= 10
