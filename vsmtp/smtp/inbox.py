"""The octets a client has sent and nobody has looked at yet, cut into command lines."""

from __future__ import annotations


class Inbox:
    """Waiting octets; in command state never more than a line's limit and what one feed brought.

    A line ends at LF, so that a client that sends bare LFs hears of it instead of waiting for ever; but only
    CRLF is a legal end (RFC 5321 2.3.8).
    """

    __slots__ = ("_at", "_buffer", "_overlong", "auth_limit", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.auth_limit = limit
        self._buffer = b""
        self._at = 0
        self._overlong = False

    def __len__(self) -> int:
        return len(self._buffer) - self._at

    def add(self, data: bytes) -> None:
        """Let `data` wait behind what waits already."""
        self._buffer = self._buffer[self._at :] + data if self._at < len(self._buffer) else data
        self._at = 0

    def line(self) -> bytes | str | None:
        """Cut off the next command line, without its CRLF; a str names the reply to a bad one; None: wait.

        A line has at most `limit` octets, one that begins with AUTH `auth_limit`.
        """
        buffer, start = self._buffer, self._at
        if start == len(buffer):
            return None
        end = buffer.find(b"\n", start)
        if end < 0:
            if len(buffer) - start >= self.limit and len(buffer) - start >= self._limit_at(start):
                # What is known to be too long is not kept; its end still has to come before anything counts.
                self._overlong = True
                self.clear()
            return None
        self._at = end + 1
        if self._overlong or (end - start >= self.limit and end - start >= self._limit_at(start)):
            self._overlong = False
            return "line_too_long"
        if end == start or buffer.find(b"\r", start, end) != end - 1:
            return "bad_line_end"
        line = buffer[start : end - 1]
        return "bad_line_end" if b"\0" in line else line

    def _limit_at(self, start: int) -> int:
        return self.auth_limit if self._buffer[start : start + 5].upper() == b"AUTH " else self.limit

    def take(self) -> bytes:
        """All that waits, which waits no longer."""
        data = self._buffer[self._at :] if self._at else self._buffer
        self.clear()
        return data

    def take_some(self, octets: int) -> bytes:
        """What waits, but at most `octets` of it."""
        data = self._buffer[self._at : self._at + octets]
        self._at += len(data)
        return data

    def clear(self) -> None:
        """Forget all that waits."""
        self._buffer = b""
        self._at = 0
