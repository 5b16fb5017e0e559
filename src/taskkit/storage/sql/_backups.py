"""A copy of a SQLite file while others write to it, by the backup interface of SQLite.

The copy is of one moment: a transaction that only reads holds that moment, and in WAL mode no writer waits for it. What is written
meanwhile stays in the log until the copy is done.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Container
from contextlib import closing, suppress
from pathlib import Path

from attrs import frozen

from taskkit._paths import Identity, identity, real
from taskkit.errors import Refused, StorageAway

#: How many pages go in one step: four megabytes, after each of which `progress` is told.
_PAGES = 1024
_ROOM = "its folder has to be there, with room for the copy, and this account must be allowed to write in it"
Progress = Callable[[int, int], object]


@frozen
class Source:
    """A file of SQLite: what it is called, a table that it holds, and which file that was when it was opened, if it is open."""

    path: Path
    what: str
    holds: str
    opened: Identity | None = None

    def must_be_there(self, tried: str) -> None:
        """A vault or store goes on with a file that is removed, and nobody finds again what it writes."""
        now = identity(self.path)
        if now is None or now != (self.opened or now):
            case = "its file is gone" if now is None else "another file has come in its place"
            raise Refused(tried, case, f"look what became of it: what this {self.what} wrote since then is in no file that has a name")

    def must_be_ours(self, tried: str, tables: Container[str]) -> None:
        if self.holds not in tables:
            raise Refused(tried, f"it has no {self.holds}: it is no {self.what} of taskkit's", "look whether its name is right")


def back_up(source: Source, path: Path, progress: Progress | None = None) -> None:
    """Written beside it under another name, and named when it is whole."""
    tried = f"backing up the {source.what} {str(source.path)!r} to {str(path)!r}"
    real(path, tried)  # or no file can have this name
    if not path.name:
        raise Refused(tried, "that is a folder", "name the file that is to be there")
    taken = Refused(tried, "there is a file of this name", "give another name, or remove it")
    part = path.with_name(f".{path.name}.{os.urandom(6).hex()}.part")
    try:
        if path.exists():
            raise taken
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _copy(tried, source, part, progress)
            _must_be_whole(tried, part)
            _name(part, path)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except FileExistsError:
        raise taken from None
    except OSError as error:
        raise Refused(tried, error.strerror or type(error).__name__, _ROOM) from None
    except sqlite3.Error as error:
        raise StorageAway(tried, str(error), _ROOM) from None


def _copy(tried: str, file: Source, part: Path, progress: Progress | None) -> None:
    def told(_: int, left: int, of: int) -> None:
        if progress is not None:
            progress(of - left, of)

    file.must_be_there(tried)
    with closing(_opened(file.path)) as source, closing(sqlite3.connect(part, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = OFF")  # it is nothing until it is whole
        copy.execute("PRAGMA synchronous = OFF")
        source.execute("BEGIN")
        file.must_be_ours(tried, {name for (name,) in source.execute("SELECT name FROM sqlite_master")})  # from here on it is one moment
        file.must_be_there(tried)
        source.backup(copy, pages=_PAGES, progress=told)
        source.execute("COMMIT")
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, which can be read where nothing may be written


def _opened(path: Path) -> sqlite3.Connection:
    """None is made where there is none."""
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)


def _must_be_whole(tried: str, part: Path) -> None:
    with closing(sqlite3.connect(f"{part.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        [(found,), *_] = copy.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise StorageAway(tried, f"the copy is damaged ({found})", "so is the store, as a rule: look at it with `taskkit check`")


def _name(part: Path, path: Path) -> None:
    _to_disk(part)
    try:
        path.hardlink_to(part)  # a rename would put it in the place of what came there meanwhile
    except FileExistsError:
        raise
    except OSError:  # not every file system has such links
        part.rename(path)
    _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
