"""Where mail waits, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import Duration, Listed, Size, TreePath

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0


class Queue(Section):
    """The queue."""

    path: TreePath = Path("/var/spool/vsmtp")
    """The directory of the spool."""
    retry: Annotated[Listed[Annotated[Duration, Field(ge=1)]], Field(min_length=1)] = (
        5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR,
    )  # fmt: skip
    """The waits between attempts; the last one repeats."""
    jitter: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """The share by which a wait is varied at random, so that mail does not come back in waves."""
    lifetime: Annotated[Duration, Field(ge=60)] = 5 * 24 * _HOUR
    """After this time mail that could not be delivered goes back to its sender."""
    min_free: Size = 2**30
    """With less free space than this on the spool's disk new mail is put off with 452."""
    hold: bool = False
    """Accept and keep mail, but deliver nothing."""
