"""What is written to the log, how, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import PlainValidator, ValidationInfo

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import Listed, choice, in_tree, nearest, refusal, text_of
from vsmtp.vocabulary.actions import Level, LogForm

_TARGETS: Final = ("stderr", "journald", "syslog")


def _target(value: object, info: ValidationInfo) -> Path | Literal["stderr"]:
    written = text_of(value, '`"stderr"` or the path of a file')
    if written == "stderr":
        return "stderr"
    if written in _TARGETS:
        message = f"logging to `{written}` arrives in a later release"
        raise refusal("not-yet", message, "systemd keeps what is written to `stderr` in its journal")
    if "/" not in written or written.endswith("/"):
        near = nearest(written, _TARGETS)
        remedy = f"did you mean `{near}`?" if near else f"for a file write a path with a slash: `./{written}`"
        raise refusal("bad-choice", f"`{written}` is no place for a log", remedy)
    return in_tree(written, info)


LogTarget: TypeAlias = Annotated[Path | Literal["stderr"], PlainValidator(_target)]


class Logs(Section):
    """The log."""

    level: Annotated[Level, choice(Level)] = "info"
    """The least that is worth a line: `debug`, `info`, `warning` or `error`."""
    format: Annotated[LogForm, choice(LogForm)] = "json"
    """`json` and `logfmt` for machines, `console` for people."""
    to: Listed[LogTarget] = ("stderr",)
    """Where: `stderr`, or paths of files (with a slash in them)."""
