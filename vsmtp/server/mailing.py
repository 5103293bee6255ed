"""A mail transaction as the server keeps it, and what rules have said of it so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vsmtp.effects.envelope import (
    EnvelopeChange,
    RecipientAdded,
    RecipientRemoved,
    RecipientRewritten,
    SenderRewritten,
)
from vsmtp.effects.transports import Way
from vsmtp.facts import subject
from vsmtp.facts.subject import Variable
from vsmtp.message.edits import Edit
from vsmtp.rules.verdicts import Discard, Quarantine
from vsmtp.server.notes import NOTHING, Notes
from vsmtp.server.reception import Reception
from vsmtp.smtp.parameters import (
    NO_MAIL_PARAMETERS,
    NO_RCPT_PARAMETERS,
    MailParameters,
    Notify,
    RcptParameters,
)
from vsmtp.values.address import Address
from vsmtp.values.reply import Reply

Fate: TypeAlias = Discard | Quarantine | None


@dataclass(slots=True)
class Scope:
    """What rules have said so far of a connection, a transaction, a group or a recipient, for later.

    `record` is for the decision record: which rules matched, and what was decided.
    """

    trusted: bool = False
    fate: Fate = None
    way: Way | None = None
    edits: tuple[Edit, ...] = ()
    changes: tuple[EnvelopeChange, ...] = ()
    record: tuple[dict[str, Any], ...] = ()

    def copy(self) -> Scope:
        """The same, to be said more of without changing this."""
        return Scope(self.trusted, self.fate, self.way, self.edits, self.changes, self.record)

    def add(self, later: Scope) -> None:
        """What was said later of the same counts besides what was said before."""
        self.trusted = self.trusted or later.trusted
        self.follow(later)
        self.edits += later.edits
        self.changes += later.changes
        self.record += later.record

    def inherit(self, earlier: Scope) -> None:
        """What was said earlier of a wider scope counts where nothing was said since."""
        self.fate = self.fate or earlier.fate
        self.way = self.way or earlier.way
        self.record = earlier.record + self.record

    def follow(self, later: Scope) -> None:
        """What was said later of all of these counts in place of what was said before."""
        self.fate = later.fate or self.fate
        self.way = later.way or self.way


@dataclass(slots=True)
class Accepted:
    """A recipient that was accepted, under the address it is delivered to.

    `chains` are the domain chains that it falls under, `original` the address that the client gave,
    `parameters` what it said with it.
    """

    address: Address
    scope: Scope
    chains: tuple[str, ...] = ()
    original: Address | None = None
    variables: dict[str, Variable] = field(default_factory=dict)
    parameters: RcptParameters = NO_RCPT_PARAMETERS

    def is_like(self, other: Accepted) -> bool:
        """Whether the same was said of both, and the same is wanted for both."""
        mine, its = self.scope, other.scope
        return (
            (mine.trusted, mine.fate, mine.way, mine.edits) == (its.trusted, its.fate, its.way, its.edits)
            and self.chains == other.chains
            and self.variables == other.variables
            and self.parameters == other.parameters
        )

    def notes(self, way: Way | None) -> Notes:
        """What goes into the queue with it; `way` is what was said of all, where nothing was of this one."""
        original, scope = self.original, self.scope
        named = ""
        if original is not None and original is not self.address and original != self.address:
            named = str(original)
        if not (scope.edits or scope.way or way or self.variables or named):
            return NOTHING
        return Notes(scope.edits, scope.way or way, self.variables, named)


@dataclass(slots=True)
class Mailing:
    """One transaction.

    `keys` has the key of each address named so far with that of the recipient as which it counts: equal ones
    are one.
    `refused` are those that rules at `data` or `prequeue` did not want, with the reply to each.
    `named` has, over LMTP, the key of each recipient that the client named, equal ones again.
    """

    subject: subject.Transaction
    eight_bit: bool
    scope: Scope = field(default_factory=Scope)
    recipients: list[Accepted] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[Accepted, Reply]] = field(default_factory=list)
    reception: Reception | None = None
    named: tuple[str, ...] = ()
    parameters: MailParameters = NO_MAIL_PARAMETERS

    @property
    def is_trusted(self) -> bool:
        """Whether no rule looks at the message any more."""
        return self.scope.trusted or (
            bool(self.recipients) and all(to.scope.trusted for to in self.recipients)
        )

    @property
    def only_recipient(self) -> Address | None:
        """The recipient if there is but one: naming one of several would betray a Bcc."""
        return self.recipients[0].address if len(self.recipients) == 1 else None

    def replies(self, others: Reply) -> list[Reply]:
        """A reply for each of `named`: what it was refused with, else `others`."""
        refused = {to.original.key: reply for to, reply in self.refused if to.original is not None}
        return [refused.get(key, others) for key in self.named]

    def twin(self, recipient: Accepted) -> Accepted | None:
        """Who gets the same mail at the same address already, so that the recipient need not be another.

        Two of one address are kept apart where rules may part them, or the sender wants to hear of each.
        """
        key = recipient.address.key
        if key not in self.keys:
            return None
        return next((to for to in self.recipients if to.address.key == key and to.is_like(recipient)), None)

    def add(self, recipient: Accepted, named: Address) -> None:
        """Take a recipient that the client named, or rules made of what it named."""
        self.subject.recipients.append(named)
        self.recipients.append(recipient)

    def forget(self, recipients: Iterable[Accepted]) -> None:
        """These are recipients no more."""
        gone = {id(recipient) for recipient in recipients}
        self.recipients = [to for to in self.recipients if id(to) not in gone]


def handed_on(parameters: RcptParameters) -> RcptParameters:
    """What goes with a recipient that rules added because of another one (RFC 3461 5.2.7.2).

    Failures are told as they would be of the one that the sender named. Success is told of that one alone.
    """
    notify = parameters.notify - {Notify.SUCCESS}
    if parameters.notify and not notify:
        notify = frozenset({Notify.NEVER})
    return (
        RcptParameters(notify, parameters.original) if notify or parameters.original else NO_RCPT_PARAMETERS
    )


def change_recipients(
    recipients: list[Accepted], changes: Iterable[EnvelopeChange], adopt: Callable[[Address], Accepted]
) -> list[Accepted]:
    """The recipients after these changes; `adopt` makes one of each address that is added, at the end."""
    for change in changes:
        match change:
            case RecipientAdded(address):
                known = {key for to in recipients for key in _keys(to)}
                added = None if address.key in known else adopt(address)
                if added is not None and added.address.key not in known:
                    recipients = [*recipients, added]
            case RecipientRemoved(address):
                recipients = [to for to in recipients if address.key not in _keys(to)]
            case SenderRewritten() | RecipientRewritten():
                pass  # the sheet has done it
    return recipients


def _keys(to: Accepted) -> set[str]:
    return {to.address.key, to.original.key} if to.original is not None else {to.address.key}


def hops(head: bytes) -> int:
    """How many servers have handled the message: its Received fields."""
    return (b"\n" + head).lower().count(b"\nreceived:")
