"""One SQLite file for several threads and processes. Knows no vault: only its tables, its version and its transactions.

There is one connection, behind a lock. A connection for each thread would read side by side, but threads end without a word, and what
they had open would stay open; here all is closed when the vault is. Writers of several processes wait for one another by `BEGIN
IMMEDIATE`; a transaction that began by reading could not.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from taskkit._paths import Identity, identity, real
from taskkit.errors import InvalidValue, Refused, VaultAway
from taskkit.storage._keepable import askable

#: "tkva": says in the file's own head whose it is.
APPLICATION = 0x746B7661
VERSION = 5
#: All that lies for an account lies side by side: what changes for it is a page, and its history is not in the way.
_TABLES = """
CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS logins (record TEXT PRIMARY KEY, account TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hidden (user TEXT, record TEXT, PRIMARY KEY (user, record));
CREATE TABLE IF NOT EXISTS secrets (account TEXT, slot TEXT, name TEXT, turn INTEGER, key TEXT NOT NULL, sealed BLOB NOT NULL,
    number INTEGER, ended INTEGER, attempt TEXT, PRIMARY KEY (account, slot, name, turn)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (account TEXT PRIMARY KEY, token INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS changes (account TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, proof BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (number INTEGER PRIMARY KEY, record TEXT, id TEXT, user TEXT NOT NULL, UNIQUE (record, id));
CREATE TABLE IF NOT EXISTS denied (user TEXT, right TEXT, record TEXT NOT NULL, PRIMARY KEY (user, right, record));
CREATE TABLE IF NOT EXISTS disabled (user TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS members (people TEXT, user TEXT, PRIMARY KEY (people, user));
CREATE TABLE IF NOT EXISTS outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hosts (address TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS readers (reader TEXT, day INTEGER, number INTEGER NOT NULL, PRIMARY KEY (reader, day));
"""
_TAKEN_OVER = "INSERT INTO secrets SELECT account, slot, name, turn, key, sealed, number, ended, {} FROM numbered"
#: What is overwritten or removed is gone from the file; what was committed is on the disk.
_SETTINGS = ("PRAGMA secure_delete = ON", "PRAGMA synchronous = FULL", "PRAGMA trusted_schema = OFF")
_Deeds = tuple[object, ...]


class File:
    """`writing` is one transaction; what is asked inside one sees what it wrote."""

    def __init__(self, path: str | os.PathLike[str], timeout: float) -> None:
        self.path, self._timeout, self._is_older = str(real(path, f"opening the vault {os.fspath(path)!r}")), timeout, False
        self.opened: Identity | None = None
        self._begin()
        #: Connections of a parent, where one was in the midst of a deed when it forked: they must not even be closed here.
        self._left: list[sqlite3.Connection] = []
        _FILES.add(self)
        try:
            with self._lock:
                self._open()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        self._lock, self._closed = threading.RLock(), False
        #: Those in whose midst somebody is, the outermost first.
        self._deeds: _Deeds = ()
        self._db: sqlite3.Connection | None = None

    def part(self) -> bool:
        """Before a fork: what SQLite notes of the locks of a process goes into the child, and is wrong there. It notes them for each file,
        not for each connection: who opens another one there holds no lock, and what it commits is lost with the log that others remove.

        So no connection is open at that moment. Whether nobody is in the midst of a deed; only then the lock is held.
        """
        is_held = self._lock.acquire(timeout=self._timeout)
        if is_held and not self._deeds and self._db is not None:
            self._db.close()
            self._db = None
        return is_held

    def go_on(self) -> None:
        """In the parent, where the lock is held."""
        self._lock.release()

    def fork(self) -> None:
        """In a child: whoever held the lock may be gone."""
        self._left += [self._db] if self._db is not None else []
        closed = self._closed
        self._begin()
        self._closed = closed

    def close(self) -> None:
        """What is open is undone; who is in the midst of a deed is told by the next one."""
        with self._lock:
            self._closed = True
            db, self._db = self._db, None
            if db is not None and self._deeds:
                db.rollback()
            elif db is not None:
                db.close()

    # asking and writing

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            try:
                return (self._db or self._connection()).execute(sql, askable(values)).fetchall()
            except sqlite3.Error as error:
                told = self._told("reading", error)
        raise told

    def row(self, sql: str, *values: Any) -> Any | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def write(self, sql: str, *values: Any) -> int:
        """How many rows it changed. By itself, a statement is all or nothing."""
        with self._lock:
            return self._run(sql, *values)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing; one inside another belongs to it, and is undone alone where its error goes no further.

        An interrupt right before it ends leaves that to Python's collector, for whom the one around it may be over, and others have begun.
        """
        with self._lock:
            before = self._deeds
            deeds = (*before, object())
            try:
                yield from self._part(deeds) if before else self._whole(deeds)
            finally:
                if deeds[-1] in self._deeds:
                    self._deeds = before

    def _whole(self, deeds: _Deeds) -> Iterator[None]:
        """However it ends, SQLite's own `with` leaves nothing open: interrupts come before or behind its end, and not between."""
        db = self._db or self._connection()
        try:
            with db:
                self._run("BEGIN IMMEDIATE")
                self._deeds = deeds
                yield
                self._run("COMMIT")
        finally:
            if self._closed:
                db.close()

    def _part(self, deeds: _Deeds) -> Iterator[None]:
        """The reason why it is undone is what is told, and not that SQLite has undone all by itself."""
        name = f"deed{len(deeds)}"
        self._run(f"SAVEPOINT {name}")
        self._deeds = deeds
        try:
            yield
            self._run(f"RELEASE {name}")
        except BaseException:
            if deeds[-1] in self._deeds:
                with suppress(sqlite3.Error, VaultAway):
                    self._connection().execute(f"ROLLBACK TO {name}")
                    self._connection().execute(f"RELEASE {name}")
            raise

    def must_be_alone(self, tried: str) -> None:
        with self._lock:
            if self._deeds:
                raise Refused(tried, "it is said within `together`, and takes several transactions", "say it before or after that")

    def _run(self, sql: str, *values: Any) -> int:
        db = self._db or self._connection()
        if self._deeds and not db.in_transaction:
            case = "a disk that was full or failed made SQLite undo all of this deed"
            raise VaultAway(f"writing to the vault {self.path!r}", case, "look at the disk, and do all of it again")
        try:
            return db.execute(sql, values).rowcount
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            told = self._told("writing to", error)
        raise told

    def settle(self) -> None:
        """Nothing of what was overwritten is left in the file: a page that was split or joined keeps cells of before between its own. Nor
        beside it, unless somebody reads just now."""
        with self._lock:
            if not self._deeds:
                self._run("VACUUM")
                self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def _open(self) -> None:
        """What SQLite says becomes an error of ours, here as everywhere."""
        try:
            self._prepare()
        except sqlite3.Error as error:
            told = self._told("opening", error)
        else:
            return
        raise told

    def _told(self, verb: str, error: sqlite3.Error | UnicodeEncodeError | OverflowError) -> VaultAway | Refused | InvalidValue:
        tried = f"{verb} the vault {self.path!r}"
        if isinstance(error, UnicodeEncodeError):
            return InvalidValue(tried, "a name holds half a character (a lone surrogate)", "give another one")
        if isinstance(error, OverflowError):
            return InvalidValue(tried, "a number, such as a token, has more than 64 bits", "give a lower one")
        if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
            return Refused(tried, "it is no SQLite file", "name another file")
        return VaultAway(tried, f"SQLite says: {error}", "try again, or look at the file and its disk")

    # the file itself

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise VaultAway(f"asking the vault {self.path!r}", "it was closed", "open it anew")
        if self._left:
            case = "this process was forked in the midst of a deed, and would not see the locks of others"
            raise VaultAway(f"asking the vault {self.path!r}", case, "fork when nobody writes, or begin a process anew (spawn)")
        if self._db is None:
            self._db = self._connected()
        return self._db

    def _connected(self) -> sqlite3.Connection:
        uri = f"{Path(self.path).as_uri()}?mode=rw"  # one that was removed is not made anew
        made = sqlite3.connect(uri, uri=True, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        try:
            for setting in _SETTINGS:
                made.execute(setting)
            self.opened = self.opened or identity(self.path)
        except BaseException:
            made.close()
            raise
        return made

    def _prepare(self) -> None:
        """What is not ours, or of a newer version, is left as it is."""
        self._create()
        tried = f"opening the vault {self.path!r}"
        application, version, tables = self._head()
        if not application and not tables:
            self._log_ahead()
            return self._make_tables()
        if application != APPLICATION:
            raise Refused(tried, "it is a SQLite file of another program", "name another file")
        if version > VERSION:
            raise Refused(tried, f"its form is {version}, and this release knows {VERSION}", "update taskkit")
        self._is_older = version < VERSION
        return None

    def _head(self) -> tuple[int, int, int]:
        """Of one moment: somebody else may be making it just now."""
        asked, db = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master"), self._connection()
        db.execute("BEGIN")
        try:
            application, version, tables = (db.execute(sql).fetchone()[0] for sql in asked)
        finally:
            db.execute("ROLLBACK")
        return application, version, tables

    def take_over(self) -> None:
        """An older form, once its keys are known to be there; and a copy, which is one file, gets a log again where it can be written."""
        with self._lock:
            if self._is_older:
                self._make_tables()
                self._is_older = False
            with suppress(sqlite3.OperationalError):
                self._connection().execute("PRAGMA journal_mode = WAL").fetchone()

    def _create(self) -> None:
        """With 0600, before SQLite does it with whatever the process masks; what it puts beside it has the same mode."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            raise Refused(f"making the vault {self.path!r}", error.strerror or type(error).__name__, "look at the folder") from None

    def _make_tables(self) -> None:
        """What an older form has is taken over; two who do it at once do it one after the other."""
        with self.writing():
            columns = {name: key for _, name, _, _, _, key in self.rows("PRAGMA table_info(secrets)")}
            is_numbered = bool(columns.get("number"))
            if is_numbered:  # before the form 5
                self._run("ALTER TABLE secrets RENAME TO numbered")
            for table in filter(str.strip, _TABLES.split(";")):
                self._run(table)
            if is_numbered:
                self._run(_TAKEN_OVER.format("attempt" if "attempt" in columns else "NULL"))  # before the form 4 there was none
                self._run("DROP TABLE numbered")
            self._run(f"PRAGMA application_id = {APPLICATION}")
            self._run(f"PRAGMA user_version = {VERSION}")

    def _log_ahead(self) -> None:
        """For this SQLite does not wait by itself."""
        last = time.monotonic() + self._timeout
        while True:
            try:
                self._connection().execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except sqlite3.OperationalError:
                if time.monotonic() > last:
                    raise
                time.sleep(0.01)


_FILES: WeakSet[File] = WeakSet()
#: Of the thread that forks: the files whose lock it holds meanwhile.
_PARTED = threading.local()


def _before_fork() -> None:
    _PARTED.files = [file for file in list(_FILES) if file.part()]


def _after_fork() -> None:
    for file in _PARTED.files:
        file.go_on()
    _PARTED.files = []


def _forked() -> None:
    for file in list(_FILES):
        file.fork()
    _PARTED.files = []


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_forked)
