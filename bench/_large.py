"""A store with a million jobs that wait, made of one that the engine planned: its row is copied by the database itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from _houses import House

from taskkit.instants import SECOND, Instant
from taskkit.storage.sqlite import SqliteStorage

_OWN = ("id", "record", "due", "wanted", "fire", "place")
_MANY = """WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO taskkit_jobs ({own}, {others})
    SELECT printf('{begin}-%07d', n), 'r' || n, due + n * {second}, wanted + n * {second}, {fire}, line || char(10) || 'r' || n, {others}
    FROM numbers, taskkit_jobs WHERE id = ?"""


def large(path: Path, count: int) -> Instant:
    """So many jobs, a second apart; when the first of them is due. The record of the nth is `rn`."""
    with SqliteStorage(path) as storage:
        House(storage, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        [(id, due)] = db.execute("SELECT id, due FROM taskkit_jobs").fetchall()
        names = [row[1] for row in db.execute("SELECT * FROM pragma_table_info('taskkit_jobs')")]
        others = ", ".join(f'"{name}"' for name in names if name not in (*_OWN, "number"))
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -200000")
        told = {"own": ", ".join(_OWN), "others": others, "begin": "large", "second": SECOND, "fire": "fire"}
        db.execute(_MANY.format(**told), (count - 1, id))
        db.execute("INSERT INTO taskkit_fires (fire) SELECT place || char(10) || fire FROM taskkit_jobs WHERE id <> ?", (id,))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(due)
