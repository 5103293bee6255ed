"""The catalogue of facts: the one table in code of what a rule can ask about."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    values there are, lower case. `answered`: whether this release finds it out. `written` is what an
    administrator calls it where that is not its name (a column is asked as `lookup:3.quota` and written
    `user.quota`), and `rests_on` what else such a fact depends on: other facts, `table:<name>`.
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
    answered: bool = True
    written: str = ""
    rests_on: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What an administrator calls it."""
        return self.written or self.name

    @property
    def is_always_there(self) -> bool:
        """Whether there is always a value, unless it is unavailable."""
        return self.absent == _NEVER

    @property
    def sources(self) -> tuple[str, ...]:
        """Everything a change of which changes the fact: itself, `header:<field>`, and what it rests on."""
        header = (f"header:{self.header}",) if self.header else ()
        return (self.name, *header, *self.rests_on)


_ONE: Final = frozenset({Stage.RCPT, Stage.DELIVERY})
_NEVER: Final = "never absent"
_T: Final = Type
_M, _L, _N = Cost
_C, _H, _A, _S, _R, _P, _Q = (
    Stage.CONNECT, Stage.HELO, Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.PREQUEUE, Stage.POSTQUEUE,
)  # fmt: skip

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KINDS: Final = ("relay", "submission", "submissions", "lmtp", "lmtps", "delegation", "policy", "pickup")
# RFC 8601 2.7: the results that each method can have.
_SPF: Final = ("none", "neutral", "pass", "fail", "softfail", "temperror", "permerror")
_DKIM: Final = ("none", "pass", "fail", "policy", "neutral", "temperror", "permerror")
_DMARC: Final = ("none", "pass", "fail", "temperror", "permerror")
_POLICIES: Final = ("none", "quarantine", "reject")
_ALIGNED: Final = ("spf", "dkim")
_IPREV: Final = ("pass", "fail", "temperror", "permerror")
_NO_PTR: Final = "no PTR record"
_UNSIGNED: Final = "no signature"
_CATALOGUE: Final = (
    Fact("client.ip", _T.IP, _C, "no connection: mail made on this machine", _M, "the client's IP address"),
    Fact("client.net", _T.NETWORK, _C, "no connection", _M, "the client's /24 (IPv4) or /64 (IPv6)"),
    Fact("client.port", _T.NUMBER, _C, "no connection", _M, "the client's TCP port"),
    Fact("client.rdns", _T.DOMAIN, _C, _NO_PTR, _N, "the name its PTR record gives", answered=False),
    Fact("client.rdns_valid", _T.BOOL, _C, _NO_PTR, _N, "whether that name leads back to it", answered=False),
    Fact("client.trusted", _T.BOOL, _C, _NEVER, _M, "whether the client is in `server.trusted`"),
    Fact("client.stranger", _T.BOOL, _C, _NEVER, _M, "whether it is neither trusted nor authenticated"),
    Fact("listener.name", _T.TEXT, _C, "no connection", _M, "the listener's name in the configuration"),
    Fact("listener.port", _T.NUMBER, _C, "no connection", _M, "the port the client connected to"),
    Fact(
        "listener.kind", _T.TEXT, _C, _NEVER, _M,
        "`relay`, `submission`, ...; `pickup` without one", choices=_KINDS,
    ),
    Fact(
        "iprev.result", _T.TEXT, _C, "no connection", _N,
        "of RFC 8601's iprev check", choices=_IPREV, answered=False,
    ),
    Fact("time.hour", _T.HOUR, _C, _NEVER, _M, "the hour, 0 to 23, in `server.timezone`"),
    Fact("time.weekday", _T.TEXT, _C, _NEVER, _M, "the day of the week", choices=WEEKDAYS),
    Fact("time.date", _T.DATE, _C, _NEVER, _M, "the calendar date"),
    Fact("time.clock", _T.CLOCK, _C, _NEVER, _M, "the time of day"),
    Fact("time.iso", _T.TEXT, _C, _NEVER, _M, "date, time and offset in ISO 8601"),
    Fact("time.now", _T.INSTANT, _C, _NEVER, _M, "the moment at which the stage began"),
    Fact("helo.name", _T.DOMAIN, _H, "no HELO or EHLO was given", _M, "the argument of HELO or EHLO"),
    Fact("helo.literal", _T.BOOL, _H, "no HELO or EHLO", _M, "whether that is an address in brackets"),
    Fact("helo.esmtp", _T.BOOL, _H, "no HELO or EHLO", _M, "whether the client said EHLO"),
    Fact("tls.active", _T.BOOL, _H, _NEVER, _M, "whether the connection is encrypted"),
    Fact(
        "tls.version", _T.TEXT, _H, "no TLS", _M,
        "the protocol's version", choices=("1.0", "1.1", "1.2", "1.3"),
    ),
    Fact("tls.cipher", _T.TEXT, _H, "no TLS", _M, "the cipher suite, as OpenSSL calls it"),
    Fact(
        "tls.sni", _T.DOMAIN, _H, "no TLS, or no name asked for", _M, "the server name the client asked for",
    ),
    Fact(
        "tls.client_cert", _T.TEXT, _H, "no verified certificate", _M,
        "the subject of the client's certificate",
    ),
    Fact("auth.user", _T.TEXT, _A, "no login", _M, "the login's name"),
    Fact("auth.domain", _T.DOMAIN, _A, "no login, or none in it", _M, "the domain in the login's name"),
    Fact("auth.mechanism", _T.TEXT, _A, "no login", _M, "the SASL mechanism"),
    Fact("auth.success", _T.BOOL, _A, "no login was tried", _M, "whether the last login succeeded"),
    Fact(
        "auth.attempt", _T.NUMBER, _A, "no login was tried", _M,
        "which attempt of the connection it was, from 1",
    ),
    Fact("sender.address", _T.ADDRESS, _S, "the null sender `<>`", _M, "the envelope's sender"),
    Fact("sender.local", _T.TEXT, _S, "the null sender", _M, "its local part, tag included"),
    Fact("sender.tag", _T.TEXT, _S, "no tag", _M, "what follows the recipient delimiter in the local part"),
    Fact("sender.domain", _T.DOMAIN, _S, "the null sender", _M, "its domain"),
    Fact(
        "sender.owned", _T.BOOL, _S, "no login, or the null sender", _L,
        "whether the login may send from it (`auth.owners`)",
    ),
    Fact("sender.null", _T.BOOL, _S, _NEVER, _M, "whether the sender is `<>`"),
    Fact("sender.size", _T.SIZE, _S, "no SIZE was declared", _M, "the size declared at MAIL, in octets"),
    Fact("spf.result", _T.TEXT, _S, _NEVER, _N, "what SPF says (RFC 7208)", choices=_SPF, answered=False),
    Fact("spf.domain", _T.DOMAIN, _S, "no domain to ask", _N, "the domain SPF was asked of", answered=False),
    Fact(
        "spf.explanation", _T.TEXT, _S, "none given", _N, "that domain's words for a `fail`", answered=False,
    ),
    Fact("rcpt.address", _T.ADDRESS, _R, _NEVER, _M, "this recipient", only=_ONE),
    Fact("rcpt.local", _T.TEXT, _R, _NEVER, _M, "its local part, tag included", only=_ONE),
    Fact("rcpt.tag", _T.TEXT, _R, "no tag", _M, "what follows the recipient delimiter", only=_ONE),
    Fact("rcpt.domain", _T.DOMAIN, _R, "a bare `postmaster`", _M, "its domain", only=_ONE),
    Fact("rcpt.original", _T.ADDRESS, _R, _NEVER, _M, "the recipient as the client gave it", only=_ONE),
    Fact("rcpt.org_domain", _T.DOMAIN, _R, "a bare `postmaster`", _L, "its organizational domain", only=_ONE),
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
    Fact(
        "message.from_owned", _T.BOOL, _P, "no login, or no From", _L,
        "whether the login may send from all mailboxes in From", header="from",
    ),
    Fact("message.from_domain", _T.DOMAIN, _P, "no address in From", _M, "its domain", header="from"),
    Fact("message.to", _T.ADDRESS, _P, "no address in To", _M, "the mailboxes of To", many=True, header="to"),
    Fact("message.cc", _T.ADDRESS, _P, "no address in Cc", _M, "the mailboxes of Cc", many=True, header="cc"),
    Fact("message.received_count", _T.NUMBER, _P, _NEVER, _M, "how many Received fields", header="received"),
    Fact("message.utf8", _T.BOOL, _P, _NEVER, _M, "whether it came with SMTPUTF8"),
    Fact(
        "message.defects", _T.TEXT, _P, "nothing wrong", _L,
        "faults of the header and of the parts' structure", many=True, header="*",
    ),
    Fact("message.attachments", _T.NUMBER, _P, _NEVER, _L, "how many attachments", header="*"),
    Fact(
        "message.attachment_names", _T.TEXT, _P, "none named", _L,
        "their names, decoded; of a broken name all that it may mean", many=True, header="*",
    ),
    Fact(
        "message.attachment_types", _T.TEXT, _P, "no attachment", _L,
        "their MIME types", many=True, header="*",
    ),
    Fact(
        "message.mime_types", _T.TEXT, _P, "none", _L,
        "the types of all parts, containers included", many=True, header="*",
    ),
    Fact(
        "message.text", _T.TEXT, _P, "no text in it", _L,
        "the decoded text of its parts that are no attachments, HTML as it stands", header="*",
    ),
    Fact("message.released", _T.BOOL, _P, _NEVER, _M, "whether it was released from a quarantine"),
    Fact(
        "dkim.result", _T.TEXT, _P, _NEVER, _N,
        "the best result of its signatures", choices=_DKIM, answered=False,
    ),
    Fact(
        "dkim.domains", _T.DOMAIN, _P, _UNSIGNED, _N, "the domains that signed it", many=True, answered=False,
    ),
    Fact(
        "dkim.selectors", _T.TEXT, _P, _UNSIGNED, _N,
        "those signatures' selectors", many=True, answered=False,
    ),
    Fact("dmarc.result", _T.TEXT, _P, _NEVER, _N, "what DMARC says", choices=_DMARC, answered=False),
    Fact(
        "dmarc.policy", _T.TEXT, _P, "no DMARC record", _N,
        "what it asks for", choices=_POLICIES, answered=False,
    ),
    Fact(
        "dmarc.domain", _T.DOMAIN, _P, "no DMARC record", _N, "the domain that publishes it", answered=False,
    ),
    Fact(
        "dmarc.aligned", _T.TEXT, _P, "neither", _N,
        "what passed for From's domain", many=True, choices=_ALIGNED, answered=False,
    ),
    Fact(
        "arc.result", _T.TEXT, _P, _NEVER, _N, "the chain's state (RFC 8617)", choices=_DMARC, answered=False,
    ),
    Fact("queue.id", _T.TEXT, _Q, _NEVER, _M, "the queue id"),
    Fact("queue.attempts", _T.NUMBER, _Q, _NEVER, _M, "delivery attempts before this one"),
    Fact("queue.age", _T.DURATION, _Q, _NEVER, _M, "how long ago the message was accepted"),
)  # fmt: skip
FACTS: Final[dict[str, Fact]] = {fact.name: fact for fact in _CATALOGUE}

