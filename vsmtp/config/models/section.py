"""What all tables of the configuration share: frozen, no unknown keys, no silent conversions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the configuration. Its fields' docstrings are the manual's text."""

    # Deferred: each is built once, within all settings, and not also on its own when it is imported: 0.2 s.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
