"""Whether what came of a scene is what its test expects; each check is one function of the dict below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from vsmtp.inspect.account import StageSeen, all_fired
from vsmtp.inspect.policies import Expectation, Wanted
from vsmtp.inspect.rehearsed import Rehearsed
from vsmtp.message.fields import header_end, scan
from vsmtp.values.answer import Unavailable
from vsmtp.values.reply import Reply


@dataclass(frozen=True, slots=True)
class Miss:
    """One expectation that was not met: of what, what was expected, what came; `what` is its key."""

    what: str
    expected: str
    came: str


Check: TypeAlias = Callable[[Expectation, Rehearsed], Iterator[Miss]]


def judge(expect: Expectation, rehearsed: Rehearsed) -> tuple[Miss, ...]:
    """All expectations that were not met; none: the test has passed."""
    return tuple(miss for check in CHECKS.values() for miss in check(expect, rehearsed))


def deciding_stage(rehearsed: Rehearsed) -> StageSeen | None:
    """The last evaluation with a verdict, or else the last at all."""
    decided = [seen for seen in rehearsed.stages if seen.verdict is not None]
    return next(reversed(decided or rehearsed.stages), None)


def _outcome(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    if expect.outcome and expect.outcome != rehearsed.outcome:
        yield Miss("outcome", expect.outcome, f"{rehearsed.outcome} ({rehearsed.reply})")


def _reply(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    if expect.reply and not _begins(rehearsed.reply, expect.reply):
        yield Miss("reply", expect.reply, str(rehearsed.reply))


def _begins(reply: Reply, wanted: str) -> bool:
    return str(reply).startswith(wanted) or reply.text.startswith(wanted)


def _recipients(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    replies = {said.command.casefold(): said.reply for said in rehearsed.dialogue}
    for address, wanted in expect.recipients.items():
        reply = replies.get(f"rcpt to:<{address.casefold()}>")
        if reply is None or not _begins(reply, wanted):
            came = "it was never named" if reply is None else str(reply)
            yield Miss(f"recipients.{address}", wanted, came)


def _rules(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    matched = [rule.name for rule in all_fired(rehearsed.stages)]
    rest = iter(matched)
    if not all(name in rest for name in expect.rules):
        yield Miss("rules", _listed(expect.rules), _listed(matched))


def _not_rules(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    matched = {rule.name for rule in all_fired(rehearsed.stages)}
    for name in expect.not_rules:
        if name in matched:
            yield Miss("not_rules", f"`{name}` does not match", "it matched")


def _effects(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    done = [deed.text for seen in rehearsed.stages for deed in seen.effects]
    for wanted in expect.effects:
        if not any(wanted in text for text in done):
            yield Miss("effects", wanted, _listed(done))


def _headers(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    if expect.headers and not rehearsed.copies:
        yield Miss("headers", "a message", "none was accepted")
    for copy in rehearsed.copies:
        for name, wanted in expect.headers.items():
            values = _values(copy.message, name)
            if not _fits(values, wanted):
                about = f" of {copy.recipient}" if len(rehearsed.copies) > 1 else ""
                yield Miss(f"headers.{name}{about}", _wanted_text(wanted), _listed(values))


def _values(message: bytes, name: str) -> tuple[str, ...]:
    end = header_end(message)
    header = scan(message if end < 0 else message[:end])
    return () if isinstance(header, Unavailable) else tuple(header.values(name.lower()))


def _fits(values: tuple[str, ...], wanted: Wanted) -> bool:
    if isinstance(wanted, bool):
        return bool(values) is wanted
    return sorted(values) == sorted(wanted)


def _wanted_text(wanted: Wanted) -> str:
    if isinstance(wanted, bool):
        return "such a field" if wanted else "no such field"
    return _listed(wanted)


def _transports(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    ways = [copy.transport for copy in rehearsed.copies if copy.transport]
    for wanted in expect.transports:
        if wanted not in ways:
            yield Miss("transport", wanted, _listed(ways))


def _quarantine(expect: Expectation, rehearsed: Rehearsed) -> Iterator[Miss]:
    names = [copy.quarantine for copy in rehearsed.copies if copy.quarantine]
    if expect.quarantine and expect.quarantine not in names:
        yield Miss("quarantine", expect.quarantine, _listed(names))


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names)) or "none"


CHECKS: Final[Mapping[str, Check]] = {
    "outcome": _outcome,
    "reply": _reply,
    "recipients": _recipients,
    "rules": _rules,
    "not_rules": _not_rules,
    "effects": _effects,
    "headers": _headers,
    "transport": _transports,
    "quarantine": _quarantine,
}
