"""The session's answers to the conversation's open question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from vsmtp.server.visit import Visit
from vsmtp.smtp.conversation import Conversation
from vsmtp.smtp.moves import State
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.replies import REPLIES

INTERNAL: Final = REPLIES["internal_error"]


class Responder:
    """Answers the open question, each one once, and lets the connection go on.

    While `is_deciding` the answer is still being worked out; whoever begins such work sets it.
    """

    __slots__ = ("_conversation", "_visit", "go_on", "is_deciding")

    def __init__(self, conversation: Conversation, visit: Visit, go_on: Callable[[], None]) -> None:
        self.is_deciding = False
        self.go_on = go_on
        self._conversation = conversation
        self._visit = visit

    @property
    def is_lmtp(self) -> bool:
        """Whether the end of a message wants a reply for each recipient."""
        return self._conversation.is_lmtp

    @property
    def splits(self) -> bool:
        """Whether recipients of one message may fare differently: each has a reply or a report of its own."""
        return self._visit.is_known or self._conversation.is_lmtp

    def words(self, name: str) -> Reply:
        """The listener's words for one of the `REPLIES`."""
        return self._conversation.words(name)

    def yes(self, reply: Reply | None = None) -> None:
        """Accept, in the engine's words or these."""
        self.is_deciding = False
        self._conversation.accept(reply)
        self.go_on()

    def no(self, reply: Reply) -> None:
        """Refuse; where that ends the transaction, it is forgotten."""
        self.is_deciding = False
        self._conversation.refuse(reply)
        if self._conversation.state is State.GREETED:
            self._visit.drop()
        self.go_on()

    def close(self, reply: Reply) -> None:
        """Refuse, and end the conversation."""
        self.is_deciding = False
        self._conversation.close(reply)
        self.go_on()

    def challenge(self, octets: bytes) -> None:
        """Ask the client for the next response of a login."""
        self.is_deciding = False
        self._conversation.challenge(octets)
        self.go_on()

    def answer_each(self, replies: Sequence[Reply]) -> None:
        """Answer for each recipient of the message, in their order; the transaction is over."""
        self.is_deciding = False
        self._conversation.accept_each(replies)
        self._visit.drop()
        self.go_on()

    def fail(self) -> None:
        """A fault of ours has cut the answer off: nobody is left waiting for it."""
        if not self._conversation.closed:
            self.close(INTERNAL)
