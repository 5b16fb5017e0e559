"""The store in one SQLite file, for one machine: several threads and several processes work on it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from taskkit.errors import InvalidValue, StorageAway
from taskkit.storage.sql._lines import Line, Question, Row
from taskkit.storage.sql._statements import made, named, same
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import BYTES, TABLES, TEXT, WHOLE, Table
from taskkit.storage.urls import address

_TYPES = {TEXT: "TEXT", WHOLE: "INTEGER", BYTES: "BLOB"}
_NUMBER = '"number" INTEGER PRIMARY KEY AUTOINCREMENT'
_BUSY_SECONDS = 60
_HELPS = {
    "unable to open": "its folder has to be there, and this account must be allowed to write in it",
    "readonly": "this account must be allowed to write the file and its folder",
    "full": "make room on the disk; nothing of what was tried is there",
    "locked": f"another process writes for more than {_BUSY_SECONDS} seconds: find it",
}


class SqliteLine(Line):
    def __init__(self, path: Path) -> None:
        self._path, self._sync = path, ""
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256)
            self._db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            raise self._away(error) from None

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[None]:
        sync = "FULL" if durable else "NORMAL"
        if sync != self._sync:
            self._db.execute(f"PRAGMA synchronous = {sync}")
            self._sync = sync
        with self._transaction("IMMEDIATE"):
            yield

    @contextmanager
    def reading(self, *, whole: bool) -> Iterator[None]:
        if whole:
            with self._transaction("DEFERRED"):
                yield
        else:
            with self._told():
                yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise self._away(error) from None

    @contextmanager
    def _transaction(self, how: str) -> Iterator[None]:
        try:
            self._db.execute(f"BEGIN {how}")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:  # a full disk has rolled it back already
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise self._away(error) from None
            raise

    def _away(self, error: sqlite3.OperationalError) -> StorageAway:
        """SQLite's own words hold no values, and say what is wrong with the file."""
        helps = [told for words, told in _HELPS.items() if words in str(error)]
        return StorageAway(f"using the store {str(self._path)!r}", str(error), *(helps or ["look at the file and its folder"]))

    def ask(self, questions: Iterable[Question]) -> list[list[Row]]:
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> list[Row]:
        sql, values, these = question
        if these is None:
            return self._db.execute(sql, values).fetchall()
        if not these:
            return []
        return self._db.execute(_among(sql), (json.dumps(these), *values)).fetchall()

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        if rows:
            self._db.executemany(_add(table.name, table.names), rows)

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        if rows:
            self._db.executemany(_put(table.name, table.names, table.key), rows)

    def change(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if rows:
            self._db.executemany(_change(table.name, table.key, tuple(columns)), rows)

    def drop(self, table: Table, keys: Sequence[Row]) -> None:
        if keys:
            self._db.executemany(_drop(table.name, table.key), keys)

    def run(self, sql: str, *values: Any) -> None:
        self._db.execute(sql, values)

    def make(self) -> None:
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'taskkit_jobs'").fetchone():
            return
        for table in TABLES:
            for sql in made(table, _TYPES, _NUMBER, " WITHOUT ROWID"):
                self._db.execute(sql)

    def close(self) -> None:
        self._db.close()


@cache
def _among(sql: str) -> str:
    return sql.format(these="(SELECT value FROM json_each(?))")


@cache
def _add(table: str, names: tuple[str, ...]) -> str:
    return f'INSERT INTO "{table}" ({named(names)}) VALUES ({", ".join("?" * len(names))})'  # noqa: S608  our own words, as below


@cache
def _put(table: str, names: tuple[str, ...], key: tuple[str, ...]) -> str:
    now = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in key)
    return f"{_add(table, names)} ON CONFLICT ({named(key)}) DO UPDATE SET {now}"


@cache
def _change(table: str, key: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """The key comes first in a row: its marks are numbered, as it stands last in the statement."""
    now = ", ".join(f'"{name}" = ?{place}' for place, name in enumerate(columns, len(key) + 1))
    which = " AND ".join(f'"{name}" = ?{place}' for place, name in enumerate(key, 1))
    return f'UPDATE "{table}" SET {now} WHERE {which}'  # noqa: S608


@cache
def _drop(table: str, key: tuple[str, ...]) -> str:
    return f'DELETE FROM "{table}" WHERE {same(key)}'  # noqa: S608


class SqliteStorage(SqlStorage):
    """`SqliteStorage(path)`, or by URL `sqlite:///path`."""

    def __init__(self, path: str | Path, *, relaxed: bool = False) -> None:
        self.path = Path(path)
        super().__init__(relaxed=relaxed)

    @classmethod
    def at(cls, url: str) -> SqliteStorage:
        """`sqlite:///var/lib/vault.db`, or `sqlite:vault.db` in the folder of this process; `?durability=relaxed`."""
        found = address(url, ("durability",))
        if not found.path.strip("/"):
            raise InvalidValue("opening a storage by a URL that begins with 'sqlite'", "it names no file", "give one: 'sqlite:///a/file'")
        return cls(found.path, relaxed=found.is_relaxed)

    def line(self) -> Line:
        return SqliteLine(self.path)

    def join(self) -> SqliteStorage:
        """Another handle on the same file, as a second process has it."""
        return SqliteStorage(self.path, relaxed=self._relaxed)
