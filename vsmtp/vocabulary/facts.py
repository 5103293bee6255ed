"""The catalogue of facts: the one table in code of what a rule can ask about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.types import Type


class Cost(IntEnum):
    """What asking costs: nothing, a look at this machine, or a question to another one."""

    MEMORY = 0
    LOCAL = 1
    NETWORK = 2


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact as rules know it.

    `first` is the earliest stage that has it. `only`, where not empty, are the only stages that do (facts of
    one recipient). `header` is the header field, lower case, that it is read from: an effect on that field
    changes the fact; `*`: any field may matter; empty: none does. `choices`, where not empty, are all the
    values there are.
    """

    name: str
    type: Type
    first: Stage
    absent: str
    cost: Cost
    about: str
    many: bool = False
    header: str = ""
    only: frozenset[Stage] = frozenset()
    choices: tuple[str, ...] = ()


_ONE: Final = frozenset({Stage.RCPT, Stage.DELIVERY})
_NEVER: Final = "never absent"
_T: Final = Type
_M, _L = Cost.MEMORY, Cost.LOCAL
_C, _H, _S, _R, _P, _Q = (
    Stage.CONNECT, Stage.HELO, Stage.MAIL, Stage.RCPT, Stage.PREQUEUE, Stage.POSTQUEUE,
)  # fmt: skip

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CATALOGUE: Final = (
    Fact("client.ip", _T.IP, _C, "no connection: mail made on this machine", _M, "the client's IP address"),
    Fact("client.net", _T.NETWORK, _C, "no connection", _M, "the client's /24 (IPv4) or /64 (IPv6)"),
    Fact("client.port", _T.NUMBER, _C, "no connection", _M, "the client's TCP port"),
    Fact("client.trusted", _T.BOOL, _C, _NEVER, _M, "whether the client is in `server.trusted`"),
    Fact("client.stranger", _T.BOOL, _C, _NEVER, _M, "whether it is neither trusted nor authenticated"),
    Fact("listener.name", _T.TEXT, _C, "no connection", _M, "the listener's name in the configuration"),
    Fact("listener.port", _T.NUMBER, _C, "no connection", _M, "the port the client connected to"),
    Fact("listener.kind", _T.TEXT, _C, _NEVER, _M, "`relay`, `submission`, ...; `pickup` without one"),
    Fact("time.hour", _T.HOUR, _C, _NEVER, _M, "the hour, 0 to 23, in `server.timezone`"),
    Fact("time.weekday", _T.TEXT, _C, _NEVER, _M, "the day of the week", choices=WEEKDAYS),
    Fact("time.date", _T.DATE, _C, _NEVER, _M, "the calendar date"),
    Fact("time.clock", _T.CLOCK, _C, _NEVER, _M, "the time of day"),
    Fact("time.iso", _T.TEXT, _C, _NEVER, _M, "date, time and offset in ISO 8601"),
    Fact("helo.name", _T.DOMAIN, _H, "no HELO or EHLO was given", _M, "the argument of HELO or EHLO"),
    Fact("helo.literal", _T.BOOL, _H, "no HELO or EHLO", _M, "whether that is an address in brackets"),
    Fact("helo.esmtp", _T.BOOL, _H, "no HELO or EHLO", _M, "whether the client said EHLO"),
    Fact("sender.address", _T.ADDRESS, _S, "the null sender `<>`", _M, "the envelope's sender"),
    Fact("sender.local", _T.TEXT, _S, "the null sender", _M, "its local part, tag included"),
    Fact("sender.tag", _T.TEXT, _S, "no tag", _M, "what follows the recipient delimiter in the local part"),
    Fact("sender.domain", _T.DOMAIN, _S, "the null sender", _M, "its domain"),
    Fact("sender.null", _T.BOOL, _S, _NEVER, _M, "whether the sender is `<>`"),
    Fact("sender.size", _T.SIZE, _S, "no SIZE was declared", _M, "the size declared at MAIL, in octets"),
    Fact("rcpt.address", _T.ADDRESS, _R, _NEVER, _M, "this recipient", only=_ONE),
    Fact("rcpt.local", _T.TEXT, _R, _NEVER, _M, "its local part, tag included", only=_ONE),
    Fact("rcpt.tag", _T.TEXT, _R, "no tag", _M, "what follows the recipient delimiter", only=_ONE),
    Fact("rcpt.domain", _T.DOMAIN, _R, "a bare `postmaster`", _M, "its domain", only=_ONE),
    Fact("rcpt.known", _T.BOOL, _R, "not a local domain", _L, "whether the user exists", only=_ONE),
    Fact("rcpt.index", _T.NUMBER, _R, _NEVER, _M, "its place among the accepted, from 1", only=_ONE),
    Fact("rcpts.address", _T.ADDRESS, _R, "none accepted yet", _M, "all accepted recipients", many=True),
    Fact("rcpts.domain", _T.DOMAIN, _R, "none accepted yet", _M, "their domains, each once", many=True),
    Fact("rcpts.count", _T.NUMBER, _R, _NEVER, _M, "how many there are"),
    Fact("message.size", _T.SIZE, _P, _NEVER, _M, "octets as received"),
    Fact("message.id", _T.TEXT, _P, "no Message-ID", _M, "Message-ID, with brackets", header="message-id"),
    Fact("message.date", _T.INSTANT, _P, "no Date, or no date in it", _M, "Date", header="date"),
    Fact("message.subject", _T.TEXT, _P, "no Subject", _M, "Subject, decoded", header="subject"),
    Fact("message.from", _T.ADDRESS, _P, "no address in From", _M, "From's first mailbox", header="from"),
    Fact("message.from_domain", _T.DOMAIN, _P, "no address in From", _M, "its domain", header="from"),
    Fact("message.to", _T.ADDRESS, _P, "no address in To", _M, "the mailboxes of To", many=True, header="to"),
    Fact("message.cc", _T.ADDRESS, _P, "no address in Cc", _M, "the mailboxes of Cc", many=True, header="cc"),
    Fact("message.received_count", _T.NUMBER, _P, _NEVER, _M, "how many Received fields", header="received"),
    Fact("message.utf8", _T.BOOL, _P, _NEVER, _M, "whether it came with SMTPUTF8"),
    Fact("message.defects", _T.TEXT, _P, "nothing wrong", _M, "faults of the header", many=True, header="*"),
    Fact("queue.id", _T.TEXT, _Q, _NEVER, _M, "the queue id"),
    Fact("queue.attempts", _T.NUMBER, _Q, _NEVER, _M, "delivery attempts before this one"),
    Fact("queue.age", _T.DURATION, _Q, _NEVER, _M, "how long ago the message was accepted"),
)
FACTS: Final[dict[str, Fact]] = {fact.name: fact for fact in _CATALOGUE}

