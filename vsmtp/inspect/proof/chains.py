"""Which chains of domains are read for a recipient of any session, and when (`rules.domains`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from vsmtp.inspect.proof.around import Around
from vsmtp.inspect.proof.cast import Cast
from vsmtp.inspect.proof.facts import Facts
from vsmtp.inspect.proof.formula import Formula, both, either, opposite, some
from vsmtp.inspect.proof.lines import ABSENT
from vsmtp.inspect.proof.symbols import Mailbox, Single
from vsmtp.rules.graph import Graph

Way: TypeAlias = Literal["incoming", "outgoing", "internal"]
# The name of a chain, with the formula under which it is read.
Guarded: TypeAlias = tuple[Formula, str]


def chains_for(to: Mailbox, cast: Cast, around: Around, facts: Facts) -> Sequence[Guarded]:
    """The chains of the domains in the order in which they are read, each once."""
    graph, source = around.graph, cast.sender.domain
    if not graph.domains:
        return ()
    stranger = either(cast.stranger, source.cell == ABSENT)
    same = facts.equal(source, to.domain)
    alike = facts.names.named("within", False if same is None else same)
    local = some(to.domain.is_text(name) for name in around.local)
    leaving = both(opposite(stranger), opposite(alike))
    arriving = either(stranger, both(leaving, local))
    staying = both(opposite(stranger), alike)
    return _each_once([
        *_guarded(leaving, graph, source, "outgoing"),
        *_guarded(staying, graph, source, "internal"),
        *_guarded(arriving, graph, to.domain, "incoming"),
    ])  # fmt: skip


def _guarded(when: Formula, graph: Graph, domain: Single, way: Way) -> Iterator[Guarded]:
    cells: dict[str, list[Formula]] = {}
    for number, cell in enumerate(domain.line.cells):
        name = f"other.{cell.text or 'invalid'}" if cell.is_open else cell.text
        for chain in _chains_of(graph, name, way):
            cells.setdefault(chain, []).append(domain.cell == number)
    return ((both(when, some(found)), chain) for chain, found in cells.items())


def _chains_of(graph: Graph, name: str, way: Way) -> tuple[str, ...]:
    ask = graph.domain_chains
    match way:
        case "incoming":
            return ask(False, "", name, _everywhere)
        case "internal":
            return ask(True, name, name, _everywhere)
        case "outgoing":
            return ask(True, name, f"{name}.invalid", _nowhere)


def _everywhere(_: str) -> bool:
    return True


def _nowhere(_: str) -> bool:
    return False


def _each_once(pieces: Sequence[Guarded]) -> list[Guarded]:
    seen: dict[str, Formula] = {}
    found = []
    for guard, name in pieces:
        found.append((both(guard, opposite(seen.get(name, False))), name))
        seen[name] = either(seen.get(name, False), guard)
    return [(guard, name) for guard, name in found if guard is not False]
