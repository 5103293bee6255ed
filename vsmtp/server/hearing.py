"""What becomes of a transaction's recipients by the rules of `data` and `prequeue`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from vsmtp.rules.evaluate import NO_VERDICT, Ended
from vsmtp.server.judging import Bench, Group, groups_of, strictest
from vsmtp.server.mailing import Accepted, Mailing, Scope, change_recipients
from vsmtp.values.address import Address
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.stages import Stage


class Heard(NamedTuple):
    """The groups whose recipients are accepted."""

    groups: tuple[Group, ...]

    @classmethod
    def unjudged(cls, mailing: Mailing) -> Heard:
        """All recipients as one group: there was nothing to ask."""
        about = mailing.subject
        return cls((Group(None, mailing.recipients, mailing.scope, NO_VERDICT, about.head, about.variables),))


@dataclass(frozen=True, slots=True)
class Answers:
    """Who hears how it went: of what was accepted, of a refusal of the whole, of a fault of ours."""

    accepted: Callable[[Heard], None]
    refused: Callable[[Ended, Reply], None]
    failed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Hearing:
    """One hearing; `adopt` makes a recipient of an address that a rule adds.

    With `splits` those that are refused go to `mailing.refused` as long as others are accepted; without, one
    refusal is for all.
    """

    bench: Bench
    mailing: Mailing
    adopt: Callable[[Address], Accepted]
    splits: bool

    def begin(self, answers: Answers) -> None:
        """Judge; one of `answers` is called, at once if there is one group and nothing takes I/O.

        Where rules may add recipients, the groups are known only once the root table has spoken.
        """
        groups, bench = self._groups(), self.bench
        if len(groups) == 1 and groups[0].chains is not None and bench.stage not in bench.stages.adding:
            bench.judge_one(groups[0], lambda: self._conclude(groups, answers))
        else:
            bench.stages.start(self._judge_several(groups, answers), answers.failed)

    def _groups(self) -> list[Group]:
        return groups_of(self.bench.stages, self.bench.stage, self.mailing.recipients)

    async def _judge_several(self, groups: list[Group], answers: Answers) -> None:
        trusted = [group for group in groups if group.chains is None]
        for group in trusted:
            # Nobody judges theirs: the message is theirs as it came.
            group.close(NO_VERDICT, self.bench.book)
        root = await self.bench.judge_root()
        self._follow(root.said)
        judged = [group for group in self._groups() if group.chains is not None]
        await self.bench.judge_each(judged, root)
        self._conclude([*trusted, *judged], answers)

    def _follow(self, said: Scope) -> None:
        """What the root table said is for all that it judged."""
        mailing = self.mailing
        mailing.recipients = change_recipients(mailing.recipients, said.changes, self.adopt)
        mailing.scope.record += said.record
        if self.bench.stage is Stage.DATA:
            mailing.scope.edits += said.edits
        for to in mailing.recipients:
            if not to.scope.trusted:
                to.scope.follow(said)

    def _conclude(self, groups: list[Group], answers: Answers) -> None:
        worst = strictest(groups)
        passed = [group for group in groups if group.refusal is None]
        if worst is not None and not (self.splits and passed):
            assert worst.refusal is not None
            self.mailing.refused += [
                (to, group.refusal) for group in groups if group.refusal for to in group.recipients
            ]
            answers.refused(worst.ended, worst.refusal)
            return
        for group in groups:
            self.mailing.scope.record += group.scope.record
            reply = group.refusal
            if reply is not None:
                self.mailing.refused += [(to, reply) for to in group.recipients]
            else:
                self._take(group, alone=len(groups) == 1)
        self.mailing.recipients = [to for group in passed for to in group.recipients]
        answers.accepted(Heard(tuple(passed)))

    def _take(self, group: Group, *, alone: bool) -> None:
        group.recipients = change_recipients(group.recipients, group.scope.changes, self.adopt)
        for to in group.recipients:
            to.scope.follow(group.scope)
            if self.bench.stage is Stage.DATA and not alone:
                to.scope.edits += group.scope.edits
        if self.bench.stage is Stage.DATA and alone:
            self.mailing.scope.edits += group.scope.edits
