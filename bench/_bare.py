"""What is left of a job's life where nothing is decided: the same kinds of rows, written by a loop of plain statements.

Each job is claimed, ends with a result and a row of history, and leaves its next occurrence: the limit of a store on this disk.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, Self

import psycopg

BATCH = 100
DAY = 86_400_000_000
_TABLES = """
CREATE TABLE job (id {id}, task BIGINT NOT NULL, state TEXT NOT NULL, due BIGINT NOT NULL,
    worker TEXT, began BIGINT, ended BIGINT, result TEXT);
CREATE INDEX job_due ON job (state, due);
CREATE TABLE history (id {id}, job BIGINT NOT NULL, at BIGINT NOT NULL, state TEXT NOT NULL, told TEXT);
CREATE INDEX history_of_jobs ON history (job);
"""
_CLAIM = """UPDATE job SET state = 'running', began = ?, worker = 'here' WHERE id IN
    (SELECT id FROM job WHERE state = 'waiting' AND due <= ? ORDER BY due LIMIT {limit}{locked}) RETURNING id, task"""
_END = "UPDATE job SET state = 'done', ended = ?, result = ? WHERE id = ?"
_NOTE = "INSERT INTO history (job, at, state, told) VALUES (?, ?, 'done', 'ok')"
_NEXT = "INSERT INTO job (task, state, due) VALUES (?, 'waiting', ?)"
_ENDS = """WITH told AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS told (id, at, result)),
    ended AS (UPDATE job SET state = 'done', ended = told.at, result = told.result FROM told WHERE job.id = told.id
        RETURNING job.id, task, told.at),
    noted AS (INSERT INTO history (job, at, state, told) SELECT id, at, 'done', 'ok' FROM ended)
    INSERT INTO job (task, state, due) SELECT task, 'waiting', %s FROM ended"""


def now_micros() -> int:
    return time.time_ns() // 1000


def noop(task: int) -> str:
    return "ok"


class Days:
    """All jobs of a day are due at once; when they are done, the next day has come."""

    today = 0

    def batch(self) -> int:
        raise NotImplementedError

    def batches(self, count: int) -> None:
        for _ in range(count):
            if not self.batch():
                self.today += DAY
                self.batch()


class BareSqlite(Days):
    """`batch` in two transactions; `singly` in two transactions for each job. Used with `with`."""

    def __init__(self, path: Path, jobs: int, *, sync: str = "NORMAL") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {sync}")
        self._db.executescript(_TABLES.format(id="INTEGER PRIMARY KEY"))
        self._db.execute("BEGIN")
        self._db.executemany(_NEXT, [(number, 0) for number in range(jobs)])
        self._db.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def batch(self, limit: int = BATCH) -> int:
        db, claim = self._db, _CLAIM.format(limit=limit, locked="")
        claimed = db.execute(claim, (now_micros(), self.today)).fetchall()
        told = [(now_micros(), noop(task), id) for id, task in claimed]
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_END, told)
        db.executemany(_NOTE, [(id, at) for at, _, id in told])
        db.executemany(_NEXT, [(task, self.today + DAY) for _, task in claimed])
        db.execute("COMMIT")
        return len(claimed)

    def singly(self, count: int) -> None:
        for _ in range(count):
            if not self.single():
                self.today += DAY
                self.single()

    def single(self) -> int:
        db, claim = self._db, _CLAIM.format(limit=1, locked="")
        claimed = db.execute(claim, (now_micros(), self.today)).fetchall()
        for id, task in claimed:
            result, at = noop(task), now_micros()
            db.execute("BEGIN IMMEDIATE")
            db.execute(_END, (at, result, id))
            db.execute(_NOTE, (id, at))
            db.execute(_NEXT, (task, self.today + DAY))
            db.execute("COMMIT")
        return len(claimed)

    @property
    def done(self) -> int:
        [(count,)] = self._db.execute("SELECT count(*) FROM job WHERE state = 'done'").fetchall()
        return int(count)


def analysed(url: str) -> None:
    """As PostgreSQL does by itself, a minute later."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ANALYZE")


class BarePostgresql(Days):
    """Two statements for a batch, each a transaction of its own: what ends goes as arrays."""

    def __init__(self, url: str, jobs: int) -> None:
        self._db: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self._db.execute(_TABLES.format(id="bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY").encode())
        self._db.execute("INSERT INTO job (task, state, due) SELECT number, 'waiting', 0 FROM generate_series(1, %s) AS number", [jobs])
        analysed(url)

    def batch(self) -> int:
        claim = _CLAIM.format(limit=BATCH, locked=" FOR UPDATE SKIP LOCKED").replace("?", "%s").encode()
        claimed = self._db.execute(claim, [now_micros(), self.today]).fetchall()
        told = [(id, now_micros(), noop(task)) for id, task in claimed]
        if told:
            self._db.execute(_ENDS, [*map(list, zip(*told, strict=True)), self.today + DAY])
        return len(claimed)

    @property
    def done(self) -> int:
        [(count,)] = self._db.execute("SELECT count(*) FROM job WHERE state = 'done'").fetchall()
        return int(count)
