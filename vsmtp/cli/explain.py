"""`vsmtp explain`: what would happen to this mail, or what was decided of a queued one, and why."""

from __future__ import annotations

import sqlite3
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from vsmtp.cli.host import add_tree_option
from vsmtp.cli.printing import print_json, print_lines
from vsmtp.cli.render import printable, render
from vsmtp.cli.tree import sound_tree
from vsmtp.config.load import Tree
from vsmtp.inspect.decision import decision_lines, decision_object
from vsmtp.inspect.explanation import as_object, fact_text
from vsmtp.inspect.narration import ALL, FEW, dialogue_lines, narrate
from vsmtp.inspect.rehearsal import Rehearsal
from vsmtp.inspect.rehearsed import Rehearsed
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.inspect.scene import HELO, PORT, Scene, with_crlf
from vsmtp.inspect.supposing import as_moment, read_world
from vsmtp.inspect.world import World
from vsmtp.queue.browse import find_decision
from vsmtp.rules.graph import Graph
from vsmtp.values.address import NULL_SENDER, Address

EXPLAINED: Final = 0
UNSOUND: Final = 1
USAGE: Final = 2
_LAST_PORT: Final = 65535


class UsageError(Exception):
    """The words on the command line do not go together; the text says why."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)
    parser.add_argument(
        "about", nargs="?", metavar="FILE.eml|QUEUEID",
        help="the message (`-`: standard input; default: a short one is made up), or without --client the id "
        "of a queued message",
    )  # fmt: skip
    client = parser.add_argument_group("the client")
    client.add_argument("--client", type=_ip, metavar="IP", help="its address")
    client.add_argument("--port", type=_port, default=PORT, help="its port (default: %(default)s)")
    client.add_argument(
        "--listener", default="", metavar="NAME", help="where it connects (default: the first)"
    )
    client.add_argument(
        "--helo", type=_greeting, default=HELO, metavar="NAME", help="its greeting (default: %(default)s)"
    )
    client.add_argument("--auth", default="", metavar="USER", help="it has logged in as this user")
    client.add_argument("--tls", action="store_true", help="the session is encrypted")
    mail = parser.add_argument_group("the mail")
    mail.add_argument("--from", dest="sender", type=_sender, metavar="ADDRESS", help="`<>`: the null sender")
    mail.add_argument(
        "--rcpt", "--to", dest="recipients", metavar="ADDRESS", action="extend", nargs="+", default=[],
        help="its recipients; a file may follow",
    )  # fmt: skip
    world = parser.add_argument_group("the world")
    world.add_argument("--world", type=Path, metavar="FILE", help="answers of facts, tables, users in TOML")
    world.add_argument("--time", type=_moment, metavar="ISO", help="when it comes (default: now)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
    parser.add_argument("-v", "--verbose", action="store_true", help="all rules, facts, and the dialogue")


def run(args: Namespace) -> int:
    """Explain; 0 when that could be done, 1 for an unsound tree or world, 2 for wrong usage."""
    try:
        _part_words(args)
        scene = _scene(args)
        sound = sound_tree(args.config)
        if sound is None:
            return UNSOUND
        tree, graph = sound
        return _recorded(tree, args) if scene is None else _rehearsed(tree, graph, args, scene)
    except UsageError as fault:
        sys.stderr.write(f"vsmtp explain: {printable(str(fault))}\n")
        return USAGE


def _part_words(args: Namespace) -> None:
    """A file behind the recipients is none of them; the recipients become addresses."""
    words = args.recipients
    if args.about is None and words and _is_file(words[-1]):
        args.about = words.pop()
    try:
        args.recipients = [_address(word) for word in words]
    except ArgumentTypeError as reason:
        raise UsageError(str(reason)) from None


def _is_file(word: str) -> bool:
    return ("@" not in word and word.casefold() != "postmaster") or Path(word).is_file()


def _scene(args: Namespace) -> Scene | None:
    if args.client is None:
        if args.about is None or args.sender is not None or args.recipients:
            raise UsageError("name the client with --client, or give the id of a queued message")
        return None
    if bool(args.recipients) != (args.sender is not None):
        raise UsageError("a mail has a sender and recipients: give both --from and --rcpt, or neither")
    if args.about is not None and not args.recipients:
        raise UsageError("a message without recipients: give --from and --rcpt too")
    message = None if args.about is None else with_crlf(_read(args.about))
    return Scene(
        args.client, args.port, args.listener, args.helo, user=args.auth, tls=args.tls, sender=args.sender,
        recipients=tuple(args.recipients), message=message, time=args.time,
    )  # fmt: skip


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as fault:
        raise UsageError(f"`{name}` cannot be read: {fault.strerror}") from None


def _rehearsed(tree: Tree, graph: Graph, args: Namespace, scene: Scene) -> int:
    world = World() if args.world is None else read_world(args.world)
    if not isinstance(world, World):
        sys.stderr.write(render(world, "text"))
        return UNSOUND
    with closing(Rehearsal(tree, graph)) as rehearsal:
        try:
            rehearsed = rehearsal.play(scene, world)
        except ValueError as fault:
            raise UsageError(str(fault)) from None
    book = Rulebook.of(tree)
    if args.format == "json":
        print_json(as_object(rehearsed, book))
        return EXPLAINED
    print_lines(narrate(rehearsed, book, ALL if args.verbose else FEW))
    if args.verbose:
        print_lines(_more(rehearsed))
    return EXPLAINED


def _more(rehearsed: Rehearsed) -> Iterable[str]:
    yield ""
    facts = {name: answer for seen in rehearsed.stages for name, answer in seen.facts.items()}
    yield from (f"{name} = {fact_text(name, answer)}" for name, answer in sorted(facts.items()))
    yield ""
    yield from dialogue_lines(rehearsed)


def _recorded(tree: Tree, args: Namespace) -> int:
    try:
        decision = find_decision(tree.settings.queue.path, args.about)
    except ValueError as fault:
        raise UsageError(f"{fault}; for a mail that is not queued name the client with --client") from None
    except (sqlite3.Error, OSError) as fault:
        raise UsageError(f"the queue cannot be read: {fault}") from None
    if decision is None:
        raise UsageError(f"nothing is remembered of `{args.about}`")
    book = Rulebook.of(tree)
    if args.format == "json":
        print_json(decision_object(decision, book))
    else:
        print_lines(decision_lines(args.about, decision, book))
    return EXPLAINED


def _ip(written: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(written)
    except ValueError:
        raise ArgumentTypeError(f"`{written}` is no IP address") from None


def _port(written: str) -> int:
    if not (written.isascii() and written.isdigit() and int(written) <= _LAST_PORT):
        raise ArgumentTypeError(f"`{written}` is no port: those are numbers up to {_LAST_PORT}")
    return int(written)


def _greeting(written: str) -> str:
    # It is spoken in a dialogue of lines: a line end in it would be a command more.
    if not written.isprintable():
        raise ArgumentTypeError("a greeting is one line of printable characters")
    return written


def _address(written: str) -> Address:
    try:
        return Address.parse(written.removeprefix("<").removesuffix(">"))
    except ValueError as reason:
        raise ArgumentTypeError(f"`{written}` is no mail address: {reason}") from None


def _sender(written: str) -> Address:
    return NULL_SENDER if written in ("", "<>") else _address(written)


def _moment(written: str) -> datetime:
    try:
        return as_moment(written)
    except ValueError as reason:
        raise ArgumentTypeError(str(reason)) from None