# Families end in a name of the administrator's choosing; of a message they are header fields, case ignored.
_FAMILIES: Final[dict[str, Fact]] = {
    "dnsbl": Fact(
        "dnsbl.<name>", _T.BOOL, _C, "no connection", _N, "whether that list has the client", answered=False,
    ),
    "message.headers": Fact(
        "message.headers.<name>", _T.TEXT, _P, "no such field", _M, "each one's value, decoded", many=True,
    ),
    "message.raw_headers": Fact(
        "message.raw_headers.<name>", _T.TEXT, _P, "no such field", _M, "likewise, as it stands", many=True,
    ),
    "message.header_count": Fact(
        "message.header_count.<name>", _T.NUMBER, _P, _NEVER, _M, "how many such fields",
    ),
    "rate": Fact("rate.<limiter>", _T.NUMBER, _C, "no key to count by", _M, "events in the limiter's window"),
    "var": Fact("var.<name>", _T.TEXT, _C, "not set", _M, "a variable: text, or a number if rules add to it"),
    "rcpt.var": Fact("rcpt.var.<name>", _T.TEXT, _R, "not set", _M, "likewise, of a recipient", only=_ONE),
}  # fmt: skip
_SERVICE: Final = Fact(
    "service.<name>.<field>",
    _T.TEXT,
    _C,
    "not in the answer",
    _N,
    "what a service said",
    answered=False,
)
_BY_SPELLING: Final = "message."

