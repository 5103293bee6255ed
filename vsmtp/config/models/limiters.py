"""What is counted, and where what rules export goes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import Duration, TreePath, nearest, refusal, text_of
from vsmtp.vocabulary.facts import FACTS, Fact, find_fact

_PIECE: Final = re.compile(r"\{\{|\{([^{}]*)\}|\{")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


def _name(value: str) -> str:
    if _NAME.fullmatch(value) is None:
        raise refusal("bad-choice", f"`{value}` is no name for a limiter", "use letters, digits, `_` and `-`")
    return value


def _key(value: object) -> str:
    written = text_of(value, "a template in quotes, like `{client.net}`")
    for piece in _PIECE.finditer(written):
        if piece[0] == "{{":
            continue
        if piece[1] is None:
            raise refusal("bad-template", "`{` without its `}`", "a brace as such is written `{{`")
        _check(piece[1].partition("|")[0].strip())
    return written


def _check(name: str) -> Fact:
    fact = find_fact(name)
    if fact is None or name.startswith(("rate.", "service.")):
        near = nearest(name, tuple(FACTS))
        remedy = f"did you mean `{near}`?" if near else "a limiter counts by facts of session and envelope"
        raise refusal("unknown-fact", f"`{name}` is no fact that can be counted by", remedy)
    return fact


LimiterName: TypeAlias = Annotated[str, AfterValidator(_name)]


class Limiter(Section):
    """Events in a sliding window, counted by a key: rules add to it by `count` and ask `rate.<name>`."""

    key: Annotated[str, BeforeValidator(_key)]
    """What is counted apart: a template such as `{client.net}` or `{auth.user}`. Where a fact in it is
    absent, nothing is counted."""
    per: Annotated[Duration, Field(ge=1)]
    """How long an event counts."""
    max_keys: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """How many keys are kept in mind; past that, the one that was counted longest ago is forgotten."""


class Exports(Section):
    """Where the files go that rules `write` and `dump`."""

    path: TreePath = Path("/var/lib/vsmtp/exports")
    """The directory, made when it is first needed, for the server's user alone."""
