"""Dot-stuffing for the way out (RFC 5321 4.5.2), of content that comes in pieces."""

from __future__ import annotations

from typing import Final

_CRLF: Final = b"\r\n"


class Stuffing:
    """Stuffs one message. What may become part of a line's beginning is held back till the next piece."""

    def __init__(self) -> None:
        self._held = _CRLF  # the message begins as if after a line's end ...
        self._unsaid = len(_CRLF)  # ... that is not sent

    def feed(self, piece: bytes) -> bytes:
        """The octets to send for a piece."""
        octets = (self._held + piece).replace(b"\r\n.", b"\r\n..")
        kept = 2 if octets.endswith(_CRLF) else int(octets.endswith(b"\r"))
        sent, self._held = octets[: len(octets) - kept], octets[len(octets) - kept :]
        if sent and self._unsaid:
            sent, self._unsaid = sent[self._unsaid :], 0
        return sent

    def end(self) -> bytes:
        """The last octets: what was held, a line end if the message has none, and the final dot."""
        last = self._held[self._unsaid :]
        return last + (b"" if self._held == _CRLF else _CRLF) + b".\r\n"
