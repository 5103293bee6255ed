"""Reading the effects that tell somebody: log lines, notices, and files below the export directory."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from vsmtp.rules.effects import Effect, Log, Notify
from vsmtp.rules.readers.given import Given
from vsmtp.rules.template import Template
from vsmtp.vocabulary.actions import LOG_LEVELS, Level


def log(given: Given) -> Effect | None:
    """`"text"` or `{ level = "warning", text = "text" }`."""
    if isinstance(given.raw, str):
        return Log("info", given.text())
    fields = given.fields(("text",), ("level",))
    if fields is None:
        return None
    level = fields["level"].choice(LOG_LEVELS, "a level") if "level" in fields else "info"
    text = fields["text"].text()
    return Log(cast("Level", level), text) if level else None


def notify(given: Given) -> Effect | None:
    """`{ to = "postmaster@example.org", subject = "...", text = "..." }`."""
    fields = given.fields(("to", "subject", "text"))
    if fields is None:
        return None
    return Notify(fields["to"].address(), fields["subject"].text(), fields["text"].text())


def export(make: Callable[[Template], Effect]) -> Callable[[Given], Effect | None]:
    """A reader of the name of a file below the export directory, `"{time.date}/{queue.id}.eml"`."""

    def read(given: Given) -> Effect | None:
        path = given.text()
        text = "".join(part if isinstance(part, str) else "x" for part in path.parts)
        names = text.split("/")
        if isinstance(given.raw, str) and (not names[-1] or names[0] == "" or {"..", "."} & set(names)):
            message = "an export's name is relative to the export directory and does not climb with `..`"
            given.wrong("bad-path", message)
        return make(path)

    return read
