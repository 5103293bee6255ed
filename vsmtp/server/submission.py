"""What mail from people is given that their programs left out."""

from __future__ import annotations

from secrets import token_hex

from vsmtp.message.edits import Edit
from vsmtp.message.submission import Given, fix_ups
from vsmtp.server.acceptance import Counter


def completed(head: bytes, counter: Counter, domain: str) -> tuple[Edit, ...]:
    """The edits that complete a header (RFC 6409 8); addresses without a domain are those of `domain`."""
    unique = f"<{token_hex(12)}@{counter.server_name}>"
    return fix_ups(head, Given(counter.date(counter.clock()), unique, domain))
