"""Who answers a rule's questions: a book about one session, which keeps what others found out for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vsmtp.facts.catalogue import ANSWERS
from vsmtp.facts.message import MessageView
from vsmtp.facts.mime import SurveyJob
from vsmtp.facts.organization import SuffixesJob
from vsmtp.facts.owners import Owners
from vsmtp.facts.questions import Found, Question, RecipientKnown, RowWanted
from vsmtp.facts.rates import Rates
from vsmtp.facts.rows import Rows, column_of, membership, questions
from vsmtp.facts.subject import Connection, Recipient, Transaction, Variable
from vsmtp.message.edits import Edit, edit
from vsmtp.message.mime.survey import Survey
from vsmtp.rules.language import Binding
from vsmtp.rules.template import Template, render_text
from vsmtp.tables.contract import Table
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Missing, Unavailable
from vsmtp.values.answer import Found as Row
from vsmtp.vocabulary.answers import UNASKED, Answer, Unasked
from vsmtp.vocabulary.tables import Column, Membership, hidden_of

_VARIABLE: Final = "var."
_OF_RECIPIENT: Final = "rcpt.var."
_OF_OWNERS: Final = frozenset({"sender.owned", "message.from_owned"})
_OF_MAIL: Final = ("rcpt.known", "message.")
_NOBODY: Final = Transaction()


@dataclass(frozen=True, slots=True)
class World:
    """What the books of a worker share.

    That is the graph's `bindings`, the open tables, the counts of limiters, and who may send from what.
    """

    bindings: Sequence[Binding] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    rates: Rates = field(default_factory=lambda: Rates({}, time.monotonic))
    owners: Owners = field(default_factory=Owners)


NO_WORLD: Final = World()


class FactBook:
    """Answers about a connection, the transaction on it and the recipient at hand.

    `clock` gives the time in the time zone of the rules; it is read once a stage. `delimiter` parts a local
    part from its tag; empty: there are no tags. Assign `transaction` and `recipient` as the mail goes on;
    call `begin_stage` before each evaluation. What the header says is read once, and anew after `apply`; what
    tables say is asked once a transaction, and anew after `forget_table`. `known` are answers from elsewhere
    to facts that this release cannot find out.
    """

    __slots__ = (
        "_asked_for", "_clock", "_delimiter", "_message", "_now", "_rows", "_world",
        "connection", "known", "recipient", "transaction",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        transaction: Transaction | None,
        clock: Callable[[], datetime],
        delimiter: str = "+",
        world: World = NO_WORLD,
    ) -> None:
        self.connection = connection
        self.transaction = transaction or _NOBODY
        self.recipient: Recipient | None = None
        self.known: Mapping[str, Answer] = {}
        self._clock = clock
        self._delimiter = delimiter
        self._world = world
        self._now: datetime | None = None
        self._message: MessageView | None = None
        self._rows: Rows | None = None
        self._asked_for = self.transaction

    def begin_stage(self) -> None:
        """Forget the time: the next evaluation has its own."""
        self._now = None

    def ask(self, name: str) -> Answer:
        """See `vocabulary.answers.Facts`; Missing for a name that is no fact."""
        answer = ANSWERS.get(name)
        if answer is not None:
            return answer(self)
        for prefix, of_family in _FAMILIES:
            if name.startswith(prefix):
                return of_family(self, name)
        return self.known.get(name, MISSING)

    def wanted(self, name: str) -> tuple[Question, ...]:
        """What somebody has to find out before `ask` can answer: nothing where it is not Unasked.

        Once these are answered more may be wanted: ask again, until there is nothing.
        """
        if not isinstance(self.ask(name), Unasked):
            return ()
        if name in _OF_OWNERS:
            return (RowWanted(self._world.owners.table, self.connection.user),)
        if name == "rcpt.org_domain":
            return (SuffixesJob(),)
        if name.startswith("rate."):
            return self._wanted_by(self._world.rates.limiters[name.removeprefix("rate.")].key)
        return self._wanted_of_mail(name) if name.startswith(_OF_MAIL) else self._wanted_of_tables(name)

    def store(self, question: Question, answer: Found) -> None:
        """Keep the answer to a question that `wanted` gave."""
        match question:
            case RecipientKnown(address):
                if self.recipient is not None and self.recipient.address == address:
                    assert isinstance(answer, bool | Missing | Unavailable)
                    self.recipient.known = answer
            case RowWanted(table, key):
                assert isinstance(answer, Row | Missing | Unavailable)
                self._rows_now().store(table, key, answer)
            case SurveyJob():
                assert isinstance(answer, Survey | Unavailable)
                if self._message is not None and question is self._message.job:
                    self._message.store(answer)
            case SuffixesJob():
                pass  # the list is the process's own

    def apply(self, edits: Sequence[Edit]) -> None:
        """Edit the header block of the transaction; facts read from it are asked anew."""
        if edits and self.transaction.head is not None:
            head = edit(self.transaction.head, edits, utf8=self.transaction.smtputf8)
            self.transaction.head = head
            self._message = self._message and self._message.edited(head)

    def forget_message(self) -> None:
        """Call this when another head was put into the transaction."""
        self._message = None

    def forget_table(self, table: str) -> None:
        """Call this when the table was written to: it is asked anew."""
        self._rows_now().forget(table)

    def assign(self, name: str, value: Variable) -> None:
        """The variable, `var.x` or `rcpt.var.x`, has this value: of the connection before `mail`.

        A recipient's variable is the recipient's at hand.
        """
        if name.startswith(_OF_RECIPIENT):
            assert self.recipient is not None
            self.recipient.variables[name.removeprefix(_OF_RECIPIENT)] = value
        else:
            of_all = self.connection if self.transaction is _NOBODY else self.transaction
            of_all.variables[name.removeprefix(_VARIABLE)] = value

    def rewrite_recipient(self, address: Address) -> None:
        """The recipient at hand has another address; whether that user exists is asked anew."""
        recipient = self.recipient
        assert recipient is not None
        recipient.original = recipient.original or recipient.address
        recipient.address, recipient.known = address, UNASKED

    @property
    def now(self) -> datetime:
        """The time of this stage."""
        if self._now is None:
            self._now = self._clock()
        return self._now

    def tag(self, address: Address) -> Answer:
        """What follows the delimiter in a local part."""
        if not self._delimiter:
            return MISSING
        _, found, tag = address.local.partition(self._delimiter)
        return tag if found and tag else MISSING

    # Families of facts, found by how their names begin.

    def of_message(self, name: str) -> Answer:
        """What header and parts say."""
        view = self._view()
        return MISSING if view is None else view.ask(name)

    @property
    def authors(self) -> tuple[Address, ...] | Missing | Unavailable:
        """The mailboxes in From; Missing where there is no such field."""
        view = self._view()
        return MISSING if view is None else view.authors

    def _view(self) -> MessageView | None:
        if self._message is None and self.transaction.head is not None:
            self._message = MessageView(self.transaction.head, self.transaction.body)
        return self._message

    def owned(self, addresses: tuple[Address, ...]) -> Answer:
        """Whether the login may send from all of these; Missing without a login."""
        if not self.connection.authenticated:
            return MISSING
        owners, user = self._world.owners, self.connection.user
        row = self._rows_now().find(owners.table, user) if owners.table else None
        return row if isinstance(row, Unasked) else owners.owns(user, addresses, row)

    def of_variables(self, name: str) -> Answer:
        """A variable of the mail, else of the connection."""
        own = name.removeprefix(_VARIABLE)
        value = self.transaction.variables.get(own)
        return self.connection.variables.get(own, MISSING) if value is None else value

    def of_recipient(self, name: str) -> Answer:
        """A variable of the recipient at hand."""
        if self.recipient is None:
            return MISSING
        return self.recipient.variables.get(name.removeprefix(_OF_RECIPIENT), MISSING)

    def rate(self, name: str) -> Answer:
        """The events of a limiter's key; Missing where a fact in the key is."""
        limiter = name.removeprefix("rate.")
        if limiter not in self._world.rates.limiters:
            return MISSING
        key = self._world.rates.limiters[limiter].key
        for part in key.parts:
            answer = MISSING if isinstance(part, str) else self.ask(part.fact)
            if isinstance(answer, Unavailable | Unasked):
                return answer
            if isinstance(answer, Missing) and not isinstance(part, str) and not part.default:
                return answer
        return self._world.rates.rate(limiter, render_text(key, self))

    def of_tables(self, name: str) -> Answer:
        """A column of a lookup's row, or whether a fact's value is in a table."""
        match hidden_of(name):
            case Column(number, column):
                binding = self._world.bindings[number]
                unknown = self._unknown(binding.key)
                return unknown or column_of(self._rows_now().find(binding.table, self._key(binding)), column)
            case Membership(table, fact, under):
                return membership(self._rows_now(), table, self.ask(fact), under=under)
            case None:
                return MISSING

    def later(self, name: str) -> Answer:
        """A fact of a later release: what `known` says, else that it cannot be known."""
        answer = self.known.get(name)
        return Unavailable(f"`{name}` comes with a later release") if answer is None else answer

    def _rows_now(self) -> Rows:
        if self._rows is None:
            self._rows = Rows(self._world.tables)
        if self._asked_for is not self.transaction:
            self._asked_for = self.transaction
            self._rows.clear()
        return self._rows

    def _key(self, binding: Binding) -> str:
        return render_text(binding.key, self)

    def _unknown(self, key: Template) -> Unavailable | Unasked | None:
        """Why a key cannot be told, if it cannot; what is unavailable goes before what was not asked."""
        answers = [self.ask(fact) for fact in key.facts]
        for kind in (Unavailable, Unasked):
            for answer in answers:
                if isinstance(answer, kind):
                    return answer
        return None

    def _wanted_of_mail(self, name: str) -> tuple[Question, ...]:
        if name == "rcpt.known":
            return (RecipientKnown(self.recipient.address),) if self.recipient is not None else ()
        return (self._message.job,) if self._message is not None else ()

    def _wanted_by(self, key: Template) -> tuple[Question, ...]:
        return tuple(question for fact in key.facts for question in self.wanted(fact))

    def _wanted_of_tables(self, name: str) -> tuple[Question, ...]:
        match hidden_of(name):
            case Column(number):
                binding = self._world.bindings[number]
                return self._wanted_by(binding.key) or (RowWanted(binding.table, self._key(binding)),)
            case Membership(table, fact, under):
                asked = tuple(questions(self._rows_now(), table, self.ask(fact), under=under))
                return self.wanted(fact) or asked
            case None:
                return ()


_FAMILIES: Final[tuple[tuple[str, Callable[[FactBook, str], Answer]], ...]] = (
    ("message.", FactBook.of_message),
    ("var.", FactBook.of_variables),
    (_OF_RECIPIENT, FactBook.of_recipient),
    ("rate.", FactBook.rate),
    ("lookup:", FactBook.of_tables),
    ("table:", FactBook.of_tables),
    ("under:", FactBook.of_tables),
    *(
        (prefix, FactBook.later)
        for prefix in ("client.rdns", "iprev.", "spf.", "dkim.", "dmarc.", "arc.", "dnsbl.", "service.")
    ),
)
