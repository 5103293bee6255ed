r"""The stream after a 354 turned into the message (RFC 5321 4.5.2), as a whole and not line by line.

Only `\r\n.\r\n` ends a message; the CRLF of the DATA line counts as its first one, and therefore a CRLF
that is never handed out stands before the stream. The end of a piece that may be the beginning of the
terminator is held back, at most four octets. So neither a CRLF nor the dot of a stuffed line is ever cut in
two, and a piece can be judged and unstuffed by itself, by searches that run at the speed of memory.
"""

from __future__ import annotations

from typing import Final

from vsmtp.smtp.lines import LineRules

_END: Final = b"\r\n.\r\n"


class Intake:
    """The decoder of one message that came by DATA, judged by `rules`."""

    __slots__ = ("_held", "_skip", "rules")

    def __init__(self, rules: LineRules) -> None:
        self.rules = rules
        self._held = b"\r\n"
        self._skip = 2

    def take(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Decode the next piece: the message's octets in it, and what follows the message once it has ended.

        The octets are empty from the moment on when the message is known to be unsound.
        """
        stream = self._held + data
        dot = stream.find(b"\n.")
        end = stream.find(_END, max(dot - 1, 0)) if dot >= 0 else -1
        if end < 0:
            held = _held_back(stream)
            self._held = stream[len(stream) - held :]
            return self._judged(stream[: len(stream) - held], dot), None
        return self._judged(stream[: end + 2], dot), stream[end + len(_END) :]

    def _judged(self, piece: bytes, dot: int) -> bytes:
        """Unstuff `piece` and have it judged; `dot` is where the first LF before a dot stands, or -1.

        Only after CRLF is a dot stuffed; one after a bare end belongs to the text, whatever the end becomes.
        """
        text = piece.replace(b"\r\n.", b"\r\n") if 0 <= dot < len(piece) - 1 else piece
        if self._skip and text:
            text = text[self._skip :]
            self._skip = 0
        return self.rules.judge(text)


def _held_back(stream: bytes) -> int:
    for length in (4, 3, 2, 1):
        if stream.endswith(_END[:length]):
            return length
    return 0
