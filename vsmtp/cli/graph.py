"""`vsmtp graph`: draw the decision graph."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from vsmtp.cli.host import add_tree_option
from vsmtp.cli.printing import as_json
from vsmtp.cli.render import printable
from vsmtp.cli.tree import sound_tree
from vsmtp.inspect.drawing.data import as_object
from vsmtp.inspect.drawing.dot import as_dot
from vsmtp.inspect.drawing.mermaid import as_mermaid
from vsmtp.inspect.drawing.picture import Picture
from vsmtp.inspect.drawing.portrait import Hits, portray
from vsmtp.inspect.drawing.svg import as_svg
from vsmtp.inspect.drawing.text import as_text
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.queue.adoption import shard_paths
from vsmtp.server.control import ask
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.stages import STAGES, Stage

DRAWN: Final = 0
FAILED: Final = 1


FORMATS: Final[Mapping[str, Callable[[Picture], str]]] = {
    "text": as_text,
    "dot": as_dot,
    "mermaid": as_mermaid,
    "svg": as_svg,
    "json": lambda picture: as_json(as_object(picture)),
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)
    parser.add_argument(
        "--stage", choices=tuple(STAGES), action="append", help="only this stage; may be given several times"
    )
    parser.add_argument(
        "--format", choices=tuple(FORMATS), default="text", help="how to draw (default: text)"
    )
    parser.add_argument(
        "--hits", action="store_true", help="how often each rule has matched since the server started"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to (default: standard output)"
    )


def run(args: Namespace) -> int:
    """Draw the graph; 1 where the tree has errors, no server answers, or the file cannot be written."""
    sound = sound_tree(args.config)
    if sound is None:
        return FAILED
    tree, graph = sound
    try:
        hits = _hits(tree.settings.queue.path) if args.hits else None
        picture = portray(graph, _stages(args.stage), _places(Rulebook.of(tree)), hits)
        _write(args.output, args.format, FORMATS[args.format](picture))
    except OSError as fault:
        sys.stderr.write(f"vsmtp: {printable(str(fault))}\n")
        return FAILED
    return DRAWN


def _stages(chosen: list[str] | None) -> list[Stage]:
    return [stage for stage in Stage if chosen is None or stage.label in chosen]


def _places(rulebook: Rulebook) -> Callable[[KeyPath], str]:
    def of(path: KeyPath) -> str:
        place = rulebook.place(path)
        return f"{place.file}:{place.line}" if place.file else ""

    return of


def _write(output: Path | None, form: str, text: str) -> None:
    if output is not None:
        output.write_text(text, encoding="utf-8")
        return
    if form == "text":
        text = "\n".join(map(printable, text.split("\n")))
    sys.stdout.write(text)


def _hits(spool: Path) -> Hits:
    """What the workers count, added up; raises OSError where no server answers."""
    counts: dict[object, Mapping[str, int]] = {}
    for shard in shard_paths(spool):
        try:
            answer = asyncio.run(ask(shard, {"do": "status"}))
        except OSError:
            continue  # nobody serves this shard: what it held is another's, or waits
        counts[answer.get("process")] = answer.get("hits", {})
    if not counts:
        message = f"no server answers for {spool}"
        raise OSError(message)
    total: dict[str, int] = {}
    for each in counts.values():
        for rule, count in each.items():
            total[rule] = total.get(rule, 0) + count
    return total
