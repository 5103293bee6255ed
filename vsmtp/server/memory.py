"""What rules can ask of mail that is queued: of the session that brought it, and of the mail itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vsmtp.facts import subject
from vsmtp.facts.answers import FactBook, World
from vsmtp.message.fields import header_end
from vsmtp.rules.graph import Graph
from vsmtp.server.notes import Notes
from vsmtp.server.parcel import Held
from vsmtp.server.recipients import Recipients
from vsmtp.values.address import Address
from vsmtp.values.envelope import Content

_NOBODY = subject.Connection(None, None, "", None, "pickup", trusted=True)


@dataclass(frozen=True, slots=True)
class Memory:
    """Makes fact books; `zoned` gives the time in the zone of the rules, `delimiter` parts tags."""

    graph: Graph
    world: World
    recipients: Recipients
    zoned: Callable[[], datetime]
    delimiter: str

    def book(self, held: Held, attempts: int) -> FactBook:
        """What rules are answered by, of a message after `attempts` attempts to deliver it."""
        mail, context = held.mail, held.read_context()
        data = mail.content.data
        end = header_end(data)
        end = len(data) if end < 0 else end
        about = subject.Transaction(
            mail.sender, None, mail.smtputf8, [to.address for to in mail.recipients], data[:end],
            mail.content.size, held.name, attempts, mail.arrived, Content(data[end:], mail.content.file),
            released=context.released, variables=dict(context.variables),
        )  # fmt: skip
        book = FactBook(context.connection or _NOBODY, about, self.zoned, self.delimiter, self.world)
        book.known = context.known
        return book

    def meet(self, address: Address, index: int, notes: Notes) -> subject.Recipient:
        """The recipient as rules see it, the `index`-th from 1."""
        recipient = self.recipients.meet(address, index)
        recipient.variables.update(notes.variables)
        if notes.original:
            recipient.original = Address.parse(notes.original)
        return recipient

    def chains(self, held: Held, address: Address) -> tuple[str, ...]:
        """The domain chains that this recipient of the mail falls under."""
        if not self.graph.domains:
            return ()
        client = held.read_context().connection
        ours = client is None or client.trusted or client.authenticated
        sender = held.mail.sender.domain
        return self.graph.domain_chains(ours, sender, address.domain, self.recipients.is_local)
