"""The store in a PostgreSQL database, for several nodes (extra `postgresql`): in a schema of its own, under the database's own clock.

Writers take turns by an advisory lock, so that a write finds what it is about as it stands; readers wait for nobody.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, Cursor
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from taskkit.errors import InvalidValue, StorageAway
from taskkit.instants import Instant, SystemClock
from taskkit.storage.sql._lines import Line, LineLost, Question, Row
from taskkit.storage.sql._statements import made, named
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import BYTES, TABLES, TEXT, WHOLE, Table
from taskkit.storage.urls import address

T = TypeVar("T")
_TYPES = {TEXT: 'text COLLATE "C"', WHOLE: "bigint", BYTES: "bytea"}
_ARRAYS = {TEXT: "text[]", WHOLE: "bigint[]", BYTES: "bytea[]"}
_NUMBER = '"number" bigint GENERATED ALWAYS AS IDENTITY'
#: A peer that has gone without a word is noticed within some seconds.
_KEPT_ALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 15_000, "connect_timeout": 10}
_STATEMENT_SECONDS = 30
_LOOK_SECONDS = 10
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_LOOK = "look whether the database is up and lets us in; the next call tries anew"


class _Patient(Connection[Row]):
    """Waits for no answer for ever, whatever the network does."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, _STATEMENT_SECONDS + 5 if timeout is None else timeout)


