"""`vsmtp try`: a server on 127.0.0.1:2525 that keeps nothing, prints each message and what the rules did.

No root, no files of yours: the spool is a temporary directory. With `-c` name, domains and rules are those of
a tree; without, there are the shipped rules alone, and example.org is local.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from vsmtp.cli.host import RELEASE
from vsmtp.cli.render import printable, render
from vsmtp.cli.serving import NO_SYSTEM, UNSOUND, complain, open_doors, open_log, serve
from vsmtp.cli.tree import sound_tree
from vsmtp.config.load import Tree
from vsmtp.config.merge import dotted
from vsmtp.config.models.logs import Logs
from vsmtp.config.models.server import Listener
from vsmtp.config.models.settings import Settings
from vsmtp.config.models.types import MAX_PORT, HostPort
from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.route import Local
from vsmtp.rules.graph import Graph
from vsmtp.rules.language import RuleInfo
from vsmtp.server.parcel import Lane
from vsmtp.server.worker import Assignment
from vsmtp.values.diagnostic import KeyPath
from vsmtp.values.outcome import Delivered, Outcome
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.answers import NO_VALUE, Answer
from vsmtp.vocabulary.stages import Stage

PORT: Final = 2525
SHOWN: Final = 16 * 2**10

_TREE: Final = """
[server]
name = "try.example.org"
local_domains = ["example.org"]
recipients = "any"
"""
_HELLO: Final = """\
vsmtp try: listening on 127.0.0.1:{port}. Mail is printed here and not kept; end with Ctrl-C.
From another terminal:

  swaks --server 127.0.0.1:{port} --from you@example.net --to user@{domain}

"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "-c", "--config", metavar="DIR", type=Path,
        help="try the rules of this tree (default: the shipped rules alone)",
    )  # fmt: skip
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        metavar="PORT",
        help="the port to listen on (default: %(default)s)",
    )


def _port(written: str) -> int:
    if not (written.isascii() and written.isdecimal() and 1 <= int(written) <= MAX_PORT):
        raise ArgumentTypeError(f"`{written}` is no port: write a number from 1 to {MAX_PORT}")
    return int(written)


def run(args: Namespace) -> int:
    """Serve until Ctrl-C; 78 when the tree is unsound or the port is taken."""
    with TemporaryDirectory(prefix="vsmtp-try-") as place:
        root = Path(place)
        sound = sound_tree(args.config or _own_tree(root))
        return UNSOUND if sound is None else _serve(*sound, args.port, root)


def _own_tree(root: Path) -> Path:
    tree = root / "conf.d"
    tree.mkdir()
    (tree / "00-try.toml").write_text(_TREE, "utf-8")
    return root


def _serve(given: Tree, graph: Graph, port: int, root: Path) -> int:
    settings = _for_trying(given.settings, port, root)
    doors, refused = open_doors(Tree(root, settings, (), None))
    if refused:
        sys.stderr.write(render(tuple(refused), "text"))
        return UNSOUND
    domain = next(iter(settings.server.local_domains), "example.org")
    sys.stdout.write(_HELLO.format(port=port, domain=domain))
    sys.stdout.flush()
    lane = Lane("printed", Printer(), 1, 1)
    try:
        with open_log(settings) as log:
            return serve(
                Assignment(
                    RELEASE, settings, graph, doors, log, lambda _: lane, lambda _: Local(), observe=Trace
                )
            )
    except OSError as fault:
        complain(str(fault))
        return NO_SYSTEM
    finally:
        for _, door in doors:
            door.close()


def _for_trying(settings: Settings, port: int, root: Path) -> Settings:
    """The same server at one door, with a spool that goes with `root`."""
    listener = Listener.model_construct(address=(HostPort("127.0.0.1", port),), kind="relay", tls="none")
    queue = settings.queue.model_copy(update={"path": root / "spool", "min_free": 0, "hold": False})
    logs = Logs(level="warning", format="console")
    return settings.model_copy(update={"listeners": {"try": listener}, "queue": queue, "logs": logs})


class Printer:
    """A transport that prints."""

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        """Print each message; all of them are delivered."""
        for one in batch:
            envelope = f"from <{one.sender}> to <{one.recipient}>"
            _say(f"\n--- message {one.name} {envelope}, {one.content.size} octets")
            for line in one.content.data[:SHOWN].decode("utf-8", "backslashreplace").splitlines():
                _say(f"    {printable(line)}")
            if one.content.size > SHOWN:
                _say(f"    ... and {one.content.size - SHOWN} octets more")
            _say("---\n")
        return [Delivered("printed", Reply(250, "2.0.0", "printed"))] * len(batch)

    async def close(self) -> None:
        """Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Prints what the rules of one stage do in one session."""

    session: str
    stage: Stage

    def asked(self, fact: str, answer: Answer) -> None:
        """A fact was asked."""
        text = type(answer).__name__.lower() if isinstance(answer, NO_VALUE) else str(answer)
        self._say(f"{fact} is {text}")

    def refuted(self, rule: RuleInfo, condition: KeyPath, fact: str) -> None:
        """A rule does not match."""
        self._say(f"rule `{rule.name}`: no, because of {dotted(condition[len(rule.path) :]) or fact}")

    def exempted(self, rule: RuleInfo, exemption: KeyPath) -> None:
        """A rule does not apply."""
        self._say(f"rule `{rule.name}`: no, {dotted(exemption[len(rule.path) :])} holds")

    def undecided(self, rule: RuleInfo, unavailable: tuple[str, ...]) -> None:
        """A rule cannot be judged."""
        self._say(f"rule `{rule.name}`: cannot be judged for want of {', '.join(unavailable)}")

    def fired(self, rule: RuleInfo) -> None:
        """A rule matches."""
        self._say(f"rule `{rule.name}`: MATCHES")

    def _say(self, text: str) -> None:
        _say(f"{self.session} {self.stage.label:>9}  {printable(text)}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
