"""`vsmtp queue`: look into the queue, retry, release and remove mail.

Looking needs no server. A change is made by the worker that owns the shard, or by us when nobody does.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from vsmtp.cli.host import RELEASE, add_tree_option, own_name
from vsmtp.cli.render import printable, render
from vsmtp.config.load import Tree, read_tree
from vsmtp.queue import browse
from vsmtp.queue.identity import queue_name
from vsmtp.queue.opening import ShardTaken, ShardUnfit
from vsmtp.queue.records import ACTIVE, Change, Committed, StoredMessage, StoredRecipient
from vsmtp.queue.shard import Shard
from vsmtp.server.control import MAX_NUMBERS, ask
from vsmtp.values.units import format_duration, format_size

DONE: Final = 0
FAILED: Final = 1
UNSOUND: Final = 78


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about, wants in (
        ("list", "all mail that is queued", False),
        ("show", "one message: its envelope, its recipients, its header", True),
        ("retry", "try waiting mail again now", True),
        ("release", "let mail out of its quarantine, or of hold, and deliver it", True),
        ("remove", "take mail out of the queue, undelivered and unreported", True),
    ):
        action = actions.add_parser(name, help=about, description=about.capitalize() + ".")
        # The tree may be named behind the action too, where most people write it.
        action.add_argument("-c", "--config", type=Path, default=SUPPRESS, help=SUPPRESS)
        action.add_argument("--format", choices=("text", "json"), default="text", help="how to print")
        if wants:
            action.add_argument("ids", metavar="ID", nargs="+", help="a queue id, or `all`")


def run(args: Namespace) -> int:
    """Carry out the action; 0 when all of it was done, 1 when some id was not there or nobody could do it."""
    tree = read_tree(args.config, hostname=own_name(), version=RELEASE)
    if not isinstance(tree, Tree):
        sys.stderr.write(render(tree, "text"))
        return UNSOUND
    spool = tree.settings.queue.path
    try:
        return _ACTIONS[args.action](spool, args)
    except BrokenPipeError:
        raise  # it is our reader that has gone
    except (sqlite3.Error, OSError) as fault:
        sys.stderr.write(f"vsmtp: the queue in {spool} cannot be read: {fault}\n")
        return FAILED


def _list(spool: Path, args: Namespace) -> int:
    count = octets = 0
    for shard, message in browse.messages(spool):
        count += 1
        octets += message.size
        _print(_listed if args.format == "text" else _as_json, shard, message)
    if args.format == "text":
        total = (
            f"{count} message{'' if count == 1 else 's'}, {format_size(octets)}"
            if count
            else "the queue is empty"
        )
        sys.stdout.write(total + "\n")
    return DONE


def _show(spool: Path, args: Namespace) -> int:
    status = DONE
    for shard, message in _chosen(spool, args.ids):
        if message is None:
            status = _missing(shard)
        else:
            assert isinstance(shard, Path)
            _print(_shown if args.format == "text" else _as_json, shard, message)
    return status


def _retry(spool: Path, args: Namespace) -> int:
    return _change(spool, args, "retry", lambda numbers: Change(expedited=numbers))


def _release(spool: Path, args: Namespace) -> int:
    return _change(spool, args, "release", lambda numbers: Change(released=numbers))


def _remove(spool: Path, args: Namespace) -> int:
    return _change(spool, args, "remove", lambda numbers: Change(removed=numbers))


_ACTIONS: Final[dict[str, Callable[[Path, Namespace], int]]] = {
    "list": _list,
    "show": _show,
    "retry": _retry,
    "release": _release,
    "remove": _remove,
}


def _chosen(spool: Path, ids: list[str]) -> Iterator[tuple[Path | str, StoredMessage | None]]:
    """The messages that the ids name with their shards; an id that names none with what is wrong with it."""
    if ids == ["all"]:
        yield from browse.messages(spool)
        return
    for name in ids:
        try:
            found = browse.find(spool, name)
        except ValueError as fault:
            yield str(fault), None
        else:
            yield found or (f"there is no message {name} in the queue", None)


def _missing(reason: Path | str) -> int:
    sys.stderr.write(f"vsmtp: {reason}\n")
    return FAILED


def _change(spool: Path, args: Namespace, order: str, change: Callable[[tuple[int, ...]], Change]) -> int:
    status = DONE
    by_shard: dict[Path, list[int]] = {}
    for shard, message in _chosen(spool, args.ids):
        if message is None:
            status = _missing(shard)
        else:
            assert isinstance(shard, Path)
            by_shard.setdefault(shard, []).append(message.number)
    for shard, numbers in by_shard.items():
        for start in range(0, len(numbers), MAX_NUMBERS):
            some = tuple(numbers[start : start + MAX_NUMBERS])
            fault = _apply(shard, order, some, change)
            if fault:
                status = _missing(fault)
            else:
                _tell(args.format, order, [queue_name(number, shard.name) for number in some])
    return status


def _apply(
    shard: Path, order: str, numbers: tuple[int, ...], change: Callable[[tuple[int, ...]], Change]
) -> str:
    """Have the owner of the shard, or ourselves, make the change; empty, or why it could not be made."""
    try:
        ours, _ = Shard.open(shard)
    except ShardTaken:
        try:
            answer = asyncio.run(ask(shard, {"do": order, "messages": numbers}))
        except OSError as fault:
            return f"the server that owns {shard.name} does not answer: {fault}"
        return str(answer.get("error", ""))
    except ShardUnfit as fault:
        return str(fault)
    result = ours.commit([change(numbers)])
    if not isinstance(result, Committed):
        ours.abandon()
        return f"the queue could not be changed: {result}"
    ours.close()
    return ""


def _tell(form: str, order: str, names: list[str]) -> None:
    if form == "json":
        sys.stdout.write(orjson.dumps({"done": order, "ids": names}).decode() + "\n")
    else:
        past = {"retry": "will be tried now", "release": "released", "remove": "removed"}[order]
        sys.stdout.write("".join(f"{name} {past}\n" for name in names))


# Printing.


def _print(form: Callable[[str, StoredMessage], str], shard: Path, message: StoredMessage) -> None:
    sys.stdout.write(form(queue_name(message.number, shard.name), message))


def _listed(name: str, message: StoredMessage) -> str:
    age = format_duration(max(0, int(time.time() - message.arrived)))
    sender = printable(str(message.sender))
    lines = [f"{name}  {format_size(message.size):>9}  {age:>7}  {message.state}  from <{sender}>\n"]
    lines += [f"    to <{printable(str(to.address))}>{_waiting(message, to)}\n" for to in message.recipients]
    return "".join(lines)


def _waiting(message: StoredMessage, to: StoredRecipient) -> str:
    if message.state != ACTIVE:
        return ""
    if to.due is None:
        return "  being delivered" if not to.attempts else f"  being delivered, attempt {to.attempts + 1}"
    wait = format_duration(max(0, int(to.due - time.time())))
    return f"  again in {wait}, after {to.attempts}: {printable(to.reply)}"


def _shown(name: str, message: StoredMessage) -> str:
    arrived = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(message.arrived))
    header = message.content.data.partition(b"\r\n\r\n")[0].decode("utf-8", "backslashreplace")
    return (
        f"{_listed(name, message)}    arrived {arrived}, session {message.session}\n\n"
        + "".join(f"    {printable(line)}\n" for line in header.split("\r\n"))
        + "\n"
    )


def _as_json(name: str, message: StoredMessage) -> str:
    row: dict[str, Any] = {
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
            }
            for to in message.recipients
        ],
    }
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE).decode()
