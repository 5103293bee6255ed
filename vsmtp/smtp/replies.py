"""The replies of a listener: those of the vocabulary, reworded and filled in."""

from __future__ import annotations

from collections.abc import Mapping

from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import BARE, LMTP_REPLIES, REPLIES


def reworded(
    changes: Mapping[str, Reply], server_name: str, commands: str, *, lmtp: bool = False
) -> dict[str, Reply]:
    """All replies, `changes` in their places, `{server.name}` and `{commands}` filled in.

    Raises ValueError for a name that is no reply's, and for a rewording that says something else: the first
    digit of the code is the protocol's, only the rest is the administrator's.
    """
    said = {**REPLIES, **(LMTP_REPLIES if lmtp else {})}
    for name, reply in changes.items():
        if name not in REPLIES:
            raise ValueError(f"no reply is called `{name}`")
        if reply.code // 100 != REPLIES[name].code // 100:
            raise ValueError(f"`{name}` is a {REPLIES[name].code // 100}yz reply, `{reply}` is not")
    said.update(changes)
    words = {"{server.name}": server_name, "{commands}": commands}
    return {name: _finished(name, reply, words) for name, reply in said.items()}


def _finished(name: str, reply: Reply, words: Mapping[str, str]) -> Reply:
    text = reply.text
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return Reply(reply.code, "" if name in BARE else reply.enhanced, text)
