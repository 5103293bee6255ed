"""What rules after the queue will ask of the network about the client is asked before the 250."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vsmtp.facts.answers import FactBook
from vsmtp.rules.graph import Graph, Node
from vsmtp.server.context import Known
from vsmtp.server.stages import Fetch
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.vocabulary.answers import Unasked
from vsmtp.vocabulary.facts import Cost, find_fact
from vsmtp.vocabulary.stages import Stage

_KEPT: Final = (bool, int, float, str, Missing, Unavailable)


def of_the_network(name: str) -> bool:
    """Whether the fact is about client or sender, and only the network knows it."""
    fact = find_fact(name)
    return (
        fact is not None
        and fact.answered
        and fact.cost is Cost.NETWORK
        and fact.first <= Stage.MAIL
        and not fact.only
    )


def foreseen(graph: Graph, matters: Callable[[str], bool] = of_the_network) -> tuple[str, ...]:
    """The facts that rules of `postqueue` and `delivery` ask, of those that matter."""
    return tuple(dict.fromkeys(name for name in _asked(graph) if matters(name)))


def _asked(graph: Graph) -> Iterator[str]:
    for stage in (Stage.POSTQUEUE, Stage.DELIVERY):
        pipeline = graph.stage(stage)
        if pipeline is not None:
            for nodes in (pipeline.root, pipeline.shipped, *pipeline.chains.values()):
                yield from _asked_by(nodes)


def _asked_by(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        for column in node.columns:
            yield from column.names
        for placed in node.placed:
            for act in placed.acts:
                yield from act.needs


async def find_out(names: Sequence[str], book: FactBook, fetch: Fetch) -> dict[str, Known]:
    """The answers, as they are kept with the message."""
    known: dict[str, Known] = {}
    for name in names:
        if isinstance(book.ask(name), Unasked):
            await fetch(book, name)
        answer = book.ask(name)
        if isinstance(answer, tuple):
            known[name] = tuple(str(one) for one in answer)
        elif not isinstance(answer, Unasked):
            known[name] = answer if isinstance(answer, _KEPT) else str(answer)
    return known
