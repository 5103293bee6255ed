"""A sheet that only remembers what it was told."""

from __future__ import annotations

from vsmtp.effects.envelope import EnvelopeChange
from vsmtp.effects.exports import Export
from vsmtp.effects.logs import Line
from vsmtp.effects.notices import Notice
from vsmtp.effects.tables import TableWrite
from vsmtp.effects.transports import Way
from vsmtp.effects.variables import Variable
from vsmtp.message.edits import Edit
from vsmtp.rules.effects import Effect
from vsmtp.rules.evaluate import Fired
from vsmtp.values.answer import Unavailable


class FakeSheet:
    def __init__(self) -> None:
        self.told: list[object] = []

    def edit(self, edit: Edit) -> None:
        self.told.append(edit)

    def envelope(self, change: EnvelopeChange) -> None:
        self.told.append(change)

    def transport(self, way: Way) -> None:
        self.told.append(way)

    def assign(self, name: str, value: Variable | Unavailable) -> None:
        self.told.append((name, value))

    def count(self, limiter: str, key: str) -> None:
        self.told.append((limiter, key))

    def write_table(self, write: TableWrite) -> None:
        self.told.append(write)

    def export(self, export: Export) -> None:
        self.told.append(export)

    def notify(self, notice: Notice) -> None:
        self.told.append(notice)

    def log(self, line: Line) -> None:
        self.told.append(line)

    def unfit(self, effect: Effect, fired: Fired, reason: str) -> None:
        assert effect in fired.effects
        self.told.append(("unfit", type(effect).__name__, reason))