# What a name that is no fact may be the beginning of.
NAMESPACES: Final = frozenset(
    prefix
    for name in (*FACTS, *(f"{family}.x" for family in _FAMILIES), "service.x.x", "match.x")
    for prefix in (name.rsplit(".", 1)[0], name.split(".", 1)[0])
    if prefix != "service.x"
)
FAMILY_NAMES: Final = tuple(fact.name for fact in (*_FAMILIES.values(), _SERVICE))
# The first words of facts: nothing else is called so.
RESERVED: Final = frozenset(name.partition(".")[0] for name in NAMESPACES)


def families() -> tuple[Fact, ...]:
    """The patterns of the families, for the manual."""
    return (*_FAMILIES.values(), _SERVICE)


def is_namespace(name: str) -> bool:
    """Whether names of facts begin with this and a dot."""
    first, _, rest = name.partition(".")
    return name in NAMESPACES or (first == "service" and bool(rest) and "." not in rest)


def find_fact(name: str) -> Fact | None:
    """The fact of that name, for a member of a family one of its own; None where there is no such fact.

    Of `var.<name>` the type is not known here: it depends on the rules (see `rules.reading`).
    """
    fact = FACTS.get(name)
    if fact is not None:
        return fact
    family, _, member = name.rpartition(".")
    if family.startswith("service.") and is_namespace(family) and member:
        return replace(_SERVICE, name=name)
    pattern = _FAMILIES.get(family)
    if pattern is None or not member:
        return None
    if not family.startswith(_BY_SPELLING):
        return replace(pattern, name=name)
    field = member.lower()
    return replace(pattern, name=f"{family}.{field}", header=field)
