"""Rows of `queue.db` as the queue's words, and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import orjson

from vsmtp.queue import schema
from vsmtp.queue.records import Change, NewMessage, Reschedule, Revision, StoredMessage, StoredRecipient
from vsmtp.queue.wishes import flags_of, mail_wishes, read_rcpt_wishes, write_rcpt_wishes
from vsmtp.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS
from vsmtp.values.address import Address
from vsmtp.values.envelope import BodyFile, Content

EIGHT_BIT: Final = 1
SMTPUTF8: Final = 2


def read_messages(database: sqlite3.Connection, shard: Path, wanted: str) -> list[StoredMessage]:
    """The messages whose numbers the JSON array `wanted` lists, with all their recipients."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    is_old = version < schema.KNOWS_PARAMETERS
    rows = database.execute(
        schema.READ_OLD_RECIPIENTS if is_old else schema.READ_RECIPIENTS, (wanted,)
    ).fetchall()
    recipients = {number: list(group) for number, group in groupby(rows, key=lambda row: row[0])}
    messages = database.execute(
        schema.READ_OLD_MESSAGES if is_old else schema.READ_MESSAGES, (wanted,)
    ).fetchall()
    return [_stored_message(row, recipients.get(row[0], []), shard) for row in messages]


def turn(changes: Sequence[Change], mark: int | None) -> dict[str, object]:
    """All that `changes` say, as `schema.TURN` takes it; `mark` is the new one of `reserved`, or None."""
    accepted = [message for change in changes for message in change.accepted]
    finished = [key for change in changes for key in change.finished]
    removed = [number for change in changes for number in change.removed]
    revised = [revision for change in changes for revision in change.revised]
    return {
        "mark": mark,
        **_arrivals(accepted),
        "finished": _array(finished),
        "removed": _array(removed),
        "touched": _array([*{number for number, _ in finished}, *removed]),
        "rescheduled": _array([_reschedule_row(entry) for change in changes for entry in change.rescheduled]),
        "expedited": _array([number for change in changes for number in change.expedited]),
        "released": _array([number for change in changes for number in change.released]),
        "remarks": _array([(remark.message, remark.text) for change in changes for remark in change.remarks]),
        **_revisions(revised),
        **_wishes(accepted, revised),
    }


def _wishes(accepted: Sequence[NewMessage], revised: Sequence[Revision]) -> dict[str, object]:
    """What senders want, for the few who want anything: what is not here has the column's default."""
    envelope_ids = [
        (message.number, message.parameters.envelope_id)
        for message in accepted
        if message.parameters is not NO_MAIL_PARAMETERS
    ]
    wishes = [
        (message.number, n, write_rcpt_wishes(to.parameters))
        for message in accepted
        for n, to in enumerate(message.recipients)
        if to.parameters is not NO_RCPT_PARAMETERS
    ]
    wishes += [
        (one.message, number, write_rcpt_wishes(to.parameters))
        for one in revised
        for number, to in one.recipients
    ]
    return {"envelope_ids": _array(envelope_ids), "wishes": _array(wishes)}


def _revisions(revisions: Sequence[Revision]) -> dict[str, object]:
    rows = [(one.message, one.state, one.sender.local, one.sender.domain, one.context) for one in revisions]
    recipients = [
        (one.message, number, to.address.local, to.address.domain, to.notes)
        for one in revisions
        for number, to in one.recipients
    ]
    return {"revised": _array(rows), "readdressed": _array(recipients)}


def _arrivals(messages: Sequence[NewMessage]) -> dict[str, object]:
    pieces = [message.content.data for message in messages]
    cuts, start = [], 1
    for message, piece in zip(messages, pieces, strict=True):
        cuts.append((message.number, start, len(piece)))
        start += len(piece)
    recipients = [
        (message.number, n, to.address.local, to.address.domain, to.notes)
        for message in messages
        for n, to in enumerate(message.recipients)
    ]
    return {
        "messages": _array([_message_row(message) for message in messages]),
        "bodies": _array(cuts),
        "octets": b"".join(pieces),
        "recipients": _array(recipients),
    }


def _array(rows: Sequence[object]) -> str | None:
    return orjson.dumps(rows).decode() if rows else None


def _message_row(message: NewMessage) -> tuple[object, ...]:
    file = message.content.file
    return (
        message.number,
        message.arrived,
        message.sender.local,
        message.sender.domain,
        _flags(message),
        message.session,
        message.state,
        message.content.size,
        file.path.name if file else None,
        file.offset if file else None,
        file.size if file else None,
        message.context,
    )


def _flags(message: NewMessage) -> int:
    said = (EIGHT_BIT if message.eight_bit else 0) | (SMTPUTF8 if message.smtputf8 else 0)
    return said | flags_of(message.parameters)


def _reschedule_row(entry: Reschedule) -> tuple[object, ...]:
    return (entry.message, entry.recipient, entry.attempts, entry.due, entry.route, entry.reply)


def _stored_message(
    row: tuple[object, ...], recipients: Iterable[tuple[object, ...]], shard: Path
) -> StoredMessage:
    (
        number, arrived, local, domain, flags, session, state, size,
        name, offset, file_size, context, envelope_id, data,
    ) = row  # fmt: skip
    file = BodyFile(shard / "bodies" / str(name), offset, file_size) if name is not None else None  # type: ignore[arg-type]
    return StoredMessage(
        number, arrived, Address(local, domain), bool(flags & EIGHT_BIT), bool(flags & SMTPUTF8),  # type: ignore[arg-type,operator]
        session, state, size, Content(data, file), context,  # type: ignore[arg-type]
        tuple(
            StoredRecipient(
                n, Address(to_local, to_domain), attempts, due, route, reply, notes, read_rcpt_wishes(dsn)  # type: ignore[arg-type]
            )
            for _, n, to_local, to_domain, attempts, due, route, reply, notes, dsn in recipients
        ),
        mail_wishes(flags, envelope_id),  # type: ignore[arg-type]
    )  # fmt: skip
