"""A rule's effects in acts: each effect sees what those before it did, though some of that has to be fetched.

A fact of this machine's memory is another at once when an effect changes it. What comes from a table is not:
a new act begins before the effect that asks for it, and whoever drives the walk may wait in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from vsmtp.rules.effects import Effect, changes, exact_templates, templates
from vsmtp.rules.graph import Act
from vsmtp.rules.language import Rule, Written
from vsmtp.rules.template import Template
from vsmtp.vocabulary.facts import Cost, Fact

_GROUP: Final = "match."
_HEADER: Final = "header:"
_ANY_HEADER: Final = "header:*"


@dataclass(slots=True)
class _Draft:
    effects: list[Effect] = field(default_factory=list)
    needs: dict[str, None] = field(default_factory=dict)
    exact: dict[str, None] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()

    def done(self) -> Act:
        needs = tuple({**self.exact, **self.needs})
        return Act(tuple(self.effects), needs, tuple(self.exact))


def acts_of(rule: Rule) -> tuple[Act, ...]:
    """The rule's effects in acts, at least one; the last has what the verdict's text needs."""
    acts = [_Draft()]
    acts[0].exact.update(dict.fromkeys(_captured(rule)))
    before: frozenset[str] = frozenset()
    for effect in rule.effects:
        _prepare(acts, before, templates(effect), exact_templates(effect))
        acts[-1].effects.append(effect)
        changed = changes(effect)
        before |= changed
        acts[-1].changed |= changed
    if isinstance(rule.move, Written):
        _prepare(acts, before, (rule.move.text,), ())
    return tuple(act.done() for act in acts)


def depends(fact: Fact, changed: frozenset[str]) -> bool:
    """Whether a fact may be another once this has changed (see `effects.changes`)."""
    return any(_covers(pattern, source) for pattern in changed for source in fact.sources)


def _prepare(
    acts: list[_Draft], before: frozenset[str], texts: Iterable[Template], exact: Iterable[Template]
) -> None:
    """What the texts need, in the first act, or where it may be other by then in the last."""
    wanted = {fact.name: fact for text in texts for fact in text.known}
    if any(_comes_late(fact, acts[-1].changed) for fact in wanted.values()):
        acts.append(_Draft())
    known = {fact.name for text in exact for fact in text.known}
    for name, fact in wanted.items():
        act = acts[-1] if _comes_late(fact, before) else acts[0]
        if name in known:
            act.exact[name] = None
        elif fact.cost is not Cost.MEMORY:
            act.needs[name] = None


def _comes_late(fact: Fact, changed: frozenset[str]) -> bool:
    return (fact.cost is not Cost.MEMORY or bool(fact.rests_on)) and depends(fact, changed)


def _captured(rule: Rule) -> tuple[str, ...]:
    """The facts in which the named groups are found that must be known exactly."""
    names = [name for effect in rule.effects for text in exact_templates(effect) for name in text.facts]
    groups = {name.removeprefix(_GROUP) for name in names if name.startswith(_GROUP)}
    return tuple(capture.fact.name for capture in rule.captures if groups & set(capture.groups))


def _covers(pattern: str, source: str) -> bool:
    """Whether what an effect changes is what a fact is read from; `header:*` on either side is any field."""
    if pattern == source:
        return True
    if pattern.startswith(_HEADER) and source.startswith(_HEADER):
        return _ANY_HEADER in {pattern, source}
    return pattern.endswith(".*") and source.startswith(pattern.removesuffix("*"))
