"""A connection to the database: writers take turns by an advisory lock, and what nobody waits for goes with the next question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg import Connection, Cursor, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from taskkit.errors import InvalidValue, Refused, StorageAway
from taskkit.jobs import Job
from taskkit.storage.postgresql import _words as words
from taskkit.storage.postgresql._words import Names, Shared
from taskkit.storage.sql._lines import Counted, Line, LineLost, Question, Row, is_shared
from taskkit.storage.sql._rows import PHASES
from taskkit.storage.sql._schema import bring, is_current
from taskkit.storage.sql._statements import POSTGRESQL, turn_of
from taskkit.storage.sql._tables import DUE, Table

#: A peer that has gone without a word is noticed within some seconds.
_KEPT_ALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 15_000, "connect_timeout": 10}
_STATEMENT_SECONDS = 30
_LONGEST_NAME = 63  # of two schemas that begin alike, who looks hears of both
_UPGRADE_SECONDS = 3600  # an index on many rows takes its time
_LOCK = "SELECT pg_advisory_xact_lock({lock}), {sync}"
#: What a server does usually may be more than that, and stays.
_FORCED = "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
#: Behind the last transaction that has ended, and this one; nothing comes between two of ours where nobody else has written.
_WRITES = "SELECT txid_snapshot_xmax(txid_current_snapshot()), txid_current()"
_UNFORCED = "set_config('synchronous_commit', 'off', true)"
#: A node that is gone, or stands still, must not keep the others from writing: its lock goes with its transaction.
_LETS_GO = "-c idle_in_transaction_session_timeout=20s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
#: What a server says that only follows another: who is to write needs a connection to that one.
_FOLLOWS = (errors.FeatureNotSupported, errors.ReadOnlySqlTransaction)
#: What libpq and the server say, which may show more of the URL, in our words; a server of another language says it otherwise.
_REFUSALS = {
    "password authentication failed": "it refused the password",
    "no password supplied": "it wants a password",
    'FATAL:  role "': "it knows no such user",
    'FATAL:  database "': "it has no such database",
    "FATAL:  the database system": "it is starting, or stopping",
    "Connection refused": "nobody listens there",
    "No such file": "nobody listens there",
    "resolve": "there is no such host",
    "translate host name": "there is no such host",
    "timeout": "nobody answered in time",
    "SSL": "they do not agree on TLS",
    "pg_hba.conf": "it lets nobody in from here",
}
_LOOK = "look whether the database is up and lets us in; the next call tries anew"
#: Our tables that are there, each with its columns: catalogs tell everybody, whatever rights he has on the tables.
_COLUMNS = """SELECT made.relname::text, held.attname::text FROM pg_class AS made
    JOIN pg_namespace AS home ON home.oid = made.relnamespace
    JOIN pg_attribute AS held ON held.attrelid = made.oid AND held.attnum > 0 AND NOT held.attisdropped
    WHERE made.relname IN {these} AND home.nspname = ? AND made.relkind IN ('r', 'p', 'v', 'm', 'f')"""
_SHUT = "SELECT 1 FROM pg_namespace WHERE nspname = ? AND NOT has_schema_privilege(oid, 'USAGE')"


class _Patient(Connection[Row]):
    """Waits for no answer for ever, whatever the network does."""

    seconds = _STATEMENT_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, self.seconds + 5 if timeout is None else timeout)
        except errors._WaitTimeout:
            self.pgconn.finish()  # else the end of the pipeline waits once more as long
            raise


class PostgresLine(Line):
    def __init__(self, url: str, schema: str, *, makes: bool = True) -> None:
        self._schema, self._makes, self._lock = schema, makes, turn_of(schema)
        self._channel, self._listens = f"taskkit_{schema}"[:_LONGEST_NAME], False
        self._later: list[tuple[str, Sequence[Any]]] = []  # what nobody waits for an answer to
        self._writes: Cursor[Row] | None = None
        #: Of our own transactions the last; whether others wrote before this one, and whether they did since anybody has asked.
        self._last, self._is_shared, self._others, self._was_told = 0, True, True, False
        options = f"-c search_path={schema} -c statement_timeout={_STATEMENT_SECONDS}s -c timezone=UTC {_LETS_GO}"
        try:
            theirs = conninfo_to_dict(url).get("options") or ""
            told = make_conninfo(url, options=f"{theirs} {options}", application_name="taskkit", **_KEPT_ALIVE)
            self._db = _Patient.connect(told, autocommit=True)
        except psycopg.OperationalError as error:
            why = next((told for words, told in _REFUSALS.items() if words in str(error)), type(error).__name__)
            raise StorageAway("connecting to the store", f"the database did not take us ({why})", _LOOK) from None
        except psycopg.ProgrammingError:  # its words would show the URL
            raise InvalidValue("connecting to the store", "its URL cannot be read", "give one as libpq takes it") from None

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[None]:
        turn = _LOCK.format(lock=self._lock, sync=_FORCED if durable else _UNFORCED)
        self._was_told = False
        with self._transaction("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", turn, _WRITES):
            yield
        self._compare()

    def others_wrote(self) -> bool:
        """Where they did the last time, they are taken to do so always, and the database is not asked beforehand."""
        if not (self._others or self._is_shared):
            self._send()
            self._pipeline.sync()
            self._compare()
        told, self._others, self._was_told = self._others or self._is_shared, False, True
        return told

    def _compare(self) -> None:
        """What this transaction was told of those before it."""
        if (writes := self._writes) is not None:
            self._writes = None
            [(behind, this)] = writes.fetchall()
            self._is_shared, self._last = behind != self._last + 1, this
            self._others |= self._is_shared and not self._was_told

    @contextmanager
    def reading(self, *, whole: bool) -> Iterator[None]:
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") if whole else self._told():
            yield

    @contextmanager
    def _transaction(self, *begin: str) -> Iterator[None]:
        """What nobody waits for an answer to goes to the database with the next question, or with the commit.

        So whoever stands still in between is found idle there, and after some seconds its lock goes with its transaction.
        """
        with self._told() as told, self._db.pipeline() as pipeline:
            self._pipeline, self._later = pipeline, [(sql, ()) for sql in begin]
            yield
            self._send()
            told.at_commit = True
            self._db.execute("COMMIT")

    def _send(self) -> None:
        later, self._later = self._later, []
        for sql, values in later:
            cursor = self._db.execute(sql, values)
            if sql is _WRITES:
                self._writes = cursor

    def _tell(self, sql: str, values: Sequence[Any]) -> None:
        if self._db.pgconn.pipeline_status:
            self._later.append((sql, values))
        else:
            self._db.execute(sql, values)

    @contextmanager
    def _told(self) -> Iterator[SimpleNamespace]:
        """What goes wrong in our words."""
        place = SimpleNamespace(at_commit=False)
        try:
            yield place
        except BaseException as error:
            kept = self._took_back()
            if isinstance(error, _FOLLOWS) or (not kept and isinstance(error, psycopg.Error)):
                raise LineLost(type(error).__name__, at_commit=place.at_commit) from None
            if isinstance(error, errors.InsufficientPrivilege):
                raise _lacking(f"using the store in the schema {self._schema!r}") from None
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
        self._tell(words.marked(sql), values)

    def answers(self, questions: Sequence[Question]) -> list[list[Row]]:
        if len(questions) > 1 and not self._db.pgconn.pipeline_status:
            with self._db.pipeline():
                cursors = [self._asked(question) for question in questions]
        else:
            cursors = [self._asked(question) for question in questions]
            if self._db.pgconn.pipeline_status and any(cursor is not None for cursor in cursors):
                self._pipeline.sync()  # then a server knows that it waits for us, and for how long
        return [[] if cursor is None else cursor.fetchall() for cursor in cursors]

    def _asked(self, question: Question) -> Cursor[Row] | None:
        sql, values, these = question
        if these == ():
            return None
        self._send()
        return self._db.execute(words.marked(sql), values if these is None else (words.array(these), *values))

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        self._with(words.add, table, table.names, rows)

    def add_alike(self, table: Table, shared: Mapping[str, Any], told: Mapping[str, Sequence[Any]]) -> None:
        are_shared = (True,) * len(shared) + (False,) * len(told)
        values = [*map(words.alone, shared.values()), *map(words.array, told.values())]
        self._tell(words.add(table, (*shared, *told), are_shared), values)

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        self._with(words.put, table, table.names, rows)

    def change(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._with(words.change, table, (*table.key, *columns), rows)

    def change_all(
        self, table: Table, columns: Sequence[str], told: Row, keys: Sequence[str], *, growing: str, counted: Counted = None
    ) -> None:
        name, first = counted or ("", 0)
        numbers = [str(first - 1)] if counted else []  # its own count begins with one
        if keys:
            self._tell(words.change_all(table, tuple(columns), growing, name), [*map(words.alone, told), *numbers, words.array(keys)])

    def drop(self, table: Table, keys: Sequence[Row]) -> None:
        self._with(words.drop, table, table.key, keys)

    def drop_all(self, table: Table, keys: Sequence[str]) -> None:
        if keys:
            self._tell(f'DELETE FROM "{table.name}" WHERE "{table.key[0]}" = ANY(%s)', [words.array(keys)])  # noqa: S608  our own words

    def _with(self, made: Callable[[Table, Names, Shared], str], table: Table, columns: Names, rows: Sequence[Row]) -> None:
        """One statement for all rows: what they share goes as one value, all else as an array for each column."""
        if not rows:
            return
        told = list(zip(*rows, strict=True))
        shared = tuple(map(is_shared, told))
        values = [words.alone(column[0]) if is_one else words.array(column) for column, is_one in zip(told, shared, strict=True)]
        self._tell(made(table, columns, shared), values)

    def is_made(self) -> bool:
        try:
            return not self.rows(_SHUT, self._schema) and is_current(self)
        except errors.InsufficientPrivilege:
            return False

    def make(self) -> None:
        name = f"the store in the schema {self._schema!r}"
        try:
            if self.rows(_SHUT, self._schema):
                raise _lacking(f"opening {name}")
            bring(self, POSTGRESQL, name, makes=self._makes)
        except errors.InsufficientPrivilege:
            raise _lacking(f"opening {name}") from None
        except (psycopg.ProgrammingError, psycopg.IntegrityError, psycopg.DataError) as error:
            case = f"its tables could not be made or upgraded ({type(error).__name__})"
            raise Refused(f"opening {name}", case, "nothing has changed; the database's log says what it did not take") from None

    def columns(self, tables: Sequence[str]) -> Mapping[str, set[str]]:
        return self.grouped(_COLUMNS, tables, self._schema)

    def apply(self, statements: Sequence[str]) -> None:
        """A schema is made only where there is none: else no right to do so is needed."""
        is_there = self.rows("SELECT 1 FROM pg_namespace WHERE nspname = ?", self._schema)
        self._db.seconds = _UPGRADE_SECONDS
        try:
            patience = f"SET LOCAL statement_timeout = '{_UPGRADE_SECONDS}s'"
            for sql in (patience, *(() if is_there else (f'CREATE SCHEMA "{self._schema}"',)), *statements):
                self._tell(sql, ())
            self.rows("SELECT 1")  # in a pipeline, what went wrong is told with the next answer
        finally:
            self._db.seconds = _STATEMENT_SECONDS

    def look(self, seconds: float) -> bool:
        if not self._listens:
            self._db.execute(f'LISTEN "{self._channel}"')
            self._listens = True
            return True
        return any(True for _ in self._db.notifies(timeout=seconds, stop_after=1))

    def hint(self, jobs: Iterable[Job]) -> None:
        """Of those that are due by now; each write that told something would cost a third of all."""
        if dues := [job.due for job in jobs if PHASES[job.state] == DUE]:
            now = "extract(epoch FROM clock_timestamp()) * 1000000"
            self.run(f"SELECT pg_notify(?, '') WHERE ? <= {now}", self._channel, min(dues))

    def close(self) -> None:
        self._db.close()


def _lacking(tried: str) -> Refused:
    helps = "`taskkit store sql` prints what an account that has it may apply, and which rights this one needs"
    return Refused(tried, "this account lacks a right that is needed for it", helps)
