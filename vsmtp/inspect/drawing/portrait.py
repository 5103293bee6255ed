"""From the decision graph to a picture of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from vsmtp.inspect.drawing.picture import Arrow, Box, Entry, Picture, Strip, Tone
from vsmtp.rules.effects import describe
from vsmtp.rules.graph import NONE, SHIPPED, Graph, Node, Pipeline, Placed
from vsmtp.rules.language import Jump, Move, Return, Rule, Written
from vsmtp.rules.verdicts import Accept, Defer, Delegate, Discard, Quarantine, Refuse, Trust
from vsmtp.rules.wording import describe_condition, describe_move
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.stages import Stage

# Where the rule at a path stands, `file:line`, or empty.
Places: TypeAlias = Callable[[KeyPath], str]
# How often each rule has matched, by `stage/name`; None where nobody asked.
Hits: TypeAlias = Mapping[str, int] | None

_ROOT: Final = "rules"
_OWN: Final = "domains."
_TONES: Final[Mapping[type[Move], Tone]] = {
    Accept: "good",
    Trust: "good",
    Refuse: "bad",
    Defer: "later",
    Quarantine: "away",
    Discard: "away",
    Delegate: "away",
    Jump: "on",
    Return: "on",
}


def portray(graph: Graph, stages: Sequence[Stage], places: Places, hits: Hits) -> Picture:
    """The picture of these stages, in their order; those without rules are left out."""
    strips: list[Strip] = []
    arrows: list[Arrow] = []
    for stage in stages:
        pipeline = graph.stage(stage)
        if pipeline is not None:
            strip = _Painter(graph, pipeline, places, hits).strip()
            strips.append(strip)
            arrows.extend(_arrows(pipeline, strip))
    return Picture(tuple(strips), tuple(arrows))


class _Painter:
    """Makes the boxes of one stage."""

    def __init__(self, graph: Graph, pipeline: Pipeline, places: Places, hits: Hits) -> None:
        self._pipeline = pipeline
        self._places = places
        self._hits = hits
        self._users = _users(graph.domains)

    def strip(self) -> Strip:
        pipeline = self._pipeline
        of_domains = [name for name in pipeline.chains if name in self._users]
        tables = [
            self._box(_ROOT, "your rules", pipeline.root),
            *(self._chain(name) for name in of_domains),
            self._box(SHIPPED, "shipped rules", pipeline.shipped),
        ]
        chains = (self._chain(name) for name in pipeline.chains if name not in self._users)
        return Strip(pipeline.stage.label, tuple(box for box in tables if box.entries), tuple(chains))

    def _chain(self, name: str) -> Box:
        about = "for " + ", ".join(self._users[name]) if name in self._users else ""
        # Rules that stand in a domain's own table are a chain that nobody has given a name.
        title = "a domain's own rules" if name.startswith(_OWN) else f"chain {name}"
        return self._box(name, title, self._pipeline.chains[name], about)

    def _box(self, name: str, title: str, nodes: tuple[Node, ...], about: str = "") -> Box:
        entries = (
            self._entry(placed, breaks=n > 0 and m == 0)
            for n, node in enumerate(nodes)
            for m, placed in enumerate(node.placed)
        )
        return Box(f"{self._pipeline.stage.label}/{name}", title, about, tuple(entries))

    def _entry(self, placed: Placed, *, breaks: bool) -> Entry:
        rule, label = placed.rule, self._pipeline.stage.label
        hits = None if self._hits is None else self._hits.get(f"{label}/{rule.info.name}", 0)
        return Entry(
            rule.info.name,
            tuple(_conditions(rule)),
            tuple(describe(effect) for effect in rule.effects),
            "" if rule.move is None else describe_move(rule.move),
            _tone(rule.move),
            self._places(rule.info.path),
            hits,
            breaks,
        )


def _users(domains: Mapping[str, Mapping[str, str]]) -> Mapping[str, Sequence[str]]:
    """By chain which mail of which domains comes there."""
    found: dict[str, list[str]] = {}
    for domain, keys in domains.items():
        for key, name in keys.items():
            if name != NONE:
                found.setdefault(name, []).append(f"{key} mail of {domain}")
    return found


def _tone(move: Move | None) -> Tone:
    move = move.verdict if isinstance(move, Written) else move
    return "none" if move is None else _TONES[type(move)]


def _conditions(rule: Rule) -> Iterator[str]:
    """What all alternatives share, each alternative, each exemption: a line each."""
    shared = [each for each in rule.when[0] if all(each in other for other in rule.when)] if rule.when else []
    if not rule.when:
        yield "never: `any` is empty"
    elif not shared and len(rule.when) == 1 and not rule.unless:
        yield "always"
    yield from (f"{'and' if n else 'when'} {describe_condition(each)}" for n, each in enumerate(shared))
    if len(rule.when) > 1:
        for n, conjunction in enumerate(rule.when):
            own = [describe_condition(each) for each in conjunction if each not in shared]
            yield f"{'or' if n else 'any of'} {' and '.join(own) or 'always'}"
    for exemption in rule.unless:
        yield "unless " + " and ".join(map(describe_condition, exemption))


def _arrows(pipeline: Pipeline, strip: Strip) -> Iterator[Arrow]:
    """From each table to the next, and from each jump to its chain."""
    for box, following in pairwise(strip.tables):
        yield Arrow(box.key, None, following.key)
    nodes = {_ROOT: pipeline.root, SHIPPED: pipeline.shipped, **pipeline.chains}
    for name, table in nodes.items():
        for number, placed in enumerate(placed for node in table for placed in node.placed):
            move = placed.rule.move
            target = f"{strip.stage}/{move.chain}" if isinstance(move, Jump) else ""
            if any(box.key == target for box in strip.boxes):
                yield Arrow(f"{strip.stage}/{name}", number, target)
