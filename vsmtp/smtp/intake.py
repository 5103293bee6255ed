r"""The stream after a 354 turned into the message (RFC 5321 4.5.2), as a whole and not line by line.

Only `\r\n.\r\n` ends a message; the CRLF of the DATA line counts as its first one, and therefore a CRLF
that is never handed out stands before the stream. The end of a piece that may be the beginning of the
terminator is held back, at most four octets. So neither a CRLF nor the dot of a stuffed line is ever cut in
two, and a piece can be judged and unstuffed by itself, by searches that run at the speed of memory.

A bare CR, a bare LF or a NUL makes the message unsound wherever it stands: some other server could see the
end of a message there, and whoever follows it could be made to take commands hidden in a message.
"""

from __future__ import annotations

from typing import Final

_END: Final = b"\r\n.\r\n"


class Intake:
    """The decoder of one message."""

    __slots__ = ("_faults", "_held", "_line_so_far", "_max_line", "_max_size", "_size", "_skip")

    def __init__(self, max_size: int, max_line: int) -> None:
        self._held = b"\r\n"
        self._skip = 2
        self._size = 0
        self._line_so_far = 0
        self._faults: set[str] = set()
        self._max_size = max_size
        self._max_line = max_line

    @property
    def fault(self) -> str | None:
        """The name of the reply that an unsound message gets; the same however the stream was cut."""
        for name in ("bad_octets", "message_too_big", "text_line_too_long"):
            if name in self._faults:
                return name
        return None

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
        """Look for faults in `piece`, unstuff it; `dot` is where the first LF before a dot stands, or -1."""
        # With all CRs gone and one put before each LF it is the same again only if it had no bare ones.
        # Searches for one octet are so much faster than for two that this beats counting the pairs.
        if piece.replace(b"\r", b"").replace(b"\n", b"\r\n") != piece or b"\0" in piece:
            self._faults.add("bad_octets")
        text = piece.replace(b"\r\n.", b"\r\n") if 0 <= dot < len(piece) - 1 else piece
        if self._skip and text:
            text = text[self._skip :]
            self._skip = 0
        self._size += len(text)
        if self._size > self._max_size:
            self._faults.add("message_too_big")
        self._measure_lines(text)
        return b"" if self._faults else text

    def _measure_lines(self, text: bytes) -> None:
        # One hop per limit, not one per line: the last LF within reach is as good as the next one.
        limit = self._max_line
        total = len(text)
        start = -self._line_so_far
        while total - start > limit:
            end = text.rfind(b"\n", max(start, 0), start + limit)
            if end < 0:
                self._faults.add("text_line_too_long")
                break
            start = end + 1
        last = text.rfind(b"\n")
        self._line_so_far = total - last - 1 if last >= 0 else min(self._line_so_far + total, limit)


def _held_back(stream: bytes) -> int:
    for length in (4, 3, 2, 1):
        if stream.endswith(_END[:length]):
            return length
    return 0
