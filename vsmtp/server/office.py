"""What all sessions of a worker share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vsmtp.facts import subject
from vsmtp.facts.answers import NO_WORLD, FactBook, World
from vsmtp.net.limits import NOBODY, Networks, Pace
from vsmtp.queue.space import Space
from vsmtp.queue.spool import Spool
from vsmtp.server.acceptance import Counter
from vsmtp.server.logins import Logins
from vsmtp.server.reception import Place
from vsmtp.server.recipients import Recipients
from vsmtp.server.sheets import Works
from vsmtp.server.stages import Stages
from vsmtp.telemetry.log import Log
from vsmtp.values.address import Address


@dataclass(frozen=True, slots=True)
class Manners:
    """What the settings say of every session.

    `delimiter` parts a local part from its tag; a message with more Received fields than `max_hops` is
    refused; `separate`: a stranger's recipients that rules may judge differently come one transaction each.
    Clients in `trusted` are no strangers; `pace` is how often others may begin a message.
    `domain` is that of people who name none.
    """

    delimiter: str = "+"
    max_hops: int = 50
    separate: bool = True
    trusted: Networks = NOBODY
    pace: Pace | None = None
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Office:
    """What all sessions of a worker share.

    `spool` takes new mail; `zoned` gives the time in the zone of the rules; `works` does what rules want, and
    `world` answers them; `foreseen` are facts to be found out before a message is stored.
    `logins` judges logins; None where no listener takes any.
    """

    stages: Stages
    recipients: Recipients
    counter: Counter
    spool: Spool
    space: Space
    place: Place
    log: Log
    zoned: Callable[[], datetime]
    works: Works
    world: World = NO_WORLD
    manners: Manners = Manners()
    foreseen: tuple[str, ...] = ()
    logins: Logins | None = None

    def book(self, visitor: subject.Connection, about: subject.Transaction | None) -> FactBook:
        """What rules are answered by, of this client and mail."""
        return FactBook(visitor, about, self.zoned, self.manners.delimiter, self.world)

    def chains(self, visitor: subject.Connection, sender: Address, to: Address) -> tuple[str, ...]:
        """The domain chains for mail of this client, from this sender, to this recipient."""
        graph = self.stages.graph
        if not graph.domains:
            return ()
        ours = visitor.trusted or visitor.authenticated
        return graph.domain_chains(ours, sender.domain, to.domain, self.recipients.is_local)
