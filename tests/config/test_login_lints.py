from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.trees import faults, plant, sound, spot

USERS = "[auth]\nusers = '@users'\n[tables.users]\ntype = 'inline'\nentries = { a = '{PLAIN}b' }\n"
HERE = "[listeners.a]\naddress = ['[::1]:25']\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[auth]\nusers = '@users'", "10-a.toml:2:9+8 unknown-table"),
        (USERS.replace("users'\n[", "users'\nowners = 'owner'\n["), "10-a.toml:3:10+7 unknown-table"),
        (HERE + "auth = 'may'\nauth_without_tls = true", "10-a.toml:3:8+5 no-users"),
        (HERE + "auth = 'may'\n" + USERS, "10-a.toml:3:8+5 no-login"),
        (
            "[auth]\nbackend = 'dovecot:/run/auth'\nmechanisms = ['PLAIN', 'CRAM-MD5']",
            "10-a.toml:3:24+10 unfit-mechanism",
        ),
    ],
)
def test_logins_that_nobody_can_judge_are_errors(tmp_path: Path, text: str, expected: str) -> None:
    found = faults(plant(tmp_path, a10=text))
    assert [spot(each) for each in found if each.severity == "error"] == [expected]


def test_logins_in_clear_are_unwise(tmp_path: Path) -> None:
    text = HERE + "auth = 'may'\nauth_without_tls = true\n" + USERS
    (note,) = sound(plant(tmp_path, a10=text)).notes
    assert (note.severity, spot(note)) == ("warning", "10-a.toml:4:20+4 clear-login")


def test_another_back_end_needs_no_table_and_drops_what_it_cannot_do(tmp_path: Path) -> None:
    text = HERE + "auth = 'may'\nauth_without_tls = true\n[auth]\nbackend = 'saslauthd:/run/mux'"
    (note,) = sound(plant(tmp_path, a10=text)).notes
    assert note.code == "clear-login"
