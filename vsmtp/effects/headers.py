"""A rule's effects on header fields and the addresses in them, as edits of the message."""

from __future__ import annotations

from collections.abc import Callable

from vsmtp.effects.unfit import Unfit, as_address
from vsmtp.message.edits import (
    AddField,
    AddMailbox,
    Edit,
    PrependField,
    RemoveField,
    RemoveMailbox,
    RenameField,
    ReplaceAuthor,
    ReplaceMailbox,
    SetField,
)
from vsmtp.rules.effects import (
    AddHeader,
    AddressEffect,
    AddTo,
    HeaderEffect,
    PrependHeader,
    RemoveHeader,
    RemoveTo,
    RenameHeader,
    RewriteFrom,
    RewriteTo,
    SetHeader,
)
from vsmtp.rules.template import render_text
from vsmtp.values.address import Address
from vsmtp.vocabulary.answers import Facts


def as_edit(effect: HeaderEffect, facts: Facts) -> Edit:
    """The edit that carries out the effect, its text filled in through the facts of its `Fired`."""
    match effect:
        case AddHeader(name, value):
            return AddField(name, render_text(value, facts))
        case PrependHeader(name, value):
            return PrependField(name, render_text(value, facts))
        case SetHeader(name, value):
            return SetField(name, render_text(value, facts))
        case RenameHeader(name, to):
            return RenameField(name, to)
        case RemoveHeader(glob):
            return RemoveField(glob)


def as_address_edit(effect: AddressEffect, facts: Facts) -> Edit | Unfit:
    """The edit of From, To or Cc that carries out the effect."""
    match effect:
        case RewriteFrom(template):
            return _edit_with(ReplaceAuthor, as_address(template, facts))
        case AddTo(template):
            return _edit_with(AddMailbox, as_address(template, facts))
        case RemoveTo(template):
            return _edit_with(RemoveMailbox, as_address(template, facts))
        case RewriteTo(old, new):
            was, will_be = as_address(old, facts), as_address(new, facts)
            if isinstance(was, Unfit):
                return was
            return will_be if isinstance(will_be, Unfit) else ReplaceMailbox(str(was), str(will_be))


def _edit_with(make: Callable[[str], Edit], address: Address | Unfit) -> Edit | Unfit:
    return address if isinstance(address, Unfit) else make(str(address))
