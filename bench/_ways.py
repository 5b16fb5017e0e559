"""From the call that tells of a job to its start, with a row, a hint and a claim by hand: the least that such a way can be.

The row lies on the disk before the call returns; the claim may be lost.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Protocol

import psycopg
from jobs import Bell

_TABLE = "CREATE TABLE job (id {id}, state TEXT NOT NULL)"
_NEW = "INSERT INTO job (state) VALUES ('waiting')"
_CLAIM = "UPDATE job SET state = 'running' WHERE id IN (SELECT id FROM job WHERE state = 'waiting' LIMIT 1) RETURNING id"


class Way(Protocol):
    def tell(self) -> None:
        """Of one job more, which whoever waits hears."""

    def work(self, bell: Bell) -> None:
        """In a thread of its own, until it is over: whoever tells waits for the bell before the next."""

    def end(self) -> None: ...


class SqliteWay:
    def __init__(self, path: Path) -> None:
        self._path, self._db = path, sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(_TABLE.format(id="INTEGER PRIMARY KEY"))
        self._db.execute("CREATE INDEX job_waiting ON job (state)")
        self._told, self._is_over = threading.Event(), False

    def tell(self) -> None:
        self._db.execute(_NEW)
        self._told.set()

    def work(self, bell: Bell) -> None:
        db = sqlite3.connect(self._path, isolation_level=None)
        db.execute("PRAGMA synchronous = NORMAL")
        while self._told.wait() and not self._is_over:
            self._told.clear()
            db.execute(_CLAIM).fetchall()
            bell.ring()
        db.close()

    def end(self) -> None:
        self._is_over = True
        self._told.set()
        self._db.close()


class PostgresqlWay:
    def __init__(self, url: str) -> None:
        self._url, self._db = url, psycopg.connect(url, autocommit=True)
        self._db.execute(_TABLE.format(id="bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY").encode())
        self._db.execute("CREATE INDEX job_waiting ON job (state)")
        self._is_over = False

    def tell(self) -> None:
        self._db.execute(f"WITH told AS ({_NEW}) SELECT pg_notify('jobs', '')".encode())

    def work(self, bell: Bell) -> None:
        with psycopg.connect(self._url, autocommit=True) as db:
            db.execute("SET synchronous_commit = off")
            db.execute("LISTEN jobs")
            claim = _CLAIM.replace("LIMIT 1", "LIMIT 1 FOR UPDATE SKIP LOCKED").encode()
            while not self._is_over:
                if db.execute(claim).fetchall():
                    bell.ring()
                else:
                    list(db.notifies(timeout=1, stop_after=1))

    def end(self) -> None:
        self._is_over = True
        self._db.close()


def told_by_hand(way: Way, count: int, rest: float) -> list[float]:
    """Milliseconds."""
    bell = Bell()
    worker = threading.Thread(target=way.work, args=(bell,))
    worker.start()
    try:
        return [bell.timed(way.tell, rest=rest) for _ in range(count)]
    finally:
        way.end()
        worker.join()
