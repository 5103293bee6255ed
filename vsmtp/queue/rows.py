"""Rows of `queue.db` as the queue's words, and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Final

from vsmtp.queue import schema
from vsmtp.queue.records import NewMessage, Reschedule, StoredMessage, StoredRecipient
from vsmtp.values.address import Address
from vsmtp.values.envelope import BodyFile, Content

EIGHT_BIT: Final = 1
SMTPUTF8: Final = 2


def read_messages(database: sqlite3.Connection, shard: Path, wanted: str) -> list[StoredMessage]:
    """The messages whose numbers the JSON array `wanted` lists, with all their recipients."""
    rows = database.execute(schema.READ_RECIPIENTS, (wanted,)).fetchall()
    recipients = {number: list(group) for number, group in groupby(rows, key=lambda row: row[0])}
    messages = database.execute(schema.READ_MESSAGES, (wanted,)).fetchall()
    return [_stored_message(row, recipients.get(row[0], []), shard) for row in messages]


def message_row(message: NewMessage) -> tuple[object, ...]:
    """The row of `message`, as `ADD_MESSAGES` takes it."""
    file = message.content.file
    return (
        message.number,
        message.arrived,
        message.sender.local,
        message.sender.domain,
        (EIGHT_BIT if message.eight_bit else 0) | (SMTPUTF8 if message.smtputf8 else 0),
        message.session,
        message.state,
        message.content.size,
        file.path.name if file else None,
        file.offset if file else None,
        file.size if file else None,
        message.context,
    )


def reschedule_row(entry: Reschedule) -> tuple[object, ...]:
    """The row of `entry`, as `RESCHEDULE` takes it."""
    return (entry.message, entry.recipient, entry.attempts, entry.due, entry.route, entry.reply)


def _stored_message(
    row: tuple[object, ...], recipients: Iterable[tuple[object, ...]], shard: Path
) -> StoredMessage:
    number, arrived, local, domain, flags, session, state, size, name, offset, file_size, context, data = row
    file = BodyFile(shard / "bodies" / str(name), offset, file_size) if name is not None else None  # type: ignore[arg-type]
    return StoredMessage(
        number, arrived, Address(local, domain), bool(flags & EIGHT_BIT), bool(flags & SMTPUTF8),  # type: ignore[arg-type,operator]
        session, state, size, Content(data, file), context,  # type: ignore[arg-type]
        tuple(
            StoredRecipient(n, Address(to_local, to_domain), attempts, due, route, reply, edits)  # type: ignore[arg-type]
            for _, n, to_local, to_domain, attempts, due, route, reply, edits in recipients
        ),
    )  # fmt: skip
