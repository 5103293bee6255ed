"""What a client says to play a scene: commands as octets, in the order of RFC 5321."""

from __future__ import annotations

import re

from vsmtp.inspect.scene import Scene
from vsmtp.values.address import Address


def opening(scene: Scene, *, lmtp: bool = False) -> tuple[str, ...]:
    """The commands before the first RCPT; without a sender, none but the greeting."""
    hello = greeting(scene, lmtp=lmtp)
    return (hello,) if scene.sender is None else (hello, mail(scene))


def greeting(scene: Scene, *, lmtp: bool = False) -> str:
    """EHLO, or HELO where the scene says so; LHLO over LMTP."""
    word = "LHLO" if lmtp else "EHLO" if scene.esmtp else "HELO"
    return f"{word} {scene.helo}"


def mail(scene: Scene) -> str:
    """MAIL with the parameters that the mail needs (RFC 6152, 6531)."""
    parameters = ""
    if scene.esmtp and not scene.octets.isascii():
        parameters += " BODY=8BITMIME"
    if scene.esmtp and not all(one.is_ascii for one in (scene.sender, *scene.recipients) if one):
        parameters += " SMTPUTF8"
    return f"MAIL FROM:<{scene.sender or ''}>{parameters}"


def rcpt(recipient: Address) -> str:
    """RCPT for one recipient."""
    return f"RCPT TO:<{recipient}>"


def stuffed(message: bytes) -> bytes:
    """The message as it follows a 354: dots doubled, ended by a dot (RFC 5321 4.5.2)."""
    ended = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"
