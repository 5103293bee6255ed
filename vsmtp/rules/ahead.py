"""Looking ahead: what to ask of the network meanwhile, when a rule waits for it anyway.

Only what can matter is asked: a later rule counts once everything cheaper is known and has not refuted it, if
no rule before it surely ends the stage, and if no rule before it that is still open asks the same (its answer
might decide there).
"""

from __future__ import annotations

from typing import Final

from vsmtp.rules.frames import DROPS, EXEMPT, FIRES, STUCK, Frame, ones
from vsmtp.rules.graph import Node, Placed
from vsmtp.vocabulary.facts import Cost

# How many rules are looked at: it must not take long, whatever the table's length.
_MOST: Final = 64


def asked_meanwhile(frame: Frame, node: Node, placed: Placed) -> frozenset[str]:
    """The facts of the network that rules behind `placed` want, while that one waits for some."""
    taken = _wanted(frame, node, placed)
    found: set[str] = set()
    for later in _next_rules(frame, node, placed):
        weight = _weighed(frame, node, later)
        if weight in {DROPS, EXEMPT}:
            continue
        if _may_end(later, weight) or any(node.columns[n].cost < Cost.NETWORK for n in ones(max(weight, 0))):
            break
        if weight > 0 and not weight & taken:
            found |= frame.names(node, weight, Cost.NETWORK)
        taken |= max(weight, 0)
    return frozenset(found)


def _weighed(frame: Frame, node: Node, placed: Placed) -> int:
    """The rule's weight once all that is free was asked for it: what is in memory, or was fetched before."""
    while True:
        weight = frame.weigh(node, placed)
        columns = [node.columns[n] for n in ones(max(weight, 0))]
        free = (column for column in columns if column.cost is not Cost.LOCAL)
        if not any(frame.take_in(node, column) for column in free):
            return weight


def _may_end(rule: Placed, weight: int) -> bool:
    return weight in {FIRES, STUCK} and rule.may_end


def _wanted(frame: Frame, node: Node, placed: Placed) -> int:
    """The columns that a rule may still ask."""
    wanted = 0
    for n in ones(frame.may >> placed.start & placed.width):
        wanted |= node.rows[placed.start + n].columns & ~frame.asked
    return wanted


def _next_rules(frame: Frame, node: Node, placed: Placed) -> list[Placed]:
    """The rules behind that one of which a row is left."""
    found: list[Placed] = []
    rest = (frame.may >> placed.end) << placed.end
    while rest and len(found) < _MOST:
        later = node.placed[node.rule_of[(rest & -rest).bit_length() - 1]]
        found.append(later)
        rest = (rest >> later.end) << later.end
    return found
