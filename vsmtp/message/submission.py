"""What a submission server may add to a message that its author's program left out (RFC 6409 8).

Only for mail at its very beginning: a relay that did this would change what others have written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from vsmtp.message.edits import Edit, SetField
from vsmtp.message.fields import Header, scan

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
_MAILBOX: Final = re.compile(
    rf"(?P<before>(?:[^<>,]*<)?\s*)(?P<local>{_ATOM}(?:\.{_ATOM})*)"
    r"(?:@(?P<host>[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?))?(?P<after>\s*>?)\s*"
)
# Those in which a sender names itself.
_OF_SENDERS: Final = ("From", "Sender")


class Given(NamedTuple):
    """What is filled in: the time as `rfc5322_date` writes it, `<unique@here>`, and the default domain."""

    date: str
    message_id: str
    domain: str


def fix_ups(head: bytes, given: Given) -> tuple[Edit, ...]:
    """The edits that give a header what it lacks: Date, Message-ID, a domain in From and Sender.

    An address without a domain is completed, and so is one whose domain is a single label, a machine at home;
    fields that name several mailboxes, go beyond US-ASCII, or stand more than once, are left alone. Nothing
    for a header that is over the limits of `scan`.
    """
    header = scan(head)
    return tuple(_edits(header, given)) if isinstance(header, Header) else ()


def _edits(header: Header, given: Given) -> Iterator[Edit]:
    if not header.count("Date"):  # RFC 6409 8.2
        yield SetField("Date", given.date)
    if not header.count("Message-ID"):  # RFC 6409 8.3
        yield SetField("Message-ID", given.message_id)
    for name in _OF_SENDERS:
        values = header.unfolded(name)
        if len(values) == 1 and (value := _qualified(values[0], given.domain)) != values[0]:
            yield SetField(name, value)


def _qualified(value: str, domain: str) -> str:
    """The value with a whole domain in its only mailbox."""
    found = _MAILBOX.fullmatch(value) if value.isascii() else None
    if found is None or ("<" in found["before"]) != (">" in found["after"]):
        return value
    host = found["host"]
    # What a machine calls itself is nobody's name.
    whole = domain if host is None or host.lower() == "localhost" else f"{host}.{domain}"
    return f"{found['before']}{found['local']}@{whole}{found['after'].rstrip()}"
