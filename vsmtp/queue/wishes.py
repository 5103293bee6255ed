"""What senders want of a message and of each recipient (RFC 3461, RFC 8689), as columns hold it.

Of a message: bits of its `flags`, and ENVID. Of a recipient: empty, or first letters of NOTIFY's words, the
type of ORCPT and its address, parted by semicolons; a later semicolon belongs to the address.
"""

from __future__ import annotations

from typing import Final

from vsmtp.smtp.parameters import (
    NO_MAIL_PARAMETERS,
    NO_RCPT_PARAMETERS,
    MailParameters,
    Notify,
    OriginalRecipient,
    RcptParameters,
    Return,
)

REQUIRETLS: Final = 4
_RETURNS: Final = {Return.FULL: 8, Return.HDRS: 16}
_LETTERS: Final = {Notify.NEVER: "N", Notify.SUCCESS: "S", Notify.FAILURE: "F", Notify.DELAY: "D"}
_WORDS: Final = {letter: word for word, letter in _LETTERS.items()}


def flags_of(wishes: MailParameters) -> int:
    """The bits for RET and REQUIRETLS."""
    if wishes is NO_MAIL_PARAMETERS:
        return 0
    return (REQUIRETLS if wishes.requiretls else 0) | (_RETURNS[wishes.ret] if wishes.ret else 0)


def mail_wishes(flags: int, envelope_id: str | None) -> MailParameters:
    """What `flags_of` and the column of ENVID hold."""
    ret = next((word for word, bit in _RETURNS.items() if flags & bit), None)
    if ret is None and envelope_id is None and not flags & REQUIRETLS:
        return NO_MAIL_PARAMETERS
    return MailParameters(ret, envelope_id, requiretls=bool(flags & REQUIRETLS))


def write_rcpt_wishes(wishes: RcptParameters) -> str:
    """NOTIFY and ORCPT as text; empty where neither was given."""
    if wishes is NO_RCPT_PARAMETERS or not (wishes.notify or wishes.original):
        return ""
    letters = "".join(letter for word, letter in _LETTERS.items() if word in wishes.notify)
    original = wishes.original
    return f"{letters};{original.kind};{original.address}" if original else f"{letters};;"


def read_rcpt_wishes(text: str) -> RcptParameters:
    """What `write_rcpt_wishes` wrote."""
    if not text:
        return NO_RCPT_PARAMETERS
    letters, kind, address = text.split(";", 2)
    original = OriginalRecipient(kind, address) if kind else None
    return RcptParameters(frozenset(_WORDS[letter] for letter in letters), original)
