"""A described mail: all that a client would bring, before any of it is played."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from vsmtp.values.address import Address

PORT: Final = 40000
HELO: Final = "client.example.net"


@dataclass(frozen=True, slots=True)
class Scene:
    """One connection with at most one mail on it.

    `listener` is a listener's name, empty for the first. `user` is who has logged in by `mechanism`, empty
    for nobody. Without `sender` the client leaves after its greeting, without `recipients` after MAIL.
    `message` has CRLF line ends and no dots stuffed; None: a short one is made up. `time` without a zone is
    in that of the rules; None: now.
    """

    client: IPv4Address | IPv6Address
    port: int = PORT
    listener: str = ""
    helo: str = HELO
    esmtp: bool = True
    user: str = ""
    mechanism: str = "PLAIN"
    tls: bool = False
    sender: Address | None = None
    recipients: tuple[Address, ...] = ()
    message: bytes | None = None
    time: datetime | None = None

    @property
    def octets(self) -> bytes:
        """The message as the client sends it."""
        return _made_up(self) if self.message is None else self.message


def with_crlf(text: bytes) -> bytes:
    """A message file's octets with the line ends of SMTP, the last one included."""
    lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return (lines if lines.endswith(b"\n") or not lines else lines + b"\n").replace(b"\n", b"\r\n")


def _made_up(scene: Scene) -> bytes:
    lines = (
        f"From: {scene.sender or ''}",
        f"To: {', '.join(str(one) for one in scene.recipients)}",
        "Subject: test",
        "Date: Thu, 01 Jan 2026 00:00:00 +0000",
        "Message-ID: <made-up@example.net>",
        "",
        "This message was made up.",
        "",
    )
    return "\r\n".join(lines).encode()
