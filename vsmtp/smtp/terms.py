"""What a listener grants to a client at a point of its session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from vsmtp.smtp.commands import VAGUE_VRFY, VERBS, Offer, Verb, insisting
from vsmtp.smtp.lines import BareNewline, LineRules
from vsmtp.smtp.parameters import MAIL_PARAMETERS, RCPT_PARAMETERS
from vsmtp.smtp.replies import reworded
from vsmtp.smtp.xclient import ATTRIBUTES
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES

# Offered unless somebody says otherwise.
EXTENSIONS: Final = ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
# Those that a listener may name in `Terms.extensions`; the others follow from what else it grants.
ALL_EXTENSIONS: Final = (*EXTENSIONS, "DSN", "CHUNKING", "LIMITS", "REQUIRETLS")

# The name of the reply that says nothing.
SILENCE: Final = ""

Kind: TypeAlias = Literal["smtp", "lmtp"]
Tls: TypeAlias = Literal["none", "may", "required", "active"]
Vrfy: TypeAlias = Literal["vague", "ask", "off"]
Expn: TypeAlias = Literal["ask", "off"]

_GREETINGS: Final[Mapping[Kind, tuple[bytes, ...]]] = {"smtp": (b"EHLO", b"HELO"), "lmtp": (b"LHLO",)}
# RFC 4954 4: what nobody may use who has to say who he is first, and RFC 3207 4 likewise.
_GUARDED: Final = (b"MAIL", b"VRFY", b"EXPN")


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits and words of one listener; made once, shared by all its conversations.

    `max_message_size` in octets; `max_command_line` and `max_line_length` in octets with their CRLF (RFC 5321
    4.5.3.1.4 and .6). After `hard_error_limit` commands refused with 5yz since the last accepted message the
    conversation is closed; of commands that do nothing (NOOP, RSET, HELP, VRFY) `max_idle_commands` are
    free, every further one counts as an error. `max_messages` in one connection, None for any number.

    `extensions` are offered in this order; SIZE is followed by the limit, LIMITS by the limits (RFC 9422),
    and REQUIRETLS is offered under TLS only (RFC 8689). `tls` says how it stands with it now: not to be had,
    may be had by STARTTLS, must be had so before MAIL, or is there. `auth` are the mechanisms granted now,
    in upper case; `auth_required` wants a login before MAIL. `vrfy` and `expn` say whether anybody is asked.

    `replies` are reworded ones, by the names in `replies.py`; raises ValueError for a wrong one. `said` and
    `wire` are all replies as values and as octets, the latter with `SILENCE`; `verbs` are the commands
    granted to a client without a login, `verbs_after_auth` to one with; `offer` is what those take.
    """

    server_name: str
    max_message_size: int
    max_recipients: int
    max_command_line: int = 2048
    max_line_length: int = 1000
    hard_error_limit: int = 20
    max_idle_commands: int = 100
    extensions: tuple[str, ...] = EXTENSIONS
    replies: Mapping[str, Reply] = field(default_factory=dict, hash=False)
    kind: Kind = "smtp"
    tls: Tls = "none"
    auth: tuple[str, ...] = ()
    auth_required: bool = False
    bare_newline: BareNewline = "reject"
    max_messages: int | None = None
    xclient: bool = False
    vrfy: Vrfy = "vague"
    expn: Expn = "off"
    said: Mapping[str, Reply] = field(init=False, repr=False, compare=False)
    wire: Mapping[str, bytes] = field(init=False, repr=False, compare=False)
    verbs: Mapping[bytes, Verb] = field(init=False, repr=False, compare=False)
    verbs_after_auth: Mapping[bytes, Verb] = field(init=False, repr=False, compare=False)
    offer: Offer = field(init=False, repr=False, compare=False)
    _instead: Mapping[Reply, Reply] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out once what every conversation under these terms needs at every command."""
        commands = " ".join(verb.decode("ascii") for verb in _granted(self))
        said = reworded(self.replies, self.server_name, commands, lmtp=self.kind == "lmtp")
        offers = "".join(f"\n{keyword}" for keyword in _keywords(self))
        said["ehlo"] = Reply(250, "", said["ehlo"].text + offers)
        wire = {name: reply.wire() for name, reply in said.items()}
        object.__setattr__(self, "said", said)
        object.__setattr__(self, "wire", {SILENCE: b"", **wire})
        object.__setattr__(self, "verbs", _verbs(self, known=False))
        object.__setattr__(self, "verbs_after_auth", _verbs(self, known=True))
        object.__setattr__(self, "offer", _offer(self))
        object.__setattr__(self, "_instead", {REPLIES[name]: said[name] for name in self.replies})

    def in_own_words(self, reply: Reply) -> Reply:
        """A reply of the driver's as this listener says it: one of `REPLIES` may be reworded, others stay."""
        return self._instead.get(reply, reply) if self._instead else reply

    @property
    def requiretls(self) -> bool:
        """Whether REQUIRETLS is offered now."""
        return "REQUIRETLS" in self.extensions and self.tls == "active"

    def line_rules(self) -> LineRules:
        """What the next message is measured by."""
        return LineRules(self.max_message_size, self.max_line_length, self.bare_newline)


