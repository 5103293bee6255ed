"""Judging a message by groups: the root table once for all, then each group of recipients by its own chains.

Recipients under the same domain chains are a group. With one group, the usual case, its evaluation is one
walk; with several they are judged one after another, each from what the root table has left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vsmtp.facts.answers import FactBook
from vsmtp.facts.subject import Variable
from vsmtp.rules.evaluate import NO_VERDICT, WHOLE, Ended, Part
from vsmtp.rules.verdicts import Accept, Defer, Delegate, Discard, Quarantine, Refuse, Trust
from vsmtp.server.decisions import remark_of
from vsmtp.server.mailing import Accepted, Scope
from vsmtp.server.stages import Case, Stages
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.stages import Stage

_OF_MESSAGES: Final = (Stage.DATA, Stage.PREQUEUE)
ROOT: Final = Part(root=True, chains=(), shipped=False)


@dataclass(slots=True)
class Group:
    """Recipients that are judged together, by `chains`; None: by nobody, for they are trusted.

    Once they are judged, `ended` says how, `scope` what was said of them, `head` and `variables` are the
    message's for them.
    """

    chains: tuple[str, ...] | None
    recipients: list[Accepted]
    scope: Scope = field(default_factory=Scope)
    ended: Ended = NO_VERDICT
    head: bytes | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)

    @property
    def refusal(self) -> Reply | None:
        """The reply of a verdict that does not let them pass."""
        match self.ended.verdict:
            case Refuse(reply) | Defer(reply):
                return reply
            case None | Accept() | Trust() | Discard() | Quarantine() | Delegate():
                return None

    def close(self, ended: Ended, book: FactBook) -> None:
        """This is how they were judged, the message being as it is in `book`."""
        self.ended = ended
        about = book.transaction
        self.head, self.variables = about.head, dict(about.variables)
        if isinstance(ended.verdict, Discard | Quarantine):
            self.scope.fate = ended.verdict


@dataclass(frozen=True, slots=True)
class Root:
    """What the root table said of all, how it ended, and whether the shipped rules were asked there."""

    said: Scope
    ended: Ended
    shipped_ran: bool


def come_apart(stages: Stages, first: Accepted, to: Accepted) -> bool:
    """Whether rules about the message may judge it differently for these two."""
    if first.scope.trusted != to.scope.trusted:
        return any(stages.has(stage) for stage in _OF_MESSAGES)
    if first.chains == to.chains:
        return False
    acting = stages.graph.acting
    return any(acting(stage, first.chains) != acting(stage, to.chains) for stage in _OF_MESSAGES)


def groups_of(stages: Stages, stage: Stage, recipients: Iterable[Accepted]) -> list[Group]:
    """The groups in which recipients are judged at `stage`."""
    groups: dict[tuple[str, ...] | None, Group] = {}
    for to in recipients:
        chains = None if to.scope.trusted else stages.graph.acting(stage, to.chains) if to.chains else ()
        group = groups.get(chains)
        if group is None:
            groups[chains] = Group(chains, [to])
        else:
            group.recipients.append(to)
    return list(groups.values())


def whole(chains: tuple[str, ...]) -> Part:
    """All tables of a stage, with these domain chains."""
    return Part(root=True, chains=chains, shipped=True) if chains else WHOLE


@dataclass(frozen=True, slots=True)
class Bench:
    """What it takes to judge a message at a stage; `make` makes the case of each walk."""

    stages: Stages
    stage: Stage
    book: FactBook
    make: Callable[[Scope], Case]

    def judge_one(self, group: Group, then: Callable[[], None]) -> None:
        """All recipients are of this group: call `then` once it is judged, at once if nothing takes I/O."""
        case = self._case(group.scope, whole(group.chains or ()))

        def end(ended: Ended) -> None:
            group.close(ended, self.book)
            self._note(group.scope, case, ended)
            then()

        self.stages.decide(self.stage, case, end)

    async def judge_root(self) -> Root:
        """Judge by the root table, for all groups."""
        said = Scope()
        case = self._case(said, ROOT)
        ended = await self.stages.judge(self.stage, case)
        self._note(said, case, ended)
        return Root(said, ended, case.shipped_ran)

    async def judge_each(self, groups: Sequence[Group], root: Root) -> None:
        """Judge the groups, each from what the root table has left of the message."""
        head, variables = self.book.transaction.head, dict(self.book.transaction.variables)
        for group in groups:
            if root.ended.verdict is not None:
                group.close(root.ended, self.book)
                continue
            part = Part(root=False, chains=group.chains or (), shipped=not root.shipped_ran)
            case = self._case(group.scope, part)
            ended = await self.stages.judge(self.stage, case)
            group.close(ended, self.book)
            self._note(group.scope, case, ended)
            self.book.transaction.head = head
            self.book.forget_message()
            self.book.transaction.variables = dict(variables)

    def _case(self, scope: Scope, part: Part) -> Case:
        case = self.make(scope)
        case.part = part
        return case

    def _note(self, scope: Scope, case: Case, ended: Ended) -> None:
        if case.matched:
            scope.record += (remark_of(self.stage, case, ended),)


def strictest(groups: Iterable[Group]) -> Group | None:
    """The group that was refused, for good rather than for now; None: all may pass."""
    refused = [group for group in groups if group.refusal is not None]
    return min(refused, key=lambda group: isinstance(group.ended.verdict, Defer), default=None)
