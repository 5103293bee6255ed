"""What a listener grants to its clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vsmtp.smtp.replies import reworded
from vsmtp.values.reply import Reply

EXTENSIONS: Final = ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")

# The MAIL parameter that each extension brings (RFC 1870, 6152, 6531).
_PARAMETER_OF: Final = {"SIZE": "SIZE", "8BITMIME": "BODY", "SMTPUTF8": "SMTPUTF8"}


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits and words of one listener; made once, shared by all its conversations.

    `max_message_size` in octets; `max_command_line` and `max_line_length` in octets with their CRLF (RFC 5321
    4.5.3.1.4 and .6). After `hard_error_limit` commands refused with 5yz since the last accepted message the
    conversation is closed; of commands that do nothing (NOOP, RSET, HELP, VRFY) `max_idle_commands` are
    free, every further one counts as an error. `extensions` are offered in this order; SIZE is followed by
    the limit. `replies` are reworded ones, by the names in `replies.py`; raises ValueError for a wrong one.
    `said` and `wire` are all replies as values and as octets, `parameters` those MAIL takes after EHLO.
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
    said: Mapping[str, Reply] = field(init=False, repr=False, compare=False)
    wire: Mapping[str, bytes] = field(init=False, repr=False, compare=False)
    parameters: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        said = reworded(self.replies, self.server_name)
        offers = "".join(f"\n{self._offer(keyword)}" for keyword in self.extensions)
        said["ehlo"] = Reply(250, "", said["ehlo"].text + offers)
        object.__setattr__(self, "said", said)
        object.__setattr__(self, "wire", {name: reply.wire() for name, reply in said.items()})
        offered = (_PARAMETER_OF[keyword] for keyword in self.extensions if keyword in _PARAMETER_OF)
        object.__setattr__(self, "parameters", frozenset(offered))

    def _offer(self, keyword: str) -> str:
        return f"SIZE {self.max_message_size}" if keyword == "SIZE" else keyword
