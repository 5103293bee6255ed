"""Shards as earlier releases made them: the statements are those releases' own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

_TABLES: Final = """
CREATE TABLE message (
  id INTEGER PRIMARY KEY, arrived REAL NOT NULL, sender_local TEXT NOT NULL, sender_domain TEXT NOT NULL,
  flags INTEGER NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL, size INTEGER NOT NULL,
  file TEXT, file_offset INTEGER, file_size INTEGER, context TEXT NOT NULL
) STRICT;
CREATE TABLE body (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE recipient (
  message INTEGER NOT NULL, number INTEGER NOT NULL, local TEXT NOT NULL, domain TEXT NOT NULL,
  attempts INTEGER NOT NULL, due REAL, route TEXT NOT NULL, reply TEXT NOT NULL, edits TEXT NOT NULL, -- notes
  PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX bodies ON message (file) WHERE file IS NOT NULL;
CREATE INDEX deferred ON recipient (route, due) WHERE due IS NOT NULL;
CREATE TABLE reserved (one INTEGER PRIMARY KEY CHECK (one = 1), below INTEGER NOT NULL) STRICT;
INSERT INTO reserved VALUES (1, 0);
"""
_REMARKS: Final = """
CREATE TABLE remark (seq INTEGER PRIMARY KEY, message INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX remarks ON remark (message);
"""
_MAIL: Final = """
INSERT INTO message VALUES (
  1, 1700000000.0, 'a', 'src.test', 1, 'session', 'active', 16, NULL, NULL, NULL, '{}'
);
INSERT INTO body VALUES (1, CAST('Subject: old' || char(13, 10, 13, 10) AS BLOB));
INSERT INTO recipient VALUES (1, 0, 'b', 'local.test', 2, 5.0, 'local', '451 later', '');
"""


def old_shard(path: Path, version: int) -> None:
    """A shard of format 1 or 2 with message 1, whose only recipient waits."""
    (path / "bodies").mkdir(parents=True)
    with closing(sqlite3.connect(path / "queue.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(_TABLES + (_REMARKS if version > 1 else "") + _MAIL)
        database.execute(f"PRAGMA user_version = {version}")
