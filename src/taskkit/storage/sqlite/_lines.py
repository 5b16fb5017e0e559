"""A connection to the file: who writes takes turns with other processes, and what goes wrong is told in our words."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from taskkit.errors import StorageAway
from taskkit.storage.sql._lines import Counted, Line, Question, Row, is_shared
from taskkit.storage.sql._schema import bring, is_current
from taskkit.storage.sql._statements import SQLITE
from taskkit.storage.sql._tables import Table
from taskkit.storage.sqlite import _words as words
from taskkit.storage.sqlite._files import gave_back, make, must_be_ours, must_be_there, took
from taskkit.storage.sqlite._words import Empty, Names

_SEVERAL = 4
_BUSY_SECONDS = 60
_LOOK_SECONDS = 0.02
#: Of an error's code, without what it says more exactly: who brings the log in order after a crash keeps others waiting, too.
_KIND = 0xFF
#: Of the write-ahead log, before it goes into the file: what is written again and again, such as a table's last page, goes there once.
_LOG_PAGES = 4000
_FEW = 4
#: So many are told of a damaged file.
_DAMAGES = 20
#: So many rows are added by one statement, as long as there are as many.
_TOGETHER = (25, 5, 1)
_HELPS = {
    "unable to open": "its folder has to be there, and this account must be allowed to write in it, and to read and write the file",
    "readonly": "this account must be allowed to write the file and its folder",
    "malformed": "the file is damaged: restore a backup",
    "not UTF-8": "somebody changed it: restore a backup",
    "not a database": "look whether the name is right; if it is, the file is damaged: restore a backup",
    "full": "make room on the disk; nothing of what was tried is there",
    "locked": f"another process writes for more than {_BUSY_SECONDS} seconds: find it",
}
#: Our tables that are there, each with its columns.
_COLUMNS = """SELECT made.name, held.name FROM sqlite_master AS made, pragma_table_info(made.name) AS held
    WHERE made.name IN {these} AND made.type IN ('table', 'view')"""


class _Told:
    """What goes wrong in here is told in our words."""

    def __init__(self, away: Callable[[sqlite3.Error], StorageAway]) -> None:
        self._away = away

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:  # of which a damaged file is one
            raise self._away(error) from None


class _Transaction(_Told):
    def __init__(self, db: sqlite3.Connection, away: Callable[[sqlite3.Error], StorageAway], begin: Callable[[], object]) -> None:
        super().__init__(away)
        self._db, self._begin = db, begin

    def __enter__(self) -> None:
        self._try(self._begin)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._try(partial(self._db.execute, "COMMIT"))
        else:
            self._take_back()
            super().__exit__(kind, error, trace)

    def _try(self, deed: Callable[[], object]) -> None:
        try:
            deed()
        except BaseException as error:
            self._take_back()
            super().__exit__(type(error), error, None)
            raise

    def _take_back(self) -> None:
        if self._db.in_transaction:  # a full disk has rolled it back already
            self._db.execute("ROLLBACK")


class SqliteLine(Line):
    def __init__(self, path: Path, *, makes: bool = True) -> None:
        self._path, self._makes, self._version = path, makes, -1
        self._told, self._is_ready = _Told(self._away), False
        make(path) if makes else must_be_there(path)
        must_be_ours(path)
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256)
            try:
                self._wait_for("PRAGMA journal_mode = WAL" if makes else "SELECT 1 FROM sqlite_master")
            except BaseException:
                self._db.close()
                raise
        except sqlite3.DatabaseError as error:
            raise self._away(error) from None
        took(self, path)

    def writing(self, *, durable: bool) -> AbstractContextManager[None]:
        """Who wants it to last forces the disk behind the commit."""
        return _Transaction(self._db, self._away, self._take_turn)

    def _take_turn(self) -> None:
        if not self._is_ready:
            [mode] = self._db.execute("PRAGMA journal_mode").fetchone()
            self._db.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")  # some file systems take no log
            self._db.execute("PRAGMA busy_timeout = 0")
            self._db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            self._is_ready = True
        self._wait_for("BEGIN IMMEDIATE")

    def _wait_for(self, sql: str) -> None:
        """SQLite's own wait grows longer each time: who waits long, waits longest. To turn a file to WAL, it does not wait at all."""
        until = time.monotonic() + _BUSY_SECONDS
        while not self._is_done(sql, until):
            time.sleep(random.uniform(0.0002, 0.002))  # noqa: S311  only that two do not keep step

    def _is_done(self, sql: str, until: float) -> bool:
        try:
            self._db.execute(sql)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _KIND != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            return False
        return True

    def others_wrote(self) -> bool:
        """SQLite counts what others have committed, as far as a transaction sees it."""
        seen, [self._version] = self._version, self._db.execute("PRAGMA data_version").fetchone()
        return seen != self._version

    def reading(self, *, whole: bool) -> AbstractContextManager[None]:
        return _Transaction(self._db, self._away, partial(self._db.execute, "BEGIN DEFERRED")) if whole else self._told

    def _away(self, error: sqlite3.Error) -> StorageAway:
        """SQLite's own words hold no values, and say what is wrong with the file. Those of Python hold what it could not read."""
        case, unread, _ = str(error).partition(" with text ")
        case += " of a row that is not UTF-8" if unread else ""
        helps = [told for words, told in _HELPS.items() if words in case]
        return StorageAway(f"using the store {str(self._path)!r}", case, *(helps or ["look at the file and its folder"]))

    def answers(self, questions: Sequence[Question]) -> list[list[Row]]:
        return [[] if question.these == () else self._answer(question) for question in questions]

    def _answer(self, question: Question) -> list[Row]:
        sql, values, these = question
        if these is None:
            return self._db.execute(sql, values).fetchall()
        if len(these) > _FEW:
            return self._db.execute(words.among(sql), (json.dumps(these), *values)).fetchall()
        return self._db.execute(words.among_few(sql, len(these)), (*these, *values)).fetchall()

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        if len(rows) < _TOGETHER[0]:
            self._with(words.add, table, table.names, rows)
            return
        columns = dict(zip(table.names, zip(*rows, strict=True), strict=True))
        shared = {name: values[0] for name, values in columns.items() if is_shared(values)}
        self.add_alike(table, shared, {name: values for name, values in columns.items() if name not in shared})

    def add_alike(self, table: Table, shared: Mapping[str, Any], told: Mapping[str, Sequence[Any]]) -> None:
        """Many rows in one statement, in which each value that they share is bound once."""
        common, values = tuple(shared.values()), list(chain.from_iterable(zip(*told.values(), strict=True)))
        place = 0
        for many in _TOGETHER:
            width = many * len(told)
            while place + width <= len(values):
                self._db.execute(words.add_alike(table, tuple(shared), tuple(told), many), (*common, *values[place : place + width]))
                place += width

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        self._with(words.put, table, table.names, rows)

    def change(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if len(rows) < _SEVERAL or table.keys > 1:
            self._with(words.change, table, (*columns, *table.key), [(*row[table.keys :], *row[: table.keys]) for row in rows])
            return
        keys, *told = zip(*rows, strict=True)
        if all(map(is_shared, told)):
            self._db.execute(words.change_alike(table, tuple(columns)), (*rows[0][1:], json.dumps(keys)))
        else:
            self._tell(words.change, table, (*columns, *table.key), [*told, keys])

    def change_all(
        self, table: Table, columns: Sequence[str], told: Row, keys: Sequence[str], *, growing: str, counted: Counted = None
    ) -> None:
        if counted is not None and len(keys) <= _FEW:
            name, first = counted
            for number, key in enumerate(keys, first):
                self._db.execute(words.change_alike(table, (*columns, name), growing, 1), (*told, number, key))
        elif counted is not None:
            name, first = counted
            self._db.execute(words.change_counted(table, tuple(columns), growing, name), (*told, first, json.dumps(keys)))
        elif keys:
            few = len(keys) if len(keys) <= _FEW else 0
            self._db.execute(words.change_alike(table, tuple(columns), growing, few), (*told, *(keys if few else (json.dumps(keys),))))

    def drop(self, table: Table, keys: Sequence[Row]) -> None:
        self._with(words.drop, table, table.key, keys)

    def drop_all(self, table: Table, keys: Sequence[str]) -> None:
        if keys:
            self._answer(Question(f'DELETE FROM "{table.name}" WHERE "{table.key[0]}" IN {{these}}', (), keys))  # noqa: S608

    def _with(self, made: Callable[[Table, Names, Empty], str], table: Table, columns: Names, rows: Sequence[Row]) -> None:
        if len(rows) >= _SEVERAL:
            self._tell(made, table, columns, list(zip(*rows, strict=True)))
        elif rows:
            self._db.executemany(made(table, columns, None), rows)

    def _tell(self, made: Callable[[Table, Names, Empty], str], table: Table, columns: Names, told: Sequence[Row]) -> None:
        """The values of each column, row by row."""
        empty = tuple([values[0] is None and is_shared(values) for values in told])
        kept = zip(*[values for values, is_empty in zip(told, empty, strict=True) if not is_empty], strict=True)
        self._db.executemany(made(table, columns, empty), list(kept))

    def run(self, sql: str, *values: Any) -> None:
        self._db.execute(sql, values)

    def is_made(self) -> bool:
        return is_current(self)

    def make(self) -> None:
        bring(self, SQLITE, f"the store {str(self._path)!r}", makes=self._makes)

    def columns(self, tables: Sequence[str]) -> Mapping[str, set[str]]:
        return self.grouped(_COLUMNS, tables)

    def apply(self, statements: Sequence[str]) -> None:
        for sql in statements:
            self._db.execute(sql)

    def damages(self) -> list[str]:
        """What SQLite finds: pages that cannot be read, and rows that an index does not have."""
        found = [" ".join(text.split()) for (text,) in self._db.execute(f"PRAGMA integrity_check({_DAMAGES})")]
        return [] if found == ["ok"] else found

    def odd(self, table: Table, most: int) -> list[Row]:
        return self._db.execute(words.odd(table), (most,)).fetchall()

    def look(self, seconds: float) -> bool:
        """To ask what others have committed costs some microseconds."""
        until, seen = time.monotonic() + seconds, self._version
        while (now := self._db.execute("PRAGMA data_version").fetchone()[0]) == seen and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        self._version = now
        return bool(now != seen)

    def take_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        self._db.close()
        gave_back(self)