class PostgresLine(Line):
    def __init__(self, url: str, schema: str) -> None:
        self._schema = schema
        self._lock = int.from_bytes(hashlib.sha256(f"taskkit {schema}".encode()).digest()[:8], "big", signed=True)
        options = f"-c search_path={schema} -c statement_timeout={_STATEMENT_SECONDS}s -c timezone=UTC"
        try:
            told = make_conninfo(url, options=options, application_name="taskkit", **_KEPT_ALIVE)
            self._db = _Patient.connect(told, autocommit=True)
        except psycopg.OperationalError as error:
            raise StorageAway("connecting to the store", f"the database did not take us ({type(error).__name__})", _LOOK) from None

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[None]:
        relaxed = () if durable else ("SET LOCAL synchronous_commit = off",)
        with self._transaction("BEGIN", *relaxed, f"SELECT pg_advisory_xact_lock({self._lock})"):
            yield

    @contextmanager
    def reading(self, *, whole: bool) -> Iterator[None]:
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") if whole else self._told():
            yield

    @contextmanager
    def _transaction(self, *begin: str) -> Iterator[None]:
        """In a pipeline: what nobody waits for an answer to goes to the database with the next question, or with the commit."""
        with self._told() as told, self._db.pipeline():
            for sql in begin:
                self._db.execute(sql)
            yield
            told.at_commit = True
            self._db.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[SimpleNamespace]:
        """What goes wrong in our words."""
        place = SimpleNamespace(at_commit=False)
        try:
            yield place
        except BaseException as error:
            kept = self._took_back()
            if not kept and isinstance(error, psycopg.Error):
                raise LineLost(type(error).__name__, at_commit=place.at_commit) from None
            if isinstance(error, psycopg.OperationalError):
                raise StorageAway("using the store", f"the database answered with {type(error).__name__}", _LOOK) from None
            raise

    def _took_back(self) -> bool:
        """Whether the connection is of use for what comes next."""
        if self._db.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            with suppress(psycopg.Error):
                self._db.execute("ROLLBACK")
        return self._db.info.transaction_status is TransactionStatus.IDLE

    # statements

    def run(self, sql: str, *values: Any) -> None:
        self._db.execute(_marked(sql), values)

    def ask(self, questions: Iterable[Question]) -> list[list[Row]]:
        asked = [self._asked(question) for question in questions]
        return [cursor.fetchall() for cursor in asked]

    def _asked(self, question: Question) -> Cursor[Row]:
        sql, values, these = question
        return self._db.execute(_marked(sql), values if these is None else (list(these), *values))

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        self._with(_add, table, table.names, rows)

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        self._with(_put, table, table.names, rows)

    def change(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._with(_change, table, (*table.key, *columns), rows)

    def drop(self, table: Table, keys: Sequence[Row]) -> None:
        self._with(_drop, table, table.key, keys)

    def _with(self, sql: Callable[[Table, tuple[str, ...]], str], table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        """One statement for all rows: they go as one array for each column."""
        if rows:
            self._db.execute(sql(table, columns), [list(column) for column in zip(*rows, strict=True)])

    def make(self) -> None:
        self.run(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
        if self.rows("SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'taskkit_jobs'", self._schema):
            return
        for table in TABLES:
            for sql in made(table, _TYPES, _NUMBER):
                self.run(sql)

    def close(self) -> None:
        self._db.close()


@cache
def _marked(sql: str) -> str:
    return sql.replace("IN {these}", "= ANY(%s)").replace("?", "%s")


def _arrays(table: Table, columns: tuple[str, ...]) -> str:
    return ", ".join(f"%s::{_ARRAYS[table.columns[name]]}" for name in columns)


@cache
def _add(table: Table, columns: tuple[str, ...]) -> str:
    return f'INSERT INTO "{table.name}" ({named(columns)}) SELECT * FROM unnest({_arrays(table, columns)})'  # noqa: S608  our own words


@cache
def _put(table: Table, columns: tuple[str, ...]) -> str:
    now = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in table.key)
    return f"{_add(table, columns)} ON CONFLICT ({named(table.key)}) DO UPDATE SET {now}"


@cache
def _change(table: Table, columns: tuple[str, ...]) -> str:
    now = ", ".join(f'"{name}" = now."{name}"' for name in columns if name not in table.key)
    which = " AND ".join(f'stood."{name}" = now."{name}"' for name in table.key)
    rows = f"unnest({_arrays(table, columns)}) AS now ({named(columns)})"
    return f'UPDATE "{table.name}" AS stood SET {now} FROM {rows} WHERE {which}'  # noqa: S608


@cache
def _drop(table: Table, columns: tuple[str, ...]) -> str:
    which = " AND ".join(f'stood."{name}" = gone."{name}"' for name in columns)
    rows = f"unnest({_arrays(table, columns)}) AS gone ({named(columns)})"
    return f'DELETE FROM "{table.name}" AS stood USING {rows} WHERE {which}'  # noqa: S608


class PostgresStorage(SqlStorage):
    """`PostgresStorage(url)`, or by URL `postgresql://…`."""

    def __init__(self, url: str, *, schema: str = "taskkit", relaxed: bool = False, keeps_time: bool = True) -> None:
        if not _SCHEMA.fullmatch(schema):
            raise InvalidValue(f"opening a store in the schema {schema!r}", "it is no plain name", "give small letters, digits and _")
        self._url, self._schema = url, schema
        self.clock = clock = _DatabaseClock() if keeps_time else None
        self._time = clock
        super().__init__(relaxed=relaxed)

    @classmethod
    def at(cls, url: str) -> PostgresStorage:
        """`postgresql://user@host/database`, with `schema`, `durability`, and what libpq knows, as options."""
        found = address(url, ("schema", "durability"), others=True)
        return cls(found.rest, schema=found.options.get("schema", "taskkit"), relaxed=found.is_relaxed)

    def line(self) -> Line:
        return PostgresLine(self._url, self._schema)

    def join(self) -> PostgresStorage:
        """Another handle on the same database, as another node has it."""
        return PostgresStorage(self._url, schema=self._schema, relaxed=self._relaxed, keeps_time=self.clock is not None)

    def _do(self, deed: Callable[[Line], T], *, durable: bool = True) -> T:
        return super()._do(deed if self._time is None else partial(self._in_time, self._time, deed), durable=durable)

    @staticmethod
    def _in_time(clock: _DatabaseClock, deed: Callable[[Line], T], line: Line) -> T:
        clock.look(line)
        return deed(line)


class _DatabaseClock(SystemClock):
    """The database's time, read from time to time; in between this machine's clock that no change moves tells how much has passed."""

    def __init__(self) -> None:
        self._ahead, self._read = 0, -_LOOK_SECONDS

    def now(self) -> Instant:
        return time.monotonic_ns() // 1000 + self._ahead

    def look(self, line: Line) -> None:
        """Half of the way there and back is taken for the way back."""
        before = time.monotonic_ns()
        if before - self._read < _LOOK_SECONDS * 1_000_000_000:
            return
        [(there,)] = line.rows("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        self._ahead, self._read = there - (before + time.monotonic_ns()) // 2000, before
