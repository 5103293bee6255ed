"""A rule's effects on the envelope, with the addresses that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.effects.unfit import Unfit, as_address
from vsmtp.rules.effects import AddRcpt, EnvelopeEffect, RemoveRcpt, RewriteRcpt, RewriteSender
from vsmtp.rules.template import render_text
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.vocabulary.answers import Facts


@dataclass(frozen=True, slots=True)
class RecipientAdded:
    """One more recipient, unless it is one already; `notify` are the DSN words for it, lower case."""

    address: Address
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipientRemoved:
    """Not a recipient any more; it need not have been one."""

    address: Address


@dataclass(frozen=True, slots=True)
class RecipientRewritten:
    """The recipient at hand has this address from now on."""

    address: Address


@dataclass(frozen=True, slots=True)
class SenderRewritten:
    """The envelope's sender is this from now on."""

    address: Address


EnvelopeChange: TypeAlias = RecipientAdded | RecipientRemoved | RecipientRewritten | SenderRewritten


def as_change(effect: EnvelopeEffect, facts: Facts) -> EnvelopeChange | Unfit:
    """The change that the effect asks for, its text filled in through the facts of its `Fired`."""
    if isinstance(effect, RewriteSender) and render_text(effect.address, facts) in ("", "<>"):
        return SenderRewritten(NULL_SENDER)
    address = as_address(effect.address, facts)
    if isinstance(address, Unfit):
        return address
    match effect:
        case AddRcpt(_, notify):
            return RecipientAdded(address, notify)
        case RemoveRcpt():
            return RecipientRemoved(address)
        case RewriteRcpt():
            return RecipientRewritten(address)
        case RewriteSender():
            return SenderRewritten(address)