# Families end in a name of the administrator's choosing; here the name is a header field's, case ignored.
_FAMILIES: Final[dict[str, Fact]] = {
    "message.headers": Fact(
        "message.headers.<name>", _T.TEXT, _P, "no such field", _M, "each one's value, decoded", many=True,
    ),
    "message.raw_headers": Fact(
        "message.raw_headers.<name>", _T.TEXT, _P, "no such field", _M, "likewise, as it stands", many=True,
    ),
    "message.header_count": Fact(
        "message.header_count.<name>", _T.NUMBER, _P, _NEVER, _M, "how many such fields",
    ),
}  # fmt: skip

NAMESPACES: Final = frozenset(
    prefix
    for name in (*FACTS, *(f"{family}.x" for family in _FAMILIES))
    for prefix in (name.rsplit(".", 1)[0], name.split(".", 1)[0])
)
FAMILY_NAMES: Final = tuple(fact.name for fact in _FAMILIES.values())


def find_fact(name: str) -> Fact | None:
    """The fact of that name, a family's member under its own lower-case name; None where there is none."""
    fact = FACTS.get(name)
    if fact is not None:
        return fact
    family, _, member = name.rpartition(".")
    pattern = _FAMILIES.get(family)
    if pattern is None or not member:
        return None
    field = member.lower()
    return Fact(
        f"{family}.{field}", pattern.type, pattern.first, pattern.absent, pattern.cost, pattern.about,
        many=pattern.many, header=field,
    )  # fmt: skip
