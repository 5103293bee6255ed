"""Where mail is kept that a rule quarantines."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import Duration, Mailbox


class Quarantine(Section):
    """A quarantine, named by rules as `quarantine = "name"`."""

    keep: Annotated[Duration, Field(gt=0)] | None = None
    """How long mail stays there before it is removed: `"30d"`. Default: until somebody decides."""
    notify: Mailbox | None = None
    """Who is told, every ten minutes, what has come in. Default: nobody."""
