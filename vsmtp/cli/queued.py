"""How queued mail is printed: a line or two in a list, or all that is known of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from vsmtp.cli.render import printable
from vsmtp.queue.records import ACTIVE, StoredMessage, StoredRecipient
from vsmtp.values.units import format_duration, format_size

# As `queue.browse.find_decision` gives them.
Decided: TypeAlias = Sequence[Mapping[str, Any]]


def listed(name: str, message: StoredMessage) -> str:
    """A message and its recipients in a list."""
    age = format_duration(max(0, int(time.time() - message.arrived)))
    sender = printable(str(message.sender))
    lines = [f"{name}  {format_size(message.size):>9}  {age:>7}  {message.state}  from <{sender}>\n"]
    lines += [f"    to <{printable(str(to.address))}>{_waiting(message, to)}\n" for to in message.recipients]
    return "".join(lines)


def shown(name: str, message: StoredMessage, decided: Decided) -> str:
    """All of it for people: envelope, what its sender wants to hear, what was decided, its header."""
    arrived = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(message.arrived))
    header = message.content.data.partition(b"\r\n\r\n")[0].decode("utf-8", "backslashreplace")
    parts = [
        [f"arrived {arrived}, session {message.session}", *_wishes(message)],
        list(map(_decision, decided)),
        header.split("\r\n"),
    ]
    blocks = ["".join(f"    {printable(line)}\n" for line in part) for part in parts if part]
    return listed(name, message) + "\n".join(blocks) + "\n"


def as_row(name: str, message: StoredMessage) -> dict[str, Any]:
    """A message for programs."""
    return {
        "id": name,
        "state": message.state,
        "arrived": message.arrived,
        "size": message.size,
        "sender": str(message.sender),
        "session": message.session,
        "recipients": [
            {
                "address": str(to.address),
                "attempts": to.attempts,
                "due": to.due,
                "route": to.route,
                "reply": to.reply,
                "notify": sorted(one.value for one in to.parameters.notify),
                "original": to.parameters.original.address if to.parameters.original else None,
            }
            for to in message.recipients
        ],
        "ret": message.parameters.ret.value if message.parameters.ret else None,
        "envelope_id": message.parameters.envelope_id,
    }


def in_full(name: str, message: StoredMessage, decided: Decided) -> dict[str, Any]:
    """Likewise, with what was decided."""
    return {**as_row(name, message), "decided": list(decided)}


def as_json(value: Mapping[str, Any]) -> str:
    """A line of JSON."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE).decode()


def _waiting(message: StoredMessage, to: StoredRecipient) -> str:
    if message.state != ACTIVE:
        return ""
    if to.due is None:
        return "  being delivered" if not to.attempts else f"  being delivered, attempt {to.attempts + 1}"
    wait = format_duration(max(0, int(to.due - time.time())))
    return f"  again in {wait}, after {to.attempts}: {printable(to.reply)}"


def _wishes(message: StoredMessage) -> Iterator[str]:
    """What the sender said of reports (RFC 3461), where it did."""
    said = message.parameters
    if said.ret is not None or said.envelope_id is not None:
        words = [f"RET={said.ret.value}"] if said.ret else []
        words += [f"ENVID={said.envelope_id}"] if said.envelope_id is not None else []
        yield f"its sender said {' '.join(words)}"
    for to in message.recipients:
        wish = to.parameters
        words = [f"NOTIFY={','.join(sorted(one.value for one in wish.notify))}"] if wish.notify else []
        words += [f"ORCPT={wish.original.kind};{wish.original.address}"] if wish.original else []
        if words:
            yield f"and of <{to.address}> {' '.join(words)}"


def _decision(entry: Mapping[str, Any]) -> str:
    about = f" <{entry['recipient']}>" if entry.get("recipient") else ""
    ends = [str(entry[key]) for key in ("verdict", "outcome") if entry.get(key)]
    rules = ", ".join(f"`{rule}`" for rule in entry.get("rules") or ())
    return f"{entry['stage']}{about}: {rules or 'no rule'}: {', '.join(ends) or 'go on'}"
