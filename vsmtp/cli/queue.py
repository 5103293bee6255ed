"""`vsmtp queue`: look into the queue, retry, release and remove mail.

Looking needs no server. A change is made by the worker that owns the shard, or by us when nobody does.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from vsmtp.cli.host import RELEASE, add_tree_option, own_name
from vsmtp.cli.queued import as_json, as_row, in_full, listed, shown
from vsmtp.cli.render import render
from vsmtp.config.load import Tree, read_tree
from vsmtp.queue import browse
from vsmtp.queue.identity import queue_name
from vsmtp.queue.opening import ShardTaken, ShardUnfit
from vsmtp.queue.records import Change, Committed, StoredMessage
from vsmtp.queue.shard import Shard
from vsmtp.server.control import MAX_NUMBERS, ask
from vsmtp.values.units import format_size

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
        ("release", "let mail out of its quarantine and deliver it", True),
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
        name = queue_name(message.number, shard.name)
        sys.stdout.write(listed(name, message) if args.format == "text" else as_json(as_row(name, message)))
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
            name = queue_name(message.number, shard.name)
            decided = browse.find_decision(spool, name) or ()
            text = args.format == "text"
            sys.stdout.write(
                shown(name, message, decided) if text else as_json(in_full(name, message, decided))
            )
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
        sys.stdout.write(as_json({"done": order, "ids": names}))
    else:
        past = {"retry": "will be tried now", "release": "released", "remove": "removed"}[order]
        sys.stdout.write("".join(f"{name} {past}\n" for name in names))