def _keywords(terms: Terms) -> Iterator[str]:
    for keyword in terms.extensions:
        if keyword == "SIZE":
            yield f"SIZE {terms.max_message_size}"
        elif keyword == "LIMITS":
            mails = "" if terms.max_messages is None else f" MAILMAX={terms.max_messages}"
            yield f"LIMITS{mails} RCPTMAX={terms.max_recipients}"
        elif keyword != "REQUIRETLS" or terms.requiretls:
            yield keyword
    if _may_start_tls(terms):
        yield "STARTTLS"
    if terms.auth:
        yield f"AUTH {' '.join(terms.auth)}"
    if terms.xclient:
        yield f"XCLIENT {' '.join(ATTRIBUTES)}"


def _may_start_tls(terms: Terms) -> bool:
    return terms.tls in {"may", "required"}


def _granted(terms: Terms) -> Iterator[bytes]:
    yield from _GREETINGS[terms.kind]
    if _may_start_tls(terms):
        yield b"STARTTLS"
    if terms.auth:
        yield b"AUTH"
    yield from (b"MAIL", b"RCPT", b"DATA")
    if "CHUNKING" in terms.extensions:
        yield b"BDAT"
    yield from (b"RSET", b"NOOP")
    if terms.vrfy != "off":
        yield b"VRFY"
    if terms.expn != "off":
        yield b"EXPN"
    if terms.xclient:
        yield b"XCLIENT"
    yield from (b"HELP", b"QUIT")


def _verbs(terms: Terms, *, known: bool) -> dict[bytes, Verb]:
    """Give the commands granted; `known` is whether the client has logged in."""
    verbs = {name: VERBS[name] for name in _granted(terms)}
    if known:
        verbs[b"AUTH"] = insisting(VERBS[b"AUTH"], "auth_twice")
    if terms.tls == "required":
        verbs = _guarded(verbs, "starttls_first")
    elif terms.auth_required and not known:
        verbs = _guarded(verbs, "auth_first")
    if _wants_tls_before_auth(terms):
        verbs[b"AUTH"] = insisting(VERBS[b"AUTH"], "starttls_first")
    if terms.vrfy == "vague":
        verbs[b"VRFY"] = VAGUE_VRFY
    return verbs


def _wants_tls_before_auth(terms: Terms) -> bool:
    # Who has to log in and may not do so in clear is told how he can.
    return terms.tls == "required" or (terms.tls == "may" and terms.auth_required and not terms.auth)


def _guarded(verbs: Mapping[bytes, Verb], name: str) -> dict[bytes, Verb]:
    return {verb: insisting(VERBS[verb], name) if verb in _GUARDED else verbs[verb] for verb in verbs}


def _offer(terms: Terms) -> Offer:
    extensions = {keyword for keyword in terms.extensions if keyword != "REQUIRETLS" or terms.requiretls}
    if terms.auth:
        extensions.add("AUTH")
    return Offer(
        terms.max_message_size,
        frozenset(name for keyword in extensions for name in MAIL_PARAMETERS.get(keyword, ())),
        frozenset(name for keyword in extensions for name in RCPT_PARAMETERS.get(keyword, ())),
        frozenset(terms.auth),
    )
