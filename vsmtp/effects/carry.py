"""Carrying out what a rule asks for: each effect, its texts filled in, goes to its place on a sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias, get_args

from vsmtp.effects.envelope import EnvelopeChange, as_change
from vsmtp.effects.exports import Export, as_export
from vsmtp.effects.headers import as_address_edit, as_edit
from vsmtp.effects.logs import Line, as_line
from vsmtp.effects.notices import Notice, as_notice
from vsmtp.effects.tables import TableWrite, as_write
from vsmtp.effects.transports import Way, as_way
from vsmtp.effects.unfit import Unfit
from vsmtp.effects.variables import Variable, as_assignments
from vsmtp.message.edits import Edit
from vsmtp.rules import effects as rule
from vsmtp.rules.evaluate import Fired
from vsmtp.rules.template import render_text
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.vocabulary.stages import Stage


class Sheet(Protocol):
    """What effects may change at one evaluation of one stage.

    Each call has come about when it returns, so that the next effect and the next rule see it (`FactBook`
    has a method for what facts can see); only table writes may wait: whoever drives the stage awaits them
    before the walk goes on. What was done to header, envelope or transport for a recipient is for that
    recipient alone, and void when it is refused later.
    """

    def edit(self, edit: Edit) -> None:
        """The header is edited, or will be once there is one."""

    def envelope(self, change: EnvelopeChange) -> None:
        """The envelope is changed."""

    def transport(self, way: Way) -> None:
        """This is the way to go; the last one counts."""

    def assign(self, name: str, value: Variable | Unavailable) -> None:
        """The variable, `var.x` or `rcpt.var.x`, has this value."""

    def count(self, limiter: str, key: str) -> None:
        """One more event of the key is counted."""

    def write_table(self, write: TableWrite) -> None:
        """The table is written before the walk goes on."""

    def export(self, export: Export) -> None:
        """The file is being written."""

    def notify(self, notice: Notice) -> None:
        """The notice is being queued."""

    def log(self, line: Line) -> None:
        """The line is in the log."""

    def unfit(self, effect: rule.Effect, fired: Fired, reason: str) -> None:
        """An effect could not be carried out and that is logged.

        Where `rules.effects.is_binding(effect)` holds, the stage is to end as if the rule were undecided
        under `unavailable = "defer"`: mail that was to go elsewhere must not go on as if nothing had been
        said.
        """


def carry_out(effect: rule.Effect, fired: Fired, sheet: Sheet) -> None:
    """The effect of a rule that fired is done, or given to whoever does it, or `unfit` says why not."""
    trouble = _CARRIERS[type(effect)](effect, fired, sheet)
    if trouble is not None:
        sheet.unfit(effect, fired, trouble.reason)


def _log(effect: rule.Log, fired: Fired, sheet: Sheet) -> None:
    sheet.log(as_line(effect, fired.rule, fired.facts))


def _header(effect: rule.HeaderEffect, fired: Fired, sheet: Sheet) -> None:
    sheet.edit(as_edit(effect, fired.facts))


def _address(effect: rule.AddressEffect, fired: Fired, sheet: Sheet) -> Unfit | None:
    edit = as_address_edit(effect, fired.facts)
    if isinstance(edit, Unfit):
        return edit
    sheet.edit(edit)
    return None


def _envelope(effect: rule.EnvelopeEffect, fired: Fired, sheet: Sheet) -> Unfit | None:
    change = as_change(effect, fired.facts)
    if isinstance(change, Unfit):
        return change
    sheet.envelope(change)
    return None


def _transport(effect: rule.TransportEffect, fired: Fired, sheet: Sheet) -> Unfit | None:
    way = as_way(effect, fired.facts)
    if isinstance(way, Unfit):
        return way
    sheet.transport(way)
    return None


def _variables(effect: rule.VariableEffect, fired: Fired, sheet: Sheet) -> Unfit | None:
    for name, value in as_assignments(effect, fired.facts):
        if isinstance(value, Unfit):
            return value
        sheet.assign(name, value)
    return None


def _table(effect: rule.TableEffect, fired: Fired, sheet: Sheet) -> None:
    sheet.write_table(as_write(effect, fired.facts))


def _count(effect: rule.Count, fired: Fired, sheet: Sheet) -> None:
    # A limiter per login counts nothing for those without one, rather than all of them together.
    if not any(isinstance(fired.facts.ask(name), Missing) for name in effect.key.facts):
        sheet.count(effect.limiter, render_text(effect.key, fired.facts))


def _export(effect: rule.ExportEffect, fired: Fired, sheet: Sheet) -> Unfit | None:
    export = as_export(effect, fired.facts)
    if isinstance(export, Unfit):
        return export
    sheet.export(export)
    return None


def _notify(effect: rule.Notify, fired: Fired, sheet: Sheet) -> Unfit | None:
    # A notice has the null sender. If mail from it could cause another one, that would never end.
    if fired.rule.stage >= Stage.POSTQUEUE and fired.facts.ask("sender.null") is True:
        return None
    notice = as_notice(effect, fired.facts)
    if isinstance(notice, Unfit):
        return notice
    sheet.notify(notice)
    return None


_Carrier: TypeAlias = Callable[[Any, Fired, Sheet], Unfit | None]
_CARRIERS: Final[Mapping[type[rule.Effect], _Carrier]] = {
    **dict.fromkeys(get_args(rule.HeaderEffect), _header),
    **dict.fromkeys(get_args(rule.AddressEffect), _address),
    **dict.fromkeys(get_args(rule.EnvelopeEffect), _envelope),
    **dict.fromkeys(get_args(rule.TransportEffect), _transport),
    **dict.fromkeys(get_args(rule.VariableEffect), _variables),
    **dict.fromkeys(get_args(rule.TableEffect), _table),
    **dict.fromkeys(get_args(rule.ExportEffect), _export),
    rule.Count: _count,
    rule.Notify: _notify,
    rule.Log: _log,
}
