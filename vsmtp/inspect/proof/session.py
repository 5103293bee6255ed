"""Any session of any client, from its connection to the delivery of its mail, as one formula.

The session has one greeting, one MAIL, up to two recipients and one message. A *loose* one may besides have
had other greetings, recipients and moments before: what they leave behind in variables, rates and clocks is
anything. If no loose session does a thing, no session does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vsmtp.inspect.proof.around import FIRST, SECOND, Around, cut_lines
from vsmtp.inspect.proof.cast import enter, follow_tag, within
from vsmtp.inspect.proof.chains import Guarded, chains_for
from vsmtp.inspect.proof.deeds import Deeds, Leak
from vsmtp.inspect.proof.facts import PARTS, Facts
from vsmtp.inspect.proof.formula import Formula, Names, both, either, every, implies, opposite, some
from vsmtp.inspect.proof.gather import Lines, all_rules, variables
from vsmtp.inspect.proof.lines import ABSENT
from vsmtp.inspect.proof.symbols import Mailbox, Stated, outside
from vsmtp.inspect.proof.walk import Ends, Walker
from vsmtp.rules.language import Interval, Rule
from vsmtp.vocabulary.facts import FACTS
from vsmtp.vocabulary.stages import Stage

# Facts that another moment may make others.
_PASSING: Final = ("time.", "rate.")
# What a new recipient brings along.
_BROUGHT: Final = ("rcpt.address", "rcpt.local", "rcpt.domain", "rcpt.tag", "rcpt.original")


class Session:
    """The formula: `names.facts` hold in every session; what else is asked of it stands in the fields.

    `relayed`: a stranger's recipient outside was taken; `leaks` are the effects that turn a stranger's mail
    into mail for an outside address of its choice. `accepted`: the recipient and then the message were.
    """

    def __init__(
        self, around: Around, extra: Sequence[Rule] = (), lines: Lines | None = None, *, loose: bool = False
    ) -> None:
        self.around = around
        self.loose = loose
        self.names = Names()
        self.facts = Facts(self.names, lines or cut_lines(around, extra))
        self.deeds = Deeds(self.facts, around.graph, around.ours)
        self.relayed: Formula = False
        self.accepted: Formula = False
        self.taken: Formula = False
        self.kept: Formula = False
        self.claims: list[Formula] = []
        self.cast = enter(around, self.facts)
        self._variables = variables((*all_rules(around.graph), *extra))
        self._play(extra)

    @property
    def leaks(self) -> list[Leak]:
        """What effects do, each with its formula."""
        return [
            Leak(every((leak.formula, self._unknown, self.accepted)), leak.rule, leak.what)
            for leak in self.deeds.leaks
        ]

    @property
    def _unknown(self) -> Formula:
        """A stranger, and one without a certificate that the administrator's own authority has signed."""
        return both(self.cast.stranger, self.facts.single("tls.client_cert").cell == ABSENT)

    # What is played.

    def _play(self, extra: Sequence[Rule]) -> None:
        cast, facts = self.cast, self.facts
        for fact in self._variables:
            self.deeds.clear(fact)
        met = self._stage(Stage.CONNECT, True)
        hailed = self._stage(Stage.HELO, both(met.passed, opposite(met.trusted)))
        reached, free = _after(met, hailed)
        facts.place(FACTS["client.stranger"], Stated(cast.stranger))
        tried = facts.single("auth.success").cell >= 0
        logged = self._stage(Stage.AUTH, every((reached, opposite(free), tried)))
        refused = every((opposite(free), tried, opposite(logged.passed)))
        reached = both(reached, either(opposite(refused), opposite(cast.authenticated)))
        free = either(free, logged.trusted)
        began = self._stage(Stage.MAIL, both(reached, opposite(free)))
        reached = both(reached, either(free, began.passed))
        free = either(free, began.trusted)
        kept = some((met.kept, hailed.kept, began.kept))
        self._recipients(self.names.named("mail begun", reached), self.names.named("free", free), kept, extra)

    def _recipients(self, reached: Formula, free: Formula, kept: Formula, extra: Sequence[Rule]) -> None:
        cast, facts = self.cast, self.facts
        several = self.names.claim("several") if self._remembers() else False
        if several is not False:
            first = facts.mailbox(PARTS["rcpt"])
            cast.recipients.append((several, first))
            self.deeds.silent = True
            self._recipient(first, every((reached, opposite(free), several)), several=False)
            self.deeds.silent = False
        to = facts.mailbox(PARTS["rcpt"])
        cast.recipients.append((True, to))
        judged = both(reached, opposite(free))
        ends = self._recipient(to, judged, several=several, extra=extra)
        self.taken = self.names.named("taken", either(ends.passed, both(reached, free)))
        self.kept = either(kept, ends.kept)
        final = facts.symbols["rcpt.address"]
        assert isinstance(final, Mailbox)
        self.relayed = every(
            (
                self._unknown,
                self.taken,
                opposite(self.kept),
                final.chosen,
                outside(final.domain, self.around.ours),
            )
        )
        self._message(either(free, ends.trusted))

    def _recipient(
        self, to: Mailbox, reached: Formula, *, several: Formula, extra: Sequence[Rule] = ()
    ) -> Ends:
        facts = self.facts
        facts.put_mailbox("rcpt", to)
        facts.place(FACTS["rcpt.original"], to)
        follow_tag(to, self.around.delimiter)
        self.names.always(to.local.cell >= 0)
        facts.forget(frozenset({"rcpt.known", "rcpt.org_domain", "rcpt.index", "rcpts.*"}), keep=_BROUGHT)
        for fact in self._variables:
            if fact.name.startswith("rcpt."):
                self.deeds.clear(fact)
        self._known(to)
        index = facts.single("rcpt.index")
        self.names.always(within(index, Interval(1, float("inf"))))
        if not self.loose:
            # The first may be refused: then the second is the first of those accepted.
            self.names.always(either(within(index, FIRST), both(several, within(index, SECOND))))
        # What an invariant says of sessions is asked where the recipient is named.
        self.claims = [facts.rule(rule).sure for rule in extra]
        return self._stage(Stage.RCPT, reached, chains_for(to, self.cast, self.around, self.facts))

    def _known(self, to: Mailbox) -> None:
        """Whether a user exists is known of local domains, and of no others."""
        known = self.facts.single("rcpt.known")
        local = some(to.domain.is_text(name) for name in self.around.local)
        self.names.always(implies(opposite(local), known.cell == ABSENT))
        self.names.always(implies(local, known.cell != ABSENT))

    def _message(self, free: Formula) -> None:
        """From DATA to delivery: what effects do there, and whether the message is refused."""
        to = self.cast.recipients[-1][1]
        chains = chains_for(to, self.cast, self.around, self.facts)
        live = self.names.named("to be sent", both(self.taken, opposite(free)))
        kept = self.kept
        passed: Formula = live
        for stage in (Stage.DATA, Stage.PREQUEUE):
            ends = self._stage(stage, passed, chains)
            passed, kept = ends.passed, either(kept, ends.kept)
        queued = self.names.named("queued", both(either(passed, both(self.taken, free)), opposite(kept)))
        self.accepted = queued
        before = len(self.deeds.leaks)
        after = self._stage(Stage.POSTQUEUE, queued, chains)
        for leak in self.deeds.leaks[before:]:
            leak.formula = every((leak.formula, after.passed, opposite(after.kept)))
        self._stage(Stage.DELIVERY, both(after.passed, opposite(after.kept)), chains)

    def _stage(self, stage: Stage, reached: Formula, chains: Sequence[Guarded] = ()) -> Ends:
        pipeline = self.around.graph.stage(stage)
        if pipeline is None or reached is False:
            return Ends(reached)
        if self.loose:
            self.deeds.unsettle(stage)
            for name in [name for name in self.facts.symbols if name.startswith(_PASSING)]:
                del self.facts.symbols[name]
        self.deeds.stage = stage
        return Walker(self.facts, pipeline, self.deeds.carry).walk(reached, chains)

    def _remembers(self) -> bool:
        """Whether one recipient can make a difference to the next."""
        return self.deeds.sets_at(Stage.RCPT)


def _after(met: Ends, hailed: Ends) -> tuple[Formula, Formula]:
    """Whether the client comes to MAIL, and whether it is free of rules by then."""
    free = either(met.trusted, hailed.trusted)
    return both(met.passed, either(met.trusted, hailed.passed)), free
