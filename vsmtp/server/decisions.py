"""The decision record: what rules decided of a message, as it is kept past the message's end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from vsmtp.facts.answers import FactBook
from vsmtp.queue.records import Remark
from vsmtp.rules.evaluate import Ended
from vsmtp.rules.verdicts import Defer, Delegate, Quarantine, Refuse, Verdict
from vsmtp.server.stages import Case
from vsmtp.telemetry.events import CommandRefused
from vsmtp.vocabulary.stages import Stage


def remark_of(stage: Stage, case: Case, ended: Ended) -> dict[str, Any]:
    """What one evaluation decided: `stage`, matching `rules`, `verdict`; `rule` and `recipient` if any."""
    said: dict[str, Any] = {"stage": stage.label, "rules": [rule.name for rule in case.matched]}
    said["verdict"] = verdict_text(ended.verdict)
    if ended.rule is not None:
        said["rule"] = ended.rule.name
    recipient = case.facts.recipient
    if recipient is not None and stage in (Stage.RCPT, Stage.DELIVERY):
        said["recipient"] = str(recipient.address)
    return said


def write_remarks(number: int, now: float, said: Iterable[Mapping[str, Any]]) -> list[Remark]:
    """Remarks on the message of that number; `now` in seconds since the epoch."""
    return [Remark(number, orjson.dumps({**one, "time": now}).decode()) for one in said]


def verdict_text(verdict: Verdict | None) -> str:
    """A verdict in the words of a rule; empty for none."""
    match verdict:
        case None:
            return ""
        case Refuse(reply):
            return f"reject {reply}"
        case Defer(reply):
            return f"defer {reply}"
        case Quarantine(name) | Delegate(name):
            return f"{type(verdict).__name__.lower()} {name}"
        case _:
            return type(verdict).__name__.lower()


def refusal_of(session: str, client: str, stage: Stage, ended: Ended, book: FactBook) -> CommandRefused:
    """The event of a refusal by a rule."""
    recipient, verdict = book.recipient, ended.verdict
    return CommandRefused(
        session, client, stage.label, ended.rule.name if ended.rule else "", str(book.transaction.sender),
        str(recipient.address) if recipient else "",
        str(verdict.reply) if isinstance(verdict, Refuse | Defer) else "",
    )  # fmt: skip
