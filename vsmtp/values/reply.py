"""An SMTP reply, and the one place that writes it to the wire (RFC 5321 4.2, RFC 2034)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# RFC 5321 4.5.3.1.5: a reply line is at most 512 octets, code and CRLF included.
MAX_LINE: Final = 512

# What no reply can hold; it is sent as `?` (RFC 5321 4.2.1: textstring).
UNSENDABLE: Final = re.compile(r"[^\x20-\x7e\n]")
_WRITTEN: Final = re.compile(r"([245])(\d\d)(?: ([245])\.(\d{1,3}\.\d{1,3}))?(?: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: `code` 200 to 599, `enhanced` as `5.7.1` or empty, `text` of lines parted by LF."""

    code: int
    enhanced: str
    text: str

    @classmethod
    def parse(cls, written: str) -> Reply:
        """Read `554 5.7.1 Relay access denied`; without an enhanced code X.7.1 is taken (`rules.md`).

        Raises ValueError with a reason when it is no reply or its classes disagree.
        """
        match = _WRITTEN.fullmatch(written.strip())
        if match is None:
            msg = "a reply is written `554 5.7.1 text`: a code of three digits, an enhanced code, a text"
            raise ValueError(msg)
        kind, rest, enhanced_kind, detail, text = match.groups()
        if enhanced_kind is not None and enhanced_kind != kind:
            msg = f"the code {kind}{rest} and {enhanced_kind}.{detail} are of different classes"
            raise ValueError(msg)
        enhanced = f"{kind}.{detail}" if detail else f"{kind}.7.1"
        return cls(int(kind + rest), enhanced, text or "")

    @property
    def is_positive(self) -> bool:
        """Whether the command succeeded (2yz) or may go on (3yz)."""
        return self.code < 400  # noqa: PLR2004 RFC 5321 4.2.1

    @property
    def is_permanent(self) -> bool:
        """Whether the same command will fail again (5yz)."""
        return self.code >= 500  # noqa: PLR2004 RFC 5321 4.2.1

    def wire(self) -> bytes:
        """The reply as lines ended by CRLF: printable ASCII, each at most 512 octets, codes on every line."""
        prefix = f"{self.enhanced} " if self.enhanced else ""
        room = MAX_LINE - len("250-\r\n") - len(prefix)
        if len(self.text) <= room and self.text.isascii() and self.text.isprintable():
            return f"{self.code} {prefix}{self.text}\r\n".encode("ascii")
        clean = UNSENDABLE.sub("?", self.text)
        lines = [line[i : i + room] for line in clean.split("\n") for i in range(0, len(line) or 1, room)]
        last = len(lines) - 1
        return "".join(
            f"{self.code}{' ' if n == last else '-'}{prefix}{line}\r\n" for n, line in enumerate(lines)
        ).encode("ascii")

    def __str__(self) -> str:
        """One line for logs and reports."""
        parts = (str(self.code), self.enhanced, self.text.replace("\n", " "))
        return " ".join(part for part in parts if part)
