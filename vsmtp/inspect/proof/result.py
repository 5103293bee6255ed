"""What a proof comes to: plain values for whoever prints or judges them. Nothing here needs the solver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from vsmtp.inspect.rehearsed import Rehearsed
from vsmtp.inspect.scene import Scene
from vsmtp.inspect.world import World
from vsmtp.rules.language import RuleInfo

Outcome: TypeAlias = Literal["proved", "refuted", "undecided"]
HOW_TO_INSTALL: Final = "the proof needs the solver Z3: install the extra, `pip install vsmtp[prove]`"


@dataclass(frozen=True, slots=True)
class Found:
    """A session, what is supposed besides, and what the rehearsal made of it.

    `rule` is the one whose `effect` sends mail outside; None and empty where it is the recipient itself, and
    of invariants.
    """

    scene: Scene
    world: World
    rehearsed: Rehearsed
    rule: RuleInfo | None = None
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer; `session` is the one that refutes, or on which solver and rehearsal disagree.

    `reason` says why it is undecided. `asked` are the facts that the rules asked on the way.
    """

    outcome: Outcome
    reason: str = ""
    session: Found | None = None
    asked: frozenset[str] = field(default_factory=frozenset)
