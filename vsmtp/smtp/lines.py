r"""The rules for the lines of a message, however it came (RFC 5321 2.3.8, 4.5.3.1.6).

A bare CR, a bare LF or a NUL makes a message unsound wherever it stands: some other server could see the end
of a message there, and whoever follows it could be made to take commands hidden in a message. Where bare ends
are to be normalised each of them becomes CRLF; a NUL stays what it is. Nothing bare is ever handed out.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

BareNewline: TypeAlias = Literal["reject", "normalize"]

_ANY_END: Final = re.compile(rb"\r\n?|\n")


class LineRules:
    """What one message is measured by, piece by piece; no piece ends between a CR and its LF."""

    __slots__ = ("_bare_newline", "_faults", "_line_so_far", "_max_line", "_max_size", "_size")

    def __init__(self, max_size: int, max_line: int, bare_newline: BareNewline = "reject") -> None:
        self._size = 0
        self._line_so_far = 0
        self._faults: tuple[str, ...] = ()
        self._max_size = max_size
        self._max_line = max_line
        self._bare_newline = bare_newline

    @property
    def fault(self) -> str | None:
        """The name of the reply that an unsound message gets; the same however the stream was cut."""
        for name in ("bad_octets", "message_too_big", "text_line_too_long"):
            if name in self._faults:
                return name
        return None

    @property
    def line_is_open(self) -> bool:
        """Whether the last line has no end yet."""
        return self._line_so_far > 0

    def judge(self, text: bytes) -> bytes:
        """Look for faults in `text` and hand it out; empty from the first fault on."""
        # With all CRs gone and one put before each LF it is the same again only if it had no bare ones.
        # Searches for one octet are so much faster than for two that this beats counting the pairs.
        if text.replace(b"\r", b"").replace(b"\n", b"\r\n") != text or b"\0" in text:
            text = self._mended(text)
        self._size += len(text)
        if self._size > self._max_size:
            self._blame("message_too_big")
        self._measure_lines(text)
        return b"" if self._faults else text

    def _mended(self, text: bytes) -> bytes:
        if self._bare_newline == "reject" or b"\0" in text:
            self._blame("bad_octets")
            return text
        return _ANY_END.sub(b"\r\n", text)

    def _blame(self, fault: str) -> None:
        if fault not in self._faults:
            self._faults += (fault,)

    def _measure_lines(self, text: bytes) -> None:
        # One hop per limit, not one per line: the last LF within reach is as good as the next one.
        limit = self._max_line
        total = len(text)
        start = -self._line_so_far
        while total - start > limit:
            end = text.rfind(b"\n", max(start, 0), start + limit)
            if end < 0:
                self._blame("text_line_too_long")
                break
            start = end + 1
        last = text.rfind(b"\n")
        self._line_so_far = total - last - 1 if last >= 0 else min(self._line_so_far + total, limit)
