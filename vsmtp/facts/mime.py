"""What rules can know of a message's parts: read at once from a small message, else by a job in a thread.

A thread that reads a large message lets the loop run between its steps; none of them takes long.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vsmtp.disk.octets import OpenBody
from vsmtp.message.mime.entity import Head
from vsmtp.message.mime.survey import Survey, read_top, survey
from vsmtp.values.answer import Unavailable
from vsmtp.values.envelope import Content
from vsmtp.vocabulary.answers import Answer

# A message up to this large with so few lines that could part parts takes some milliseconds at the worst.
AT_ONCE: Final = 64 * 2**10 + 2**12
MAX_LINES_AT_ONCE: Final = 100
MAX_VALUES_AT_ONCE: Final = 4 * 2**10
MAX_SEMICOLONS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class SurveyJob:
    """Looking through a message.

    `head` is its header, read; `prefix` what of the header block is body for who takes a malformed line for
    the beginning of it; `body` what follows the header block.
    """

    head: Head
    prefix: bytes
    body: Content

    @property
    def is_small(self) -> bool:
        """Whether it takes so little time that the loop need not be spared it."""
        data = self.body.data
        if self.body.file is not None or len(data) + len(self.prefix) > AT_ONCE:
            return False
        if sum(len(value) for values in self.head.values.values() for value in values) > MAX_VALUES_AT_ONCE:
            return False
        return data.count(b"\n--") <= MAX_LINES_AT_ONCE and data.count(b";") <= MAX_SEMICOLONS_AT_ONCE

    @classmethod
    def about(cls, head: bytes, body: Content) -> SurveyJob:
        """The job for a message of this header block and body."""
        top = read_top(head)
        return cls(top, head[top.text_start :], body)

    def run(self) -> Survey | Unavailable:
        """Look through the message; blocks where it lies on the disk: for a thread, unless `is_small`."""
        memory = self.prefix + self.body.data
        if self.body.file is None:
            return survey(self.head, memory)
        try:
            with OpenBody(memory, self.body.file) as octets:
                return survey(self.head, octets)
        except OSError as fault:
            return Unavailable(f"the message cannot be read: {os.strerror(fault.errno or 0)}")


MIME_ANSWERS: Final[dict[str, Callable[[Survey], Answer]]] = {
    "message.attachments": lambda found: found.attachments,
    "message.attachment_names": lambda found: found.names,
    "message.attachment_types": lambda found: found.attachment_types,
    "message.mime_types": lambda found: found.types,
    "message.text": lambda found: found.text,
    "message.defects": lambda found: found.defects,  # with them, those of the header
}
