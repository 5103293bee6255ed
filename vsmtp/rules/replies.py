"""Reading the replies of `reject` and `defer`: `"554 5.7.1 text"` or `{ code, enhanced, text }`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from vsmtp.rules.constants import wanted
from vsmtp.rules.language import Move, Written
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.rules.template import Template
from vsmtp.rules.verdicts import Defer, Refuse
from vsmtp.values.diagnostic import KeyPath
from vsmtp.values.reply import UNSENDABLE, Reply
from vsmtp.values.units import parse_duration
from vsmtp.vocabulary.stages import Stage

_KEYS: Final = frozenset({"code", "enhanced", "text"})
_ENHANCED: Final = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")
# A session that is refused at its start hears one of these two (RFC 5321 3.1, 4.2.4.2; rules.md).
_AT_CONNECT: Final = {5: 554, 4: 421}
# Whose reply it is, by its first digit.
_OTHER: Final = {4: "`defer` is for now, and takes 4yz", 5: "`reject` is for good, and takes 5yz"}


def read_reject(
    reading: Reading, raw: object, path: KeyPath, groups: frozenset[str], *, closes: bool
) -> Move | None:
    """`Refuse`, or with facts in its text what becomes one; None and a fault if it is no 5yz reply."""
    read = _read(reading, raw, path, groups, 5)
    if read is None:
        return None
    reply, text = read
    return _move(Refuse(reply, closes), text)


def read_defer(reading: Reading, raw: object, path: KeyPath, groups: frozenset[str]) -> Move | None:
    """`Defer` likewise, of a 4yz reply; after queueing `retry_in` may stand beside it."""
    retry_in = None
    if isinstance(raw, Mapping) and "retry_in" in raw:
        retry_in = _retry_in(reading, raw["retry_in"], (*path, "retry_in"))
        raw = {key: value for key, value in raw.items() if key != "retry_in"}
    read = _read(reading, raw, path, groups, 4)
    if read is None:
        return None
    reply, text = read
    return _move(Defer(reply, retry_in), text)


def _move(verdict: Refuse | Defer, text: Template) -> Move:
    return verdict if text.constant is not None else Written(verdict, text)


def _retry_in(reading: Reading, raw: object, path: KeyPath) -> float | None:
    if reading.stage is not None and reading.stage < Stage.POSTQUEUE:
        reading.key_fault(path, "verdict-not-allowed", "before queueing the client chooses when to retry")
    try:
        return parse_duration(raw if isinstance(raw, str) else "")
    except ValueError as error:
        reading.fault(path, "wrong-type", str(error))
    return None


def _read(
    reading: Reading, raw: object, path: KeyPath, groups: frozenset[str], kind: int
) -> tuple[Reply, Template] | None:
    try:
        reply = _from_table(reading, raw, path) if isinstance(raw, Mapping) else _from_text(raw)
    except ValueError as error:
        reading.fault(path, "bad-reply", str(error))
        return None
    if reply.code // 100 != kind:
        message = f"`{path[-1]}` takes a {kind}yz reply, not {reply.code}"
        reading.fault(path, "bad-reply", message, _OTHER.get(reply.code // 100, ""))
        return None
    strange = UNSENDABLE.search(reply.text)
    if strange is not None:
        message = f"a reply is printable ASCII, and `{strange[0]}` is none"
        reading.fault(path, "bad-reply", message, "clients would be told `?` in its place")
        return None
    text = reading.template(reply.text, path, groups)
    code = _AT_CONNECT[kind] if reading.stage is Stage.CONNECT else reply.code
    return Reply(code, reply.enhanced, text.constant or ""), text


def _from_text(raw: object) -> Reply:
    return Reply.parse(raw if isinstance(raw, str) else "")


def _from_table(reading: Reading, raw: Mapping[str, Any], path: KeyPath) -> Reply:
    for key in raw.keys() - _KEYS:
        reading.key_fault((*path, key), "unknown-key", f"unknown key `{key}`", did_you_mean(key, _KEYS))
    code, text = raw.get("code"), raw.get("text", "")
    if isinstance(code, bool) or not isinstance(code, int) or not isinstance(text, str):
        raise wanted('a reply is `{ code = 554, enhanced = "5.7.1", text = "..." }`')
    enhanced = raw.get("enhanced", f"{code // 100}.7.1")
    if not isinstance(enhanced, str) or _ENHANCED.fullmatch(enhanced) is None:
        raise ValueError(f"`{enhanced}` is no enhanced code such as `5.7.1`")
    return Reply.parse(f"{code} {enhanced} {text}")
