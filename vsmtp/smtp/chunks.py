"""BDAT: the octets of a message as counted chunks (RFC 3030).

A chunk may end anywhere, within a line and between a CR and its LF; the line rules hold for the message as a
whole, as they do for DATA, because it may go on by DATA. Dots are not stuffed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vsmtp.smtp.inbox import Inbox
from vsmtp.smtp.lines import LineRules
from vsmtp.values.reply import Reply

# Nobody sends more than 2^63 octets; who says so wants to see a number overflow.
SIZE: Final = re.compile(rb"([0-9]{1,18})( +LAST)? *", re.IGNORECASE)


class Chunks:
    """The decoder of one message that comes by BDAT, judged by `rules`."""

    __slots__ = ("_held", "rules")

    def __init__(self, rules: LineRules) -> None:
        self.rules = rules
        self._held = b""

    def take(self, data: bytes) -> bytes:
        """Decode the next octets; a CR at their end is kept back until what follows it is known."""
        stream = self._held + data
        self._held = b"\r" if stream.endswith(b"\r") else b""
        return self.rules.judge(stream[:-1] if self._held else stream)

    def finish(self) -> bytes:
        """Give the end of the message: a last line without an end gets one, for DATA could not send it on."""
        rest, self._held = self._held, b""
        text = self.rules.judge(rest)
        return text + self.rules.judge(b"\r\n") if self.rules.line_is_open else text


@dataclass(slots=True)
class Portion:
    """One chunk on its way: `left` octets are to come, and go into `content`."""

    left: int
    last: bool
    content: Chunks

    def take(self, inbox: Inbox) -> bytes:
        """Decode what has come of this chunk."""
        data = inbox.take_some(self.left)
        self.left -= len(data)
        text = self.content.take(data)
        if self.last and not self.left:
            text += self.content.finish()
        return text if self.content.rules.fault is None else b""


@dataclass(slots=True)
class Dropped:
    """A chunk on its way that nobody wants; `then` is said when its octets are gone (RFC 3030 2).

    `times` is more than 1 where LMTP wants a reply for each recipient.
    """

    left: int
    then: Reply
    times: int

    def take(self, inbox: Inbox) -> None:
        """Drop what has come of this chunk."""
        self.left -= len(inbox.take_some(self.left))
