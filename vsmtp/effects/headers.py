"""A rule's header effects as edits of the message."""

from __future__ import annotations

from vsmtp.message.edits import AddField, Edit, PrependField, RemoveField, RenameField, SetField
from vsmtp.rules.effects import AddHeader, HeaderEffect, PrependHeader, RemoveHeader, RenameHeader, SetHeader
from vsmtp.rules.template import render_text
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
