from __future__ import annotations

import pytest

from vsmtp.rules.template import parse_template, reference
from vsmtp.vocabulary.tables import Column, Hidden, Membership, hidden_of, name_of

HIDDEN = [
    Column(12, "quota"),
    Membership("vips", "rcpt.address"),
    Membership("vips", "rcpt.domain", under=True),
    Membership("vips", "lookup:3.group"),
]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_hidden_name_says_what_it_asks(hidden: Hidden) -> None:
    assert hidden_of(name_of(hidden)) == hidden


def test_other_names_hide_nothing() -> None:
    assert hidden_of("rcpt.address") is None
    assert hidden_of("message.headers.lookup") is None


@pytest.mark.parametrize("hidden", HIDDEN)
def test_no_administrator_can_write_a_hidden_name(hidden: Hidden) -> None:
    written = f"{{{name_of(hidden)}}}"
    assert reference(written) is None
    with pytest.raises(ValueError, match="names no fact"):
        parse_template(written)
