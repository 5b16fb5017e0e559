"""The very rows that a life of a job leaves in taskkit's own tables, written by a loop of plain statements that decides nothing.

Each job is claimed, ends, has two facts and a fire, and leaves its next occurrence. What is there for a while only is left out: who holds
what, and the last token. The texts of facts are those of others, and their hashes none: to make them is no part of writing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import psycopg
from _bare import BATCH, DAY, Days, analysed, now_micros
from _houses import House

from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql._tables import FACTS, FIRES, JOBS, TEXT, Table
from taskkit.storage.sqlite import SqliteStorage

_NAMES = ", ".join(f'"{name}"' for name in JOBS.names)
_CLAIM = f"""UPDATE taskkit_jobs SET state = 'claimed', phase = 2, worker = 'here', node = 'here', lease = {{mark}}, token = 1, revision = 2
    WHERE id IN (SELECT id FROM taskkit_jobs WHERE phase = 0 AND pool = 'local' AND due <= {{mark}} ORDER BY due, number
    LIMIT {{limit}}{{locked}}) RETURNING {_NAMES}"""  # noqa: S608  our own words
_ENDED = """UPDATE taskkit_jobs SET state = 'completed', phase = 3, worker = NULL, lease = NULL, token = NULL, revision = 4, version = 1,
    started = {now}, turned_at = {now}, ended = {now}, over = {now}"""
_ID, _DUE, _WANTED, _CREATED, _AT, _NOMINAL, _FIRE, _STATE, _PHASE, _LINE, _RECORD, *_GONE = map(
    JOBS.names.index,
    ("id", "due", "wanted", "created", "at", "nominal", "fire", "state", "phase", "line", "record", "worker", "node", "lease", "token"),
)
_REVISION = JOBS.names.index("revision")


class Left(NamedTuple):
    """Of one batch."""

    ended: list[str]
    jobs: list[list[Any]]
    fires: list[tuple[Any, ...]]
    facts: list[tuple[Any, ...]]


class _Same(Days):
    """Begins where an engine has done a first batch."""

    def __init__(self, ask: Callable[[str], Sequence[tuple[Any, ...]]]) -> None:
        [(self.today,)] = ask("SELECT max(due) FROM taskkit_jobs")
        [(self._chain, self._position, self._hash)] = ask("SELECT chain, position, hash FROM taskkit_chains")
        self._told = dict(ask("SELECT kind, max(told) FROM taskkit_facts WHERE kind LIKE 'Job%' GROUP BY kind"))
        self._made = 0

    def _left(self, claimed: Sequence[Sequence[Any]], now: int) -> Left:
        due, left = self.today + DAY, Left([], [], [], [])
        nominal = f"{datetime.fromtimestamp(due // 1_000_000, UTC):%Y-%m-%dT%H:%M} UTC"
        for row in claimed:
            job, self._made = list(row), self._made + 1
            job[_ID], job[_DUE], job[_WANTED], job[_CREATED], job[_AT] = f"by-hand-{self._made:x}", due, due, now, due // 1_000_000
            job[_NOMINAL] = job[_FIRE] = nominal
            job[_STATE], job[_PHASE], job[_REVISION] = "scheduled", 0, 1
            for gone in _GONE:
                job[gone] = None
            left.ended.append(row[_ID])
            left.jobs.append(job)
            left.fires.append((f"{row[_LINE]}\n{row[_RECORD]}\n{nominal}", None))
            for kind, told in self._told.items():
                self._position += 1
                left.facts.append((self._chain, self._position, now, kind, row[_RECORD], row[_LINE], told, self._hash))
        return left


class SameSqlite(_Same):
    """Two transactions for a batch. Used with `with`."""

    def __init__(self, path: Path, jobs: int, *, sync: str = "NORMAL") -> None:
        with SqliteStorage(path, relaxed=True) as storage:
            House(storage, jobs).work(BATCH, batch=BATCH)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute(f"PRAGMA synchronous = {sync}")
        super().__init__(lambda sql: self._db.execute(sql).fetchall())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def batch(self, limit: int = BATCH) -> int:
        db, now = self._db, now_micros()
        claimed = db.execute(_CLAIM.format(mark="?", limit=limit, locked=""), (now, self.today)).fetchall()
        left = self._left(claimed, now)
        db.execute("BEGIN IMMEDIATE")
        db.executemany(f"{_ENDED.format(now=now)} WHERE id = ?", [(id,) for id in left.ended])
        for table, rows in _added(left):
            db.executemany(f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({', '.join('?' * len(table.names))})", rows)  # noqa: S608
        db.execute("UPDATE taskkit_chains SET position = ?", (self._position,))
        db.execute("COMMIT")
        return len(claimed)

    def singly(self, count: int) -> None:
        for _ in range(count):
            if not self.batch(1):
                self.today += DAY
                self.batch(1)


class SamePostgresql(_Same):
    """A statement that claims, and a transaction in one pipeline for what is left: rows go as arrays."""

    def __init__(self, url: str, jobs: int) -> None:
        with PostgresStorage(url, keeps_time=False) as storage:
            House(storage, jobs).work(BATCH, batch=BATCH)
        analysed(url)
        self._db: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True, options="-c search_path=taskkit")
        super().__init__(lambda sql: self._db.execute(sql.encode()).fetchall())

    def batch(self) -> int:
        now = now_micros()
        claim = _CLAIM.format(mark="%s", limit=BATCH, locked=" FOR UPDATE SKIP LOCKED")
        claimed = self._db.execute(claim.encode(), [now, self.today]).fetchall()
        left = self._left(claimed, now)
        with self._db.pipeline(), self._db.transaction():
            self._db.execute(f"{_ENDED.format(now=now)} WHERE id = ANY(%s)".encode(), [left.ended])
            for table, rows in _added(left):
                arrays = ", ".join(f"%s::{'text' if type == TEXT else 'bigint'}[]" for type in table.columns.values())
                add = f"INSERT INTO {table.name} ({_columns(table)}) SELECT * FROM unnest({arrays})"  # noqa: S608
                self._db.execute(add.encode(), [list(values) for values in zip(*rows, strict=True)] or [[]] * len(table.names))
            self._db.execute("UPDATE taskkit_chains SET position = %s", [self._position])
        return len(claimed)


def _added(left: Left) -> Sequence[tuple[Table, Sequence[Sequence[Any]]]]:
    return (JOBS, left.jobs), (FIRES, left.fires), (FACTS, left.facts)


def _columns(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.names)
