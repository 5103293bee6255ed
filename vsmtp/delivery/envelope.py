"""MAIL and RCPT as they are said to a peer: each parameter only where the peer offers its extension."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from vsmtp.delivery.consignment import Consignment
from vsmtp.smtp.parameters import MAX_ENVELOPE_ID, MAX_ORIGINAL, OriginalRecipient
from vsmtp.smtp.xtext import utf8_xtext, xtext

# The parameters of an extension, if the peer offers it.
Offers: TypeAlias = Callable[[str], str | None]


def mail(one: Consignment, offers: Offers, *, size: int | None, utf8: bool) -> str:
    """MAIL for the message; `size` None where nobody knows it, `utf8`: it needs SMTPUTF8."""
    words = [f"MAIL FROM:<{one.sender}>"]
    if size is not None and offers("size") is not None:
        words.append(f"SIZE={size}")
    if may_be_eight_bit(one) and offers("8bitmime") is not None:
        words.append("BODY=8BITMIME")
    if utf8:
        words.append("SMTPUTF8")
    if one.wishes.requiretls:
        words.append("REQUIRETLS")
    if offers("dsn") is not None:
        words += _wishes(one)
    return " ".join(words)


def rcpt(to: Consignment, offers: Offers) -> str:
    """RCPT for one recipient."""
    words = [f"RCPT TO:<{to.recipient}>"]
    wished = to.wished
    if offers("dsn") is not None:
        if wished.notify:
            words.append("NOTIFY=" + ",".join(sorted(word.value for word in wished.notify)))
        # RFC 3461 5.2.1: as it was given, whatever the address has become since.
        if wished.original is not None and len(original := write_original(wished.original)) <= MAX_ORIGINAL:
            words.append(f"ORCPT={original}")
    return " ".join(words)


def may_be_eight_bit(one: Consignment) -> bool:
    """Whether there may be octets beyond US-ASCII in the message; of one on the disk nobody knows."""
    return one.eight_bit or one.content.file is not None or not one.content.data.isascii()


def write_original(original: OriginalRecipient) -> str:
    """ORCPT's value."""
    kind, address = original.kind, original.address
    return f"{kind};{utf8_xtext(address) if kind.lower() == 'utf-8' else xtext(address)}"


def _wishes(one: Consignment) -> Iterator[str]:
    wishes = one.wishes
    if wishes.ret is not None:
        # RFC 8689 5: nobody is to get the text of such a message back in clear.
        yield "RET=HDRS" if wishes.requiretls else f"RET={wishes.ret.value}"
    if wishes.envelope_id is not None and len(written := xtext(wishes.envelope_id)) <= MAX_ENVELOPE_ID:
        yield f"ENVID={written}"
