"""The stages of a mail's life, in the order in which a mail meets them (`rules.md`)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Stage(IntEnum):
    """A moment at which rules decide; later ones compare greater and know what earlier ones did."""

    CONNECT = 0
    HELO = 1
    AUTH = 2
    MAIL = 3
    RCPT = 4
    DATA = 5
    PREQUEUE = 6
    POSTQUEUE = 7
    DELIVERY = 8

    @property
    def label(self) -> str:
        """The word that administrators write: `rcpt` in `[[rules.rcpt]]`."""
        return self.name.lower()


STAGES: Final = {stage.label: stage for stage in Stage}

# The stages at which the rules of a domain may stand: those that know a recipient.
OF_DOMAINS: Final = frozenset(stage for stage in Stage if stage >= Stage.RCPT)
