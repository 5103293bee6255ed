"""What is kept with a recipient comes back as it was."""

from __future__ import annotations

import pytest

from vsmtp.config.models.types import HostPort, SecretSource
from vsmtp.effects.transports import Login, ToHost, ToMaildir, ToNobody, ToRelay, Way
from vsmtp.message.edits import AddField
from vsmtp.message.stored import dump
from vsmtp.server.notes import NOTHING, Notes, read_notes, write_notes
from vsmtp.values.secret import Secret

HERE = HostPort("192.0.2.1", 25)


@pytest.mark.parametrize(
    "way",
    [
        ToRelay("r"),
        ToMaildir("Maildir/.x", in_home=True),
        ToNobody(),
        ToHost("smtp", HERE, "may"),
        ToHost("smtps", HERE, "required", Login("me", Secret("s3cret"))),
        ToHost("smtp", HERE, "verified", Login("me", SecretSource("file", "/etc/p"))),
        ToHost("smtp", HERE, "verified", Login("me", SecretSource("value", "", Secret("p")))),
    ],
)
def test_a_way_comes_back(way: Way) -> None:
    assert read_notes(write_notes(Notes(way=way))).way == way


def test_notes_come_back() -> None:
    notes = Notes((AddField("X", "ä"),), None, {"a": "x", "n": 1, "f": 1.5, "b": True}, "A@b.test")
    assert read_notes(write_notes(notes)) == notes


def test_nothing_to_say_is_an_empty_text() -> None:
    assert write_notes(NOTHING) == ""
    assert read_notes("") is NOTHING


def test_the_edits_that_earlier_releases_kept_are_read() -> None:
    assert read_notes(dump([AddField("X", "y")])) == Notes((AddField("X", "y"),))
