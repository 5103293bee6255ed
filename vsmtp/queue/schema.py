"""The tables of `queue.db`, and the one statement that changes them for a whole batch.

Rows travel as JSON arrays and bodies as one blob cut by `substr`, so that a turn enters SQLite once whatever
its size: each entry gives up the GIL, and under a busy loop each return has to fight for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VERSION: Final = 3
# How many remarks on decisions a shard keeps: some megabytes.
REMEMBERED: Final = 20_000

# secure_delete: Debian compiles it ON, which rewrites every page that a finished message leaves.
PRAGMAS: Final = (
    "PRAGMA page_size = 4096",
    "PRAGMA auto_vacuum = NONE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA journal_size_limit = -1",
    "PRAGMA secure_delete = OFF",
    "PRAGMA mmap_size = 0",
    "PRAGMA cache_size = -16384",
    "PRAGMA temp_store = MEMORY",
)

TABLES: Final = """
BEGIN IMMEDIATE;
CREATE TABLE message (
  id INTEGER PRIMARY KEY, arrived REAL NOT NULL, sender_local TEXT NOT NULL, sender_domain TEXT NOT NULL,
  flags INTEGER NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL, size INTEGER NOT NULL,
  file TEXT, file_offset INTEGER, file_size INTEGER, context TEXT NOT NULL, envelope_id TEXT
) STRICT;
CREATE TABLE body (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE recipient (
  message INTEGER NOT NULL, number INTEGER NOT NULL, local TEXT NOT NULL, domain TEXT NOT NULL,
  attempts INTEGER NOT NULL, due REAL, route TEXT NOT NULL, reply TEXT NOT NULL, edits TEXT NOT NULL, -- notes
  dsn TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX bodies ON message (file) WHERE file IS NOT NULL;
CREATE INDEX deferred ON recipient (route, due) WHERE due IS NOT NULL;
CREATE TABLE reserved (one INTEGER PRIMARY KEY CHECK (one = 1), below INTEGER NOT NULL) STRICT;
INSERT INTO reserved VALUES (1, 0);
CREATE TABLE remark (
  seq INTEGER PRIMARY KEY, message INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX remarks ON remark (message);
PRAGMA user_version = 3;
COMMIT;
"""
# What a shard of each format lacks of the next one.
_STEPS: Final[Mapping[int, str]] = {
    1: """
CREATE TABLE remark (
  seq INTEGER PRIMARY KEY, message INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX remarks ON remark (message);
""",
    2: """
ALTER TABLE message ADD COLUMN envelope_id TEXT;
ALTER TABLE recipient ADD COLUMN dsn TEXT NOT NULL DEFAULT '';
""",
}


def upgrade(version: int) -> str:
    """The script that makes a database of this format one of ours, or nothing of it; 0 is an empty one."""
    if version == 0:
        return TABLES
    steps = "".join(_STEPS[step] for step in range(version, VERSION))
    return f"BEGIN IMMEDIATE;{steps}PRAGMA user_version = {VERSION};COMMIT;"


# A whole turn is one INSERT into a view. Its trigger does the work, so that Python's thread gives up the GIL
# once where it would eight times. Each column is a JSON array of rows, or NULL, in which `json_each` finds
# nothing.
TURN_SETUP: Final = """
CREATE TEMP TABLE emptied (id INTEGER PRIMARY KEY, file TEXT) STRICT;
CREATE TEMP VIEW turn AS SELECT
  NULL AS mark, NULL AS messages, NULL AS bodies, NULL AS octets, NULL AS recipients,
  NULL AS finished, NULL AS removed, NULL AS touched, NULL AS rescheduled, NULL AS expedited,
  NULL AS revised, NULL AS readdressed, NULL AS released, NULL AS remarks,
  NULL AS envelope_ids, NULL AS wishes;
CREATE TEMP TRIGGER take_turn INSTEAD OF INSERT ON turn BEGIN
  UPDATE reserved SET below = NEW.mark WHERE NEW.mark IS NOT NULL;
  INSERT INTO message SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, NULL
  FROM json_each(NEW.messages);
  -- `substr` finds nothing at all in an empty blob.
  INSERT INTO body
  SELECT value ->> 0, coalesce(substr(NEW.octets, value ->> 1, value ->> 2), x'') FROM json_each(NEW.bodies);
  INSERT INTO recipient SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, 0, NULL, '', '', value ->> 4, ''
  FROM json_each(NEW.recipients);
  INSERT INTO recipient SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, 0, NULL, '', '', value ->> 4, ''
  FROM json_each(NEW.readdressed) WHERE EXISTS (SELECT 1 FROM message WHERE message.id = value ->> 0)
  ON CONFLICT DO UPDATE SET
    local = excluded.local, domain = excluded.domain, edits = excluded.edits;
  -- Few say any of this: one more value taken out of each row above costs every message a microsecond.
  UPDATE message SET envelope_id = new_row.value ->> 1
  FROM json_each(NEW.envelope_ids) AS new_row WHERE message.id = new_row.value ->> 0;
  UPDATE recipient SET dsn = new_row.value ->> 2
  FROM json_each(NEW.wishes) AS new_row
  WHERE message = new_row.value ->> 0 AND number = new_row.value ->> 1;
  DELETE FROM recipient
  WHERE (message, number) IN (SELECT value ->> 0, value ->> 1 FROM json_each(NEW.finished));
  DELETE FROM recipient WHERE message IN (SELECT value FROM json_each(NEW.removed));
  DELETE FROM emptied;
  INSERT INTO emptied SELECT id, file FROM message
  WHERE id IN (SELECT value FROM json_each(NEW.touched))
    AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = message.id);
  DELETE FROM body WHERE id IN (SELECT id FROM emptied);
  DELETE FROM message WHERE id IN (SELECT id FROM emptied);
  UPDATE recipient SET
    attempts = new_row.value ->> 2, due = new_row.value ->> 3,
    route = new_row.value ->> 4, reply = new_row.value ->> 5
  FROM json_each(NEW.rescheduled) AS new_row
  WHERE message = new_row.value ->> 0 AND number = new_row.value ->> 1;
  UPDATE recipient SET due = 0
  WHERE due IS NOT NULL AND message IN (SELECT value FROM json_each(NEW.expedited));
  UPDATE message SET
    state = new_row.value ->> 1, sender_local = new_row.value ->> 2, sender_domain = new_row.value ->> 3,
    context = new_row.value ->> 4
  FROM json_each(NEW.revised) AS new_row WHERE message.id = new_row.value ->> 0;
  UPDATE message SET state = 'active', context = json_set(context, '$.released', json('true'))
  WHERE state <> 'active' AND id IN (SELECT value FROM json_each(NEW.released));
  INSERT INTO remark (message, text) SELECT value ->> 0, value ->> 1 FROM json_each(NEW.remarks);
  DELETE FROM remark WHERE NEW.remarks IS NOT NULL AND seq <= (SELECT max(seq) FROM remark) - {remembered};
END;
""".replace("{remembered}", str(REMEMBERED))
TURN: Final = """
INSERT INTO turn VALUES (
  :mark, :messages, :bodies, :octets, :recipients, :finished, :removed, :touched, :rescheduled, :expedited,
  :revised, :readdressed, :released, :remarks, :envelope_ids, :wishes
)
"""
EMPTIED: Final = "SELECT id, file FROM emptied"
NAMED_BODIES: Final = "SELECT DISTINCT file FROM message WHERE file IN (SELECT value FROM json_each(?))"

# The first due of each route by a walk from route to route on the index: nothing is scanned.
_ROUTES: Final = """
WITH RECURSIVE routes(route) AS (
  SELECT min(route) FROM recipient WHERE due IS NOT NULL
  UNION ALL
  SELECT (SELECT min(route) FROM recipient WHERE due IS NOT NULL AND route > routes.route)
  FROM routes WHERE routes.route IS NOT NULL
)
"""
NEXT_DUE: Final = (
    _ROUTES  # noqa: S608 two literals
    + """
SELECT min((SELECT min(due) FROM recipient WHERE due IS NOT NULL AND route = routes.route))
FROM routes WHERE route IS NOT NULL
"""
)
# Leasing: what is taken up is no longer waiting, so the next look does not meet it again.
LEASE_DUE: Final = """
UPDATE recipient SET due = NULL WHERE (message, number) IN (
  SELECT message, number FROM recipient
  WHERE due IS NOT NULL AND route = ?1 AND due <= ?2 ORDER BY due LIMIT ?3
) RETURNING message, number
"""
DUE_ROUTES: Final = (
    _ROUTES  # noqa: S608 two literals
    + """
SELECT route FROM routes
WHERE route IS NOT NULL
  AND EXISTS (SELECT 1 FROM recipient WHERE due IS NOT NULL AND route = routes.route AND due <= ?1)
"""
)
PAGE_ACTIVE: Final = """
SELECT recipient.message FROM recipient JOIN message ON id = recipient.message
WHERE recipient.message > ?1 AND due IS NULL AND state = 'active'
GROUP BY recipient.message ORDER BY recipient.message LIMIT ?2
"""
READ_MESSAGES: Final = """
SELECT
  id, arrived, sender_local, sender_domain, flags, session, state, size,
  file, file_offset, file_size, context, envelope_id, data
FROM message JOIN body USING (id) WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
"""
READ_RECIPIENTS: Final = """
SELECT message, number, local, domain, attempts, due, route, reply, edits, dsn FROM recipient
WHERE message IN (SELECT value FROM json_each(?)) ORDER BY message, number
"""
# A shard that was set aside, or whose owner has not opened it yet, is still as its release left it.
READ_OLD_MESSAGES: Final = READ_MESSAGES.replace("envelope_id", "NULL")
READ_OLD_RECIPIENTS: Final = READ_RECIPIENTS.replace("dsn", "''")
KNOWS_PARAMETERS: Final = 3  # the format since which they are kept
HELD: Final = (
    "SELECT id FROM message WHERE state = ?1 AND arrived >= ?2 AND arrived < ?3 ORDER BY id LIMIT ?4"
)
REMARKS: Final = "SELECT text FROM remark WHERE message = ? ORDER BY seq"
