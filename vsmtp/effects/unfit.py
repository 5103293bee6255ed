"""What becomes of an effect whose text came out as nothing that can be used."""

from __future__ import annotations

from dataclasses import dataclass

from vsmtp.rules.template import Template, render_text
from vsmtp.values.address import Address
from vsmtp.vocabulary.answers import Facts


@dataclass(frozen=True, slots=True)
class Unfit:
    """The effect cannot be carried out: its text, filled in, is no address, host, path or number."""

    reason: str


def as_address(template: Template, facts: Facts) -> Address | Unfit:
    """The address that the text gives."""
    text = render_text(template, facts)
    try:
        return Address.parse(text)
    except ValueError as error:
        return Unfit(f"`{text}` is not a mail address: {error}")
